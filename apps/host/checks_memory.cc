// Hugepages and the IOMMU.
#include <fmt/format.h>

#include <algorithm>

#include "apps/host/host_check.h"

namespace garrison::host {
namespace {

using runtime::HugepagePool;

// What may lie anywhere goes where something must lie anyway.
runtime::MemoryNeed by_node(const HostNeeds& needs, const HostFacts& facts) {
  runtime::MemoryNeed need = needs.memory;
  const auto anywhere = need.find(-1);
  if (anywhere == need.end()) return need;
  const std::size_t mib = anywhere->second;
  need.erase(anywhere);
  const int node = !need.empty()             ? need.begin()->first
                   : facts.hugepages.empty() ? -1
                                             : facts.hugepages.front().numa_node;
  need[node] += mib;
  return need;
}

// Of small pages: one large one would do for all servers, and is seldom to be had after boot.
const HugepagePool* pool_to_grow(const HostFacts& facts, int node) {
  const auto here = std::ranges::find_if(facts.hugepages, [&](const HugepagePool& pool) {
    return node < 0 || pool.numa_node < 0 || pool.numa_node == node;
  });
  return here == facts.hugepages.end() ? nullptr : &*here;  // sorted by node, then size
}

void check_node(const HostFacts& facts, int node, std::size_t mib, Report& out) {
  const std::size_t free = runtime::free_hugepage_mib(facts.hugepages, node);
  if (free >= mib) return;
  const std::string where = node < 0 ? "this machine" : fmt::format("node {}", node);
  Finding finding{"hugepages",
                  node < 0 ? "" : where,
                  fmt::format("{} has {} MiB free, and {} MiB are needed", where, free, mib),
                  {}};
  const HugepagePool* const pool = pool_to_grow(facts, node);
  if (pool == nullptr) {
    finding.text = fmt::format("{} has none, and its kernel cannot reserve any; {} MiB are needed", where, mib);
    finding.fix.advice = "boot a kernel with CONFIG_HUGETLBFS";
  } else {
    const std::size_t pages = pool->total + ((mib - free) * 1024 + pool->page_kib - 1) / pool->page_kib;
    const std::string folder = pool->numa_node < 0 ? std::string("/sys/kernel/mm")
                                                   : fmt::format("/sys/devices/system/node/node{}", pool->numa_node);
    finding.fix.steps = {write_step(fmt::format("{}/hugepages/hugepages-{}kB/nr_hugepages", folder, pool->page_kib),
                                    std::to_string(pages))};
    finding.fix.advice = "until the next boot, and as far as memory is not in pieces; docs/real-nics.md keeps it";
  }
  out.findings.push_back(std::move(finding));
}

}  // namespace

void check_hugepages(const HostFacts& facts, const HostNeeds& needs, Report& out) {
  for (const HugepagePool& pool : facts.hugepages) {
    out.facts.push_back({"hugepages", pool.numa_node < 0 ? "" : fmt::format("node {}", pool.numa_node),
                         fmt::format("{} of {} kB, {} free", pool.total, pool.page_kib, pool.free)});
  }
  if (facts.hugepages.empty()) out.facts.push_back({"hugepages", "", "none, and the kernel knows of no size"});
  if (!needs.hugepages) return;
  for (const auto& [node, mib] : by_node(needs, facts)) check_node(facts, node, mib, out);
}

void check_iommu(const HostFacts& facts, const HostNeeds& needs, Report& out) {
  out.facts.push_back({"iommu", "", facts.iommu ? "on" : "off, or there is none"});
  if (facts.iommu || !needs.drives_devices()) return;
  Finding finding{"iommu", "", "vfio-pci cannot give a device to a process: no IOMMU is on", {}};
  const bool intel = facts.cpu_vendor == "GenuineIntel";
  const bool amd = facts.cpu_vendor == "AuthenticAMD";
  const std::string arguments = intel ? "intel_iommu=on iommu=pt" : "iommu=pt";
  const bool told =
      std::ranges::find(facts.kernel_arguments, intel ? "intel_iommu=on" : "iommu=pt") != facts.kernel_arguments.end();
  constexpr const char* kFirmware =
      "turn it on in the firmware (VT-d, AMD-Vi, SMMU); a virtual machine must be given one by its host";
  if (told || !(intel || amd)) {
    finding.fix.advice = kFirmware;
  } else {
    finding.fix = kernel_arguments_fix(facts, arguments);
    finding.fix.advice += fmt::format("; if it stays off, {}", kFirmware);
  }
  out.findings.push_back(std::move(finding));
}

}  // namespace garrison::host
