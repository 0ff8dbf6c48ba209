// The whole machine as one table: which stages run on which worker. Everything that decides it stands here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/ids.h"
#include "dataplane/runtime/placement.h"

namespace garrison::node {

enum class StageKind : std::uint8_t { segment, lan, control, crypto };

struct StageRow {
  StageKind kind{};
  ServerId server;  // meaningless for segment
};

struct WorkerRow {
  runtime::WorkerPlacement placement;
  std::vector<StageRow> stages;  // in poll order
};

// Poll workers share the servers' LAN and control stages round robin; the first also drives the in-process segment,
// where there is one. Signatures have threads of their own, one per server, never pinned: private-key operations must
// not stand in a loop that polls a port.
[[nodiscard]] std::vector<WorkerRow> plan_workers(const runtime::Machine& machine, const std::vector<ServerId>& servers,
                                                  bool in_process_segment, bool dedicated);

}  // namespace garrison::node
