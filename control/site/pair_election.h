// Which (forwarder, peer) pair carries the link messages of this site over each blink link, [CUST] 5.1 (docs/adr/0020).
// Part of the logical machine's state: all of it follows from the local order.
//
// The first link message of a link that is not acknowledged has until a timeout of the site clock; an acknowledgement
// that moves on sets it anew for the next one. When it expires, the next pair in static order is in office, and sends
// again what is not acknowledged. TIMELY link messages are not sent again, but watched in the same way by themselves:
// who passes on none of them is found, too. Each link is independent; all start with pair 0.
//
// The timeout is the same for all pairs. Only when all of them have been in office and nothing was acknowledged is it
// longer: then the other site is lost or cut off, and what waits for it need not be sent to it as often.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "control/site/outgoing.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/state_fields.h"
#include "dataplane/base/traffic.h"

namespace garrison::site {

struct PairElectionConfig {
  using NotState = void;
  std::vector<std::size_t> pairs;  // by SiteId; 0, or none: no blink link
  Duration timeout = seconds(2);
};

class PairElection {
 public:
  explicit PairElection(const PairElectionConfig& config);

  [[nodiscard]] bool over_blink(SiteId site) const {
    return site.index() < config_.pairs.size() && config_.pairs[site.index()] > 0;
  }
  // The rest is of blink links alone.

  // A link message with items closes.
  void sent(Instant now, SiteId to, TrafficClass traffic, SeqNum sequence);
  // `by` has executed link messages of this class up to `through`. False when that is no news, or more than was sent.
  bool acknowledged(Instant now, SiteId by, TrafficClass traffic, SeqNum through);
  // Whether an acknowledgement moves anything on.
  [[nodiscard]] bool news(const LinkAcknowledgement& acknowledgement) const;
  // Nothing more is expected of it.
  void cut_off(SiteId site);

  // Links whose next pair is in office from now on.
  [[nodiscard]] std::vector<SiteId> expire(Instant now);
  [[nodiscard]] Instant next_wakeup() const;

  [[nodiscard]] std::size_t in_office(SiteId to) const;  // see config::LinkPairs
  [[nodiscard]] std::uint64_t rotations(SiteId to) const { return links_[to.index()].rotations; }

  STATE_FIELDS(config_, links_)

 private:
  // Of one class.
  struct Watch {
    SeqNum sent;
    SeqNum acknowledged;
    Instant expires = Instant::never();
    STATE_FIELDS(sent, acknowledged, expires)
  };
  struct Link {
    Watch watches[2];  // by class
    std::uint64_t rotations = 0;
    std::uint64_t fruitless = 0;  // of them, since something was acknowledged
    bool cut_off = false;
    STATE_FIELDS(watches, rotations, fruitless, cut_off)
  };
  static void move_on(Watch& watch, SeqNum through, Instant expires);
  [[nodiscard]] Instant expiry(Instant now, SiteId site) const;

  PairElectionConfig config_;
  std::vector<Link> links_;  // by SiteId
};

}  // namespace garrison::site
