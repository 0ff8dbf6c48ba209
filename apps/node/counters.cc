#include "apps/node/counters.h"

namespace garrison::node {

DropTotals drops_of(const Node& node, SiteServer id) {
  DropTotals totals{};
  const auto add = [&](const DropCounters& drops) {
    for (std::size_t i = 0; i < kDropReasons; ++i) totals[i] += drops.get(static_cast<DropReason>(i));
  };
  server::Server& server = node.server(id);
  add(server.lan().drops());
  add(server.crypto().drops());
  add(server.control().drops());
  add(server.client().drops());
  add(node.lan_stage(id).counters().drops);
  if (const stages::LanStage* const wan = node.wan_stage(id); wan != nullptr) {
    add(server.wan()->drops());
    add(wan->counters().drops);
  }
  if (server.forwarder() != nullptr) add(server.forwarder()->drops());
  return totals;
}

NamedCounts queue_depths(const server::Queues& queues) {
  return {{"lan_to_crypto", queues.received_timely->size() + queues.received_bounded->size()},
          {"client_to_crypto", queues.client_ops->size()},
          {"crypto_to_control", queues.verified->size() + queues.client_verified->size()},
          {"control_to_crypto", queues.to_sign->size() + queues.to_check->size()},
          {"control_to_lan", queues.to_send->size()},
          {"control_to_client", queues.replies->size() + queues.answers->size()},
          {"client_to_control", queues.queries->size()}};
}

NamedCounts hub_parts(const server::HubCounts& counts) {
  const link::HubSenderStats& parts = counts.sent;
  return {{"sent_first_set", parts.sent_first}, {"sent_second_set", parts.sent_second},
          {"sent_asked", parts.sent_asked},     {"cancelled", parts.cancelled},
          {"needless", parts.needless},         {"overheard", parts.overheard}};
}

}  // namespace garrison::node
