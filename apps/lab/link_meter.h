// What a logical link costs, as [ARCH] Table 1 counts it: copies of each link message on the wide area, events that
// the receiving site orders for it, and how long it takes. Beside it what the table says.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>

#include "control/config/topology.h"
#include "control/message/catalogue.h"
#include "control/site/outgoing.h"
#include "dataplane/base/instant.h"

namespace garrison::lab {

// [ARCH] Table 1, for sites of 3f + 1 servers.
struct LinkTable {
  double least_overhead = 0;  // bytes sent over bytes of the link message
  double most_overhead = 0;
  std::size_t least_orderings = 0;  // local, at the receiving site, per link message
  std::size_t most_orderings = 0;
};
// None for links that the table does not have.
[[nodiscard]] std::optional<LinkTable> link_table(config::LinkKind kind, std::size_t f);

// The same of a run, per link message.
struct LinkFigures {
  config::LinkKind kind = config::LinkKind::erasure;
  std::size_t f = 0;
  double overhead = 0;
  double orderings = 0;
  double delay_ms = 0;
};

// Of all links between correct servers' machines. Told of one machine per site.
class LinkMeter {
 public:
  struct Totals {
    std::uint64_t said = 0;      // link messages
    std::uint64_t executed = 0;  // of them, at the other site
    std::uint64_t ordered = 0;   // parts and bundles executed by the local order of the receiver
    Duration delay;              // of `executed` together: from the batch that closes to the order that hands it on
  };

  void on_said(Instant now, const site::LinkName& name);
  void on_executed(Instant now, const site::LinkName& name);
  void on_event(message::MessageType type);
  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  using Key = std::tuple<SiteId, SiteId, TrafficClass, SeqNum>;

  Totals totals_;
  std::map<Key, Instant> under_way_;
};

}  // namespace garrison::lab
