// The receiving side of the logical links of a site: makes link messages of executed parts and hands them on in order.
// Part of the logical machine's state: everything here follows from the local order.
//
// A link message is what the first k parts in local order decode to if the source's signature on it verifies; else what
// a further set of k parts does (dataplane/link/part_collector.h). BOUNDED ones are handed on in sequence, none left
// out. TIMELY ones are handed on at once, and those before them are void.
//
// Parts count within a window. The sender's window keeps BOUNDED ones within it. TIMELY ones go on while this site is
// cut off; so their window follows what so many pairs have sent that one of them is correct.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "control/message/validate.h"
#include "control/site/outgoing.h"
#include "dataplane/base/drops.h"
#include "dataplane/link/part_collector.h"

namespace garrison::site {

struct LinkReceiverConfig {
  SiteId self;
  std::size_t sites = 4;
  Incarnation incarnation{1};
  std::vector<link::PartCollector::Source> sources;  // the other sites, and how each codes
  std::size_t window = 128;                          // link messages per source and class beyond the last one executed
};

// A link message whose source's signature has verified.
struct ReceivedLink {
  SiteId source;
  TrafficClass traffic{};
  SeqNum sequence;
  Bytes bundle;
};

class LinkReceiver {
 public:
  // `validator` outlives it.
  LinkReceiver(const LinkReceiverConfig& config, message::Validator& validator);

  // A part that was executed. Returns the link messages that it completes, in the order in which they are executed.
  [[nodiscard]] std::vector<ReceivedLink> on_part(const message::VerifiedMessage& part, std::vector<DropReason>& drops);

  // BOUNDED link messages handed on, by source.
  [[nodiscard]] const std::vector<SeqNum>& delivered() const { return delivered_[1]; }
  // Whether it was handed on, or is known and waits for its turn.
  [[nodiscard]] bool has(SiteId source, TrafficClass traffic, SeqNum sequence) const;

 private:
  using Waiting = std::map<SeqNum, Bytes>;

  [[nodiscard]] bool verifies(SiteId source, TrafficClass traffic, SeqNum sequence, ByteView candidate);
  [[nodiscard]] std::vector<ReceivedLink> in_turn(SiteId source, TrafficClass traffic);
  void follow_timely(SiteId source, const message::LinkPart& part);

  LinkReceiverConfig config_;
  message::Validator& validator_;
  link::PartCollector collector_;
  // The highest sequence of a TIMELY part, by its index.
  struct Newest {
    link::PartCode code;
    std::vector<SeqNum> by_index;
  };
  std::vector<Newest> newest_timely_;  // by source
  std::vector<SeqNum> delivered_[2];   // by class and source
  std::vector<Waiting> waiting_;       // BOUNDED, by source: decoded out of turn, at most a window
};

}  // namespace garrison::site
