#include "dataplane/runtime/locality.h"

#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <optional>
#include <string_view>

namespace garrison::runtime {
namespace {

constexpr std::size_t kMaxInterfaces = 64;  // below one another
constexpr std::int64_t kMaxNode = 1023;     // of the kernel
constexpr std::string_view kNodes = "/sys/devices/system/node";
constexpr std::string_view kLowerPrefix = "lower_";

int node_in(const SystemFiles& files, const std::string& path) {
  const auto node = files.number(path);
  return node && *node >= 0 && *node <= kMaxNode ? static_cast<int>(*node) : -1;
}

std::optional<std::size_t> numbered(std::string_view name, std::string_view prefix, std::string_view suffix) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix) || name.size() < prefix.size() + suffix.size()) return {};
  const auto number = parse_number(name.substr(prefix.size(), name.size() - prefix.size() - suffix.size()));
  return number && *number >= 0 ? std::optional(static_cast<std::size_t>(*number)) : std::nullopt;
}

void add_pools(const SystemFiles& files, const std::string& folder, int node, std::vector<HugepagePool>& out) {
  for (const std::string& name : files.names(folder)) {
    const auto page_kib = numbered(name, "hugepages-", "kB");
    if (!page_kib || *page_kib == 0) continue;
    const auto count = [&](const char* what) {
      return static_cast<std::size_t>(
          std::max<std::int64_t>(files.number(folder + "/" + name + "/" + what).value_or(0), 0));
    };
    out.push_back({node, *page_kib, count("nr_hugepages"), count("free_hugepages")});
  }
}

}  // namespace

int node_of_pci_device(const SystemFiles& files, const std::string& address) {
  return node_in(files, "/sys/bus/pci/devices/" + address + "/numa_node");
}

std::vector<std::string> with_lower_interfaces(const SystemFiles& files, const std::string& interface) {
  std::vector<std::string> all{interface};
  for (std::size_t i = 0; i < all.size() && all.size() < kMaxInterfaces; ++i) {
    for (const std::string& name : files.names("/sys/class/net/" + all[i])) {
      if (!name.starts_with(kLowerPrefix)) continue;
      const std::string lower = name.substr(kLowerPrefix.size());
      if (std::ranges::find(all, lower) == all.end()) all.push_back(lower);
    }
  }
  return all;
}

int node_of_interface(const SystemFiles& files, const std::string& interface) {
  for (const std::string& each : with_lower_interfaces(files, interface)) {
    if (const int node = node_in(files, "/sys/class/net/" + each + "/device/numa_node"); node >= 0) return node;
  }
  return -1;
}

std::vector<HugepagePool> hugepage_pools(const SystemFiles& files) {
  std::vector<HugepagePool> pools;
  for (const std::string& name : files.names(std::string(kNodes))) {
    const auto node = numbered(name, "node", "");
    if (!node || *node > static_cast<std::size_t>(kMaxNode)) continue;
    add_pools(files, std::string(kNodes) + "/" + name + "/hugepages", static_cast<int>(*node), pools);
  }
  if (pools.empty()) add_pools(files, "/sys/kernel/mm/hugepages", -1, pools);
  std::ranges::sort(pools, [](const HugepagePool& a, const HugepagePool& b) {
    return std::pair(a.numa_node, a.page_kib) < std::pair(b.numa_node, b.page_kib);
  });
  return pools;
}

std::size_t free_hugepage_mib(const std::vector<HugepagePool>& pools, int numa_node) {
  std::size_t mib = 0;
  for (const HugepagePool& pool : pools) {
    if (numa_node < 0 || pool.numa_node < 0 || pool.numa_node == numa_node) mib += pool.free * pool.page_kib / 1024;
  }
  return mib;
}

bool hugepages_suffice(const std::vector<HugepagePool>& pools, const MemoryNeed& need) {
  std::size_t all = 0;
  for (const auto& [node, mib] : need) {
    all += mib;
    if (node >= 0 && free_hugepage_mib(pools, node) < mib) return false;
  }
  return free_hugepage_mib(pools, -1) >= all;
}

LocalMemory::LocalMemory(int numa_node) {
  if (numa_node < 0 || numa_node > kMaxNode) return;
  constexpr std::size_t kBits = sizeof(unsigned long) * CHAR_BIT;
  std::array<unsigned long, (kMaxNode + kBits) / kBits> nodes{};
  nodes[static_cast<std::size_t>(numa_node) / kBits] = 1UL << (static_cast<std::size_t>(numa_node) % kBits);
  // The kernel leaves the last of the bits that it is told of out.
  set_ = syscall(SYS_set_mempolicy, MPOL_PREFERRED, nodes.data(), nodes.size() * kBits + 1) == 0;
}

LocalMemory::~LocalMemory() {
  if (set_) syscall(SYS_set_mempolicy, MPOL_DEFAULT, nullptr, 0UL);
}

}  // namespace garrison::runtime
