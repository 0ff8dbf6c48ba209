// Near which memory a device is, and memory near a worker.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "dataplane/runtime/system_files.h"

namespace garrison::runtime {

// The NUMA node of a device, from sysfs; -1: not known, or the machine has one node only. Any thread.
[[nodiscard]] int node_of_pci_device(const SystemFiles& files, const std::string& address);
// Of the device that carries it, where it is a bond, a bridge or a VLAN.
[[nodiscard]] int node_of_interface(const SystemFiles& files, const std::string& interface);

// Interfaces that this one stands on, itself first: those of a bond, a bridge or a VLAN, down to the devices.
[[nodiscard]] std::vector<std::string> with_lower_interfaces(const SystemFiles& files, const std::string& interface);

// Hugepages of one size in one place.
struct HugepagePool {
  int numa_node = -1;  // -1: the kernel does not tell nodes apart
  std::size_t page_kib = 0;
  std::size_t total = 0;
  std::size_t free = 0;
};

// Sizes that the kernel has, reserved or not; by node, then size. What cannot be read counts as none.
[[nodiscard]] std::vector<HugepagePool> hugepage_pools(const SystemFiles& files);

// Free MiB; node -1: anywhere.
[[nodiscard]] std::size_t free_hugepage_mib(const std::vector<HugepagePool>& pools, int numa_node);

// MiB of memory by the node that it must lie on; -1: anywhere.
using MemoryNeed = std::map<int, std::size_t>;
[[nodiscard]] bool hugepages_suffice(const std::vector<HugepagePool>& pools, const MemoryNeed& need);

// While it lives, memory that the calling thread is the first to touch comes from this node as long as it has any;
// what hugepages give does not depend on it. -1, or a kernel without NUMA: no difference.
class LocalMemory {
 public:
  explicit LocalMemory(int numa_node);
  LocalMemory(const LocalMemory&) = delete;
  LocalMemory& operator=(const LocalMemory&) = delete;
  ~LocalMemory();

 private:
  bool set_ = false;
};

}  // namespace garrison::runtime
