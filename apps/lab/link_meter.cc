#include "apps/lab/link_meter.h"

#include <cstdio>

namespace garrison::lab {

namespace {

using Key = std::tuple<SiteId, SiteId, TrafficClass, SeqNum>;

Key key_of(const site::LinkName& name) { return {name.source, name.destination, name.traffic, name.sequence}; }

}  // namespace

std::optional<LinkTable> link_table(config::LinkKind kind, std::size_t f) {
  const std::size_t n = 3 * f + 1;
  const auto ratio = [](std::size_t sent, std::size_t needed) {
    return static_cast<double>(sent) / static_cast<double>(needed);
  };
  const double all_of_hub = ratio(n, 2 * f + 1);
  switch (kind) {
    case config::LinkKind::erasure:
      return LinkTable{ratio(n, f + 1), ratio(n, f + 1), n, n};
    case config::LinkKind::hub_optimistic:
      return LinkTable{1, all_of_hub, (f + 1) * (2 * f + 1), (f + 1) * n};
    case config::LinkKind::hub_immediate:
      return LinkTable{all_of_hub, all_of_hub, (f + 1) * n, (f + 1) * n};
    case config::LinkKind::forwarder:
      return LinkTable{1, 1, f + 1, f + 1};
    case config::LinkKind::naive:
    case config::LinkKind::hub_minimum_parts:
    case config::LinkKind::blink:
      break;
  }
  return std::nullopt;
}

void LinkMeter::on_said(Instant now, const site::LinkName& name) {
  ++totals_.said;
  under_way_.emplace(key_of(name), now);
}

void LinkMeter::on_executed(Instant now, const site::LinkName& name) {
  const auto at = under_way_.find(key_of(name));
  if (at == under_way_.end()) return;  // of a source that is not watched
  ++totals_.executed;
  totals_.delay = totals_.delay + (now - at->second);
  under_way_.erase(at);
}

void LinkMeter::on_event(message::MessageType type) {
  if (type == message::MessageType::LinkPart || type == message::MessageType::LinkBundle) ++totals_.ordered;
}

}  // namespace garrison::lab
