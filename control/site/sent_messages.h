// The link messages that this site has sent and may be asked about: BOUNDED ones until they are acknowledged, of TIMELY
// ones the last few. Part of the logical machine's state.
//
// A link message is known as its receiver decodes it, bundle and all, once its batch has come back signed.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "control/site/outgoing.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/state_fields.h"
#include "dataplane/base/traffic.h"

namespace garrison::site {

class SentMessages {
 public:
  // At most `timely_kept` TIMELY ones per site; of BOUNDED ones as many as the sender's window lets be under way.
  SentMessages(std::size_t sites, std::size_t timely_kept) : timely_kept_(timely_kept), sites_(sites) {}

  // A batch closes with these; in the order of their sequences.
  void closed(const std::vector<LinkOut>& links);
  // It has come back signed.
  void settled(const OutgoingBatch& batch, const RootSignature& signature);
  void acknowledged(SiteId to, SeqNum through);
  // Nobody there is answered any more.
  void forget(SiteId to);

  enum class Fate : std::uint8_t {
    never_sent,
    unsigned_yet,
    kept,
    over,  // acknowledged, or a TIMELY one of too long ago
  };
  [[nodiscard]] Fate fate(SiteId to, TrafficClass traffic, SeqNum sequence) const;
  // BOUNDED ones that are kept and signed, by sequence: not acknowledged.
  struct Kept {
    SiteId to;
    SeqNum sequence;
    ByteView bundle;
  };
  [[nodiscard]] std::vector<Kept> unacknowledged() const;
  [[nodiscard]] std::vector<Kept> unacknowledged(SiteId to) const;
  // Of one that is kept.
  [[nodiscard]] ByteView bundle_of(SiteId to, TrafficClass traffic, SeqNum sequence) const;

  STATE_FIELDS(timely_kept_, sites_)

 private:
  struct Lane {
    SeqNum sent;
    std::map<SeqNum, Bytes> kept;  // bundles; empty before they are signed
    STATE_FIELDS(sent, kept)
  };
  struct Site {
    Lane lanes[2];  // by class
    STATE_FIELDS(lanes)
  };
  [[nodiscard]] const Lane& lane(SiteId to, TrafficClass traffic) const {
    return sites_[to.index()].lanes[static_cast<std::size_t>(traffic)];
  }
  [[nodiscard]] Lane& lane(SiteId to, TrafficClass traffic) {
    return sites_[to.index()].lanes[static_cast<std::size_t>(traffic)];
  }

  std::size_t timely_kept_;
  std::vector<Site> sites_;
};

}  // namespace garrison::site
