// Which worker runs on which CPU. hwloc tells what there is, sysfs near which node the devices are; the table is plain
// data, and what the operator says goes first (docs/adr/0022).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/runtime/system_files.h"
#include "dataplane/runtime/worker.h"

namespace garrison::runtime {

// One physical core this process may use, by the first of its hardware threads it may run on.
struct Core {
  unsigned cpu = 0;       // as the kernel numbers CPUs
  int numa_node = -1;     // -1: unknown
  bool isolated = false;  // the kernel puts nothing there by itself (isolcpus)
};

// A hardware thread this process may use.
struct Cpu {
  unsigned cpu = 0;
  unsigned core = 0;  // its core, by Core::cpu
  int numa_node = -1;
};

struct Machine {
  std::vector<Core> cores;            // ascending by cpu
  std::vector<Cpu> cpus{};            // ascending by cpu
  std::vector<unsigned> forbidden{};  // offline, or not this process's (cpusets, cgroups); ascending
};

// The cores are those of this machine, whatever the files say; they say which are isolated.
Result<Machine> query_machine(const SystemFiles& files = {});

// Why no worker can run on this CPU, and what there is instead; empty: it can.
[[nodiscard]] std::string why_unusable(const Machine& machine, unsigned cpu);

struct WorkerWish {
  std::string name{};
  std::optional<unsigned> cpu{};  // the operator's; usable, and no two workers have the same
  int near_numa_node = -1;        // of its devices; -1: anywhere
};

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

// The table, in the order of `wishes`. Who has a CPU of the operator's is pinned to it. With a core for each other
// worker and one left over for the kernel, the control threads and mgmt, each of those is pinned to its own: on the
// node of its devices first, isolated ones first. Pinned workers spin only if `dedicated`. With fewer cores the others
// are neither pinned nor dedicated and their ladder is short: the kernel shares cores out better than we can.
std::vector<WorkerPlacement> place_workers(const Machine& machine, std::span<const WorkerWish> wishes,
                                           bool dedicated = false);

}  // namespace garrison::runtime
