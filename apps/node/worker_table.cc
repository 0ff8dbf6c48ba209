#include "apps/node/worker_table.h"

#include <algorithm>

#include "control/config/names.h"

namespace garrison::node {

std::vector<WorkerRow> plan_workers(const runtime::Machine& machine, const std::vector<SiteServer>& servers,
                                    const Networks& networks, bool dedicated) {
  const std::size_t pollers = std::clamp<std::size_t>(machine.cores.size(), 1, servers.size());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < pollers; ++i) names.push_back("poll-" + std::to_string(i));

  std::vector<WorkerRow> table;
  for (runtime::WorkerPlacement& placement : runtime::place_workers(machine, names, dedicated)) {
    table.push_back({.placement = std::move(placement), .stages = {}});
  }
  for (std::size_t i = 0; i < servers.size(); ++i) {
    WorkerRow& row = table[i % pollers];
    row.stages.push_back({.kind = StageKind::lan, .server = servers[i]});
    if (networks.several_sites) row.stages.push_back({.kind = StageKind::wan, .server = servers[i]});
    row.stages.push_back({.kind = StageKind::control, .server = servers[i]});
  }
  std::size_t next = 0;
  for (const SiteId site : networks.lans_inside) {
    table[next++ % pollers].stages.push_back({.kind = StageKind::segment, .server = {site, ServerId()}});
  }
  if (networks.wan_inside) table[next % pollers].stages.push_back({.kind = StageKind::wide_area, .server = {}});
  for (const SiteServer server : servers) {
    WorkerRow row;
    row.placement.name = "crypto-" + config::server_name(server.site, server.server);
    row.placement.ladder = runtime::IdleLadder::shared_cores();
    row.stages.push_back({.kind = StageKind::crypto, .server = server});
    table.push_back(std::move(row));
  }
  return table;
}

}  // namespace garrison::node
