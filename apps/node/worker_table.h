// The whole machine as one table: which stages run on which worker, and on which CPU each. Everything that decides it
// stands here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/node/networks.h"
#include "control/config/topology.h"
#include "dataplane/runtime/locality.h"
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

// Poll workers run the servers' LAN, wan and control stages: each [[cores.worker]] of the topology those of its
// servers, the rest share theirs round robin, near their devices. The networks inside the process go to them in turn,
// where there are any. Signatures have threads of their own, one per server, never pinned: private-key operations must
// not stand in a loop that polls a port. `servers` ascend. An error is a fault of the topology on this machine.
[[nodiscard]] Result<std::vector<WorkerRow>> plan_workers(const runtime::Machine& machine,
                                                          const config::Topology& topology,
                                                          const std::vector<SiteServer>& servers,
                                                          const Networks& networks,
                                                          const runtime::SystemFiles& files = {});

// Near which node the devices of a server's ports are: the wan port where it hears a hub, else the LAN port, and the
// other where that one tells nothing. -1: not known.
[[nodiscard]] int node_of_devices(const config::Topology& topology, SiteServer id, const runtime::SystemFiles& files);

// Of the worker that polls a server's ports: where its memory comes from.
[[nodiscard]] int memory_node(const std::vector<WorkerRow>& table, SiteServer id);

// Memory that the node takes from DPDK, and where it must lie.
[[nodiscard]] runtime::MemoryNeed memory_need(const std::vector<WorkerRow>& table,
                                              const std::vector<SiteServer>& servers);

// For people; several lines, each ended.
[[nodiscard]] std::string describe(const std::vector<WorkerRow>& table);

}  // namespace garrison::node
