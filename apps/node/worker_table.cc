#include "apps/node/worker_table.h"

#include <algorithm>

#include "control/config/names.h"

namespace garrison::node {

std::vector<WorkerRow> plan_workers(const runtime::Machine& machine, const std::vector<SiteServer>& servers,
                                    bool in_process, bool dedicated) {
  const std::size_t pollers = std::clamp<std::size_t>(machine.cores.size(), 1, servers.size());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < pollers; ++i) names.push_back("poll-" + std::to_string(i));

  std::vector<WorkerRow> table;
  for (runtime::WorkerPlacement& placement : runtime::place_workers(machine, names, dedicated)) {
    table.push_back({.placement = std::move(placement), .stages = {}});
  }
  std::vector<SiteServer> sites;  // the first server of each
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (sites.empty() || sites.back().site != servers[i].site) sites.push_back(servers[i]);
  }
  for (std::size_t i = 0; i < servers.size(); ++i) {
    WorkerRow& row = table[i % pollers];
    row.stages.push_back({.kind = StageKind::lan, .server = servers[i]});
    if (sites.size() > 1) row.stages.push_back({.kind = StageKind::wan, .server = servers[i]});
    row.stages.push_back({.kind = StageKind::control, .server = servers[i]});
  }
  if (in_process) {
    for (std::size_t i = 0; i < sites.size(); ++i) {
      table[i % pollers].stages.push_back({.kind = StageKind::segment, .server = sites[i]});
    }
    if (sites.size() > 1) table[sites.size() % pollers].stages.push_back({.kind = StageKind::wide_area, .server = {}});
  }
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
