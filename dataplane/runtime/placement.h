// Which worker runs on which CPU. hwloc tells what there is; the table is plain data that an operator may override.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/runtime/worker.h"

namespace garrison::runtime {

// One physical core this process may use, by the first of its hardware threads it may run on.
struct Core {
  unsigned cpu = 0;    // as the kernel numbers CPUs
  int numa_node = -1;  // -1: unknown
};

struct Machine {
  std::vector<Core> cores;  // ascending by cpu
};

Result<Machine> query_machine();

struct WorkerPlacement {
  std::string name{};
  std::optional<unsigned> cpu{};  // none: not pinned
  bool dedicated = false;
  int numa_node = -1;  // where its memory should come from; -1: any
  IdleLadder ladder{};

  [[nodiscard]] WorkerOptions options() const {
    return {.name = name, .cpu = cpu, .dedicated = dedicated, .ladder = ladder};
  }
};

// The default table, in the order of `names`. With a core for each worker and one left over for the kernel, the
// control threads and mgmt, every worker is pinned to its own, cores of `near_numa_node` first, and spins only if
// `dedicated`. With fewer cores nothing is pinned or dedicated and the ladder is short: the kernel shares them out
// better than we can.
std::vector<WorkerPlacement> place_workers(const Machine& machine, std::span<const std::string> names,
                                           bool dedicated = false, int near_numa_node = -1);

}  // namespace garrison::runtime
