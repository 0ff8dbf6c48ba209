// The whole machine as one table: which stages run on which worker. Everything that decides it stands here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/node/networks.h"
#include "dataplane/runtime/placement.h"

namespace garrison::node {

enum class StageKind : std::uint8_t { segment, wide_area, lan, wan, control, crypto };

struct StageRow {
  StageKind kind{};
  SiteServer server;  // of a segment only its site counts, of the wide area nothing
};

struct WorkerRow {
  runtime::WorkerPlacement placement;
  std::vector<StageRow> stages;  // in poll order
};

// Poll workers share the servers' LAN, wan and control stages round robin, and the networks inside the process, where
// there are any. Signatures have threads of their own, one per server, never pinned:
// private-key operations must not stand in a loop that polls a port. `servers` ascend.
[[nodiscard]] std::vector<WorkerRow> plan_workers(const runtime::Machine& machine,
                                                  const std::vector<SiteServer>& servers, const Networks& networks,
                                                  bool dedicated);

}  // namespace garrison::node
