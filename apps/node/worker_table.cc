#include "apps/node/worker_table.h"

#include <algorithm>

#include "control/config/names.h"

namespace garrison::node {

std::vector<WorkerRow> plan_workers(const runtime::Machine& machine, const std::vector<ServerId>& servers,
                                    bool in_process_segment, bool dedicated) {
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
    row.stages.push_back({.kind = StageKind::control, .server = servers[i]});
  }
  if (in_process_segment) table.front().stages.push_back({.kind = StageKind::segment, .server = {}});
  for (const ServerId server : servers) {
    WorkerRow row;
    row.placement.name = "crypto-" + std::to_string(server.value() + 1);
    row.placement.ladder = runtime::IdleLadder::shared_cores();
    row.stages.push_back({.kind = StageKind::crypto, .server = server});
    table.push_back(std::move(row));
  }
  return table;
}

}  // namespace garrison::node
