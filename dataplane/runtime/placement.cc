#include "dataplane/runtime/placement.h"

#include <hwloc.h>

#include <algorithm>
#include <memory>

namespace garrison::runtime {
namespace {

struct TopologyDeleter {
  void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<hwloc_topology, TopologyDeleter>;

Core to_core(hwloc_obj_t core) {
  const int node = core->nodeset == nullptr ? -1 : hwloc_bitmap_first(core->nodeset);
  return {.cpu = static_cast<unsigned>(hwloc_bitmap_first(core->cpuset)), .numa_node = node};
}

}  // namespace

Result<Machine> query_machine() {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return Error{"hwloc cannot describe this machine"};
  const Topology topology(raw);
  // Without further flags the topology holds only what this process may use (cpusets, cgroups).
  if (hwloc_topology_load(raw) != 0) return Error{"hwloc cannot describe this machine"};

  // Some virtual machines show hardware threads and no cores.
  const bool cores_known = hwloc_get_nbobjs_by_type(raw, HWLOC_OBJ_CORE) > 0;
  const hwloc_obj_type_t type = cores_known ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
  Machine machine;
  for (hwloc_obj_t object = hwloc_get_next_obj_by_type(raw, type, nullptr); object != nullptr;
       object = hwloc_get_next_obj_by_type(raw, type, object)) {
    if (hwloc_bitmap_iszero(object->cpuset) == 0) machine.cores.push_back(to_core(object));
  }
  if (machine.cores.empty()) return Error{"hwloc finds no CPU this process may use"};
  std::ranges::sort(machine.cores, {}, &Core::cpu);
  return machine;
}

std::vector<WorkerPlacement> place_workers(const Machine& machine, std::span<const std::string> names, bool dedicated,
                                           int near_numa_node) {
  std::vector<WorkerPlacement> table;
  table.reserve(names.size());
  if (machine.cores.size() <= names.size()) {
    for (const std::string& name : names) table.push_back({.name = name, .ladder = IdleLadder::shared_cores()});
    return table;
  }
  // The first core stays free: kernels and daemons favour it.
  std::vector<Core> cores(machine.cores.begin() + 1, machine.cores.end());
  std::stable_partition(cores.begin(), cores.end(), [&](const Core& core) { return core.numa_node == near_numa_node; });
  for (std::size_t i = 0; i < names.size(); ++i) {
    table.push_back({.name = names[i], .cpu = cores[i].cpu, .dedicated = dedicated, .numa_node = cores[i].numa_node});
  }
  return table;
}

}  // namespace garrison::runtime
