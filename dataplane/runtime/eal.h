// Starts DPDK's environment abstraction layer (EAL), embedded: no hugepages, no root, no shared files, no PCI scan
// and no output unless asked.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "dataplane/base/result.h"

namespace garrison::runtime {

struct EalOptions {
  std::size_t memory_mib =
      128;                 // all that pools, rings of ethdevs and drivers will take; hugepages come as they are asked
  bool hugepages = false;  // needs pages reserved by the operator, on every node that memory is asked of
  bool pci = false;        // ports may be opened on PCI devices; none is touched before
};

// What the EAL is started with by a process that may run on these CPUs.
std::vector<std::string> eal_arguments(const EalOptions& options, const std::vector<unsigned>& cpus);

// Once per process, from the main thread, before any pool or port. The calling thread keeps its CPU affinity.
// A second call, and any failure, is an error of one line; after a failure the process cannot try again.
Result<void> start_eal(const EalOptions& options);

// Any thread.
[[nodiscard]] bool eal_started();

// The last line DPDK logged since the previous call, without its line end; empty if none. DPDK's errors go here
// instead of the terminal, for whoever turns a failed call into an Error. Any thread.
std::string take_eal_message();

}  // namespace garrison::runtime
