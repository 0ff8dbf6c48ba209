#include "dataplane/runtime/placement.h"

#include <hwloc.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <tuple>

namespace garrison::runtime {
namespace {

struct TopologyDeleter {
  void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<hwloc_topology, TopologyDeleter>;

int node_of(hwloc_obj_t object) { return object->nodeset == nullptr ? -1 : hwloc_bitmap_first(object->nodeset); }

void add_core(hwloc_obj_t object, const std::vector<unsigned>& isolated, Machine& out) {
  if (hwloc_bitmap_iszero(object->cpuset) != 0) return;
  const auto core = static_cast<unsigned>(hwloc_bitmap_first(object->cpuset));
  out.cores.push_back({core, node_of(object), std::ranges::binary_search(isolated, core)});
  for (int cpu = hwloc_bitmap_first(object->cpuset); cpu >= 0; cpu = hwloc_bitmap_next(object->cpuset, cpu)) {
    out.cpus.push_back({static_cast<unsigned>(cpu), core, node_of(object)});
  }
}

// Of those left, the one to give to a worker near this node; `left` is not empty.
std::vector<Core>::const_iterator best_for(const std::vector<Core>& left, int node) {
  return std::ranges::max_element(left, {}, [&](const Core& core) {
    return std::tuple(core.numa_node == node, core.isolated, -static_cast<std::int64_t>(core.cpu));
  });
}

// Cores without a worker of the operator's, less the one that stays free: kernels and daemons favour the first.
std::vector<Core> cores_to_give(const Machine& machine, std::span<const WorkerWish> wishes) {
  std::vector<Core> left = machine.cores;
  for (const WorkerWish& wish : wishes) {
    const auto taken = std::ranges::find_if(machine.cpus, [&](const Cpu& each) { return each.cpu == wish.cpu; });
    if (taken != machine.cpus.end()) std::erase_if(left, [&](const Core& core) { return core.cpu == taken->core; });
  }
  const auto spare = std::ranges::find(left, false, &Core::isolated);
  if (!left.empty()) left.erase(spare == left.end() ? left.begin() : spare);
  return left;
}

}  // namespace

Result<Machine> query_machine(const SystemFiles& files) {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return Error{"hwloc cannot describe this machine"};
  const Topology topology(raw);
  // Without further flags the topology holds only what this process may use (cpusets, cgroups).
  if (hwloc_topology_load(raw) != 0) return Error{"hwloc cannot describe this machine"};

  const std::vector<unsigned> isolated =
      files.cpus("/sys/devices/system/cpu/isolated").value_or(std::vector<unsigned>{});
  // Some virtual machines show hardware threads and no cores.
  const bool cores_known = hwloc_get_nbobjs_by_type(raw, HWLOC_OBJ_CORE) > 0;
  const hwloc_obj_type_t type = cores_known ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
  Machine machine;
  for (hwloc_obj_t object = hwloc_get_next_obj_by_type(raw, type, nullptr); object != nullptr;
       object = hwloc_get_next_obj_by_type(raw, type, object)) {
    add_core(object, isolated, machine);
  }
  if (machine.cores.empty()) return Error{"hwloc finds no CPU this process may use"};
  std::ranges::sort(machine.cores, {}, &Core::cpu);
  std::ranges::sort(machine.cpus, {}, &Cpu::cpu);
  const hwloc_const_bitmap_t all = hwloc_topology_get_complete_cpuset(raw);
  for (int cpu = hwloc_bitmap_first(all); cpu >= 0; cpu = hwloc_bitmap_next(all, cpu)) {
    const auto found = static_cast<unsigned>(cpu);
    if (!std::ranges::binary_search(machine.cpus, found, {}, &Cpu::cpu)) machine.forbidden.push_back(found);
  }
  return machine;
}

std::string why_unusable(const Machine& machine, unsigned cpu) {
  std::vector<unsigned> usable;
  for (const Cpu& each : machine.cpus) usable.push_back(each.cpu);
  if (std::ranges::binary_search(usable, cpu)) return "";
  const bool forbidden = std::ranges::binary_search(machine.forbidden, cpu);
  return "CPU " + std::to_string(cpu) +
         (forbidden ? " is offline, or not allowed to this process" : " does not exist on this machine") +
         "; use one of " + cpu_list(usable);
}

std::vector<WorkerPlacement> place_workers(const Machine& machine, std::span<const WorkerWish> wishes, bool dedicated) {
  std::vector<Core> left = cores_to_give(machine, wishes);
  const auto without = [](const WorkerWish& wish) { return !wish.cpu.has_value(); };
  const bool enough = left.size() >= static_cast<std::size_t>(std::ranges::count_if(wishes, without));
  std::vector<WorkerPlacement> table;
  table.reserve(wishes.size());
  for (const WorkerWish& wish : wishes) {
    WorkerPlacement& placement = table.emplace_back();
    placement.name = wish.name;
    placement.numa_node = wish.near_numa_node;
    if (wish.cpu) {
      placement.cpu = wish.cpu;
      const auto cpu = std::ranges::find(machine.cpus, *wish.cpu, &Cpu::cpu);
      if (cpu != machine.cpus.end()) placement.numa_node = cpu->numa_node;
    } else if (enough) {
      const auto core = best_for(left, wish.near_numa_node);
      placement.cpu = core->cpu;
      placement.numa_node = core->numa_node;
      left.erase(core);
    } else {
      placement.ladder = IdleLadder::shared_cores();
    }
    placement.dedicated = dedicated && placement.cpu.has_value();
  }
  return table;
}

}  // namespace garrison::runtime
