// What a machine is, as far as servers with network ports of their own care: read once, then plain values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/host/ethtool.h"
#include "apps/host/interfaces.h"
#include "dataplane/runtime/locality.h"
#include "dataplane/runtime/system_files.h"

namespace garrison::host {

struct CpuFacts {
  std::optional<std::string> governor;  // of cpufreq; none: somebody else decides, such as a hypervisor
  std::vector<unsigned> siblings;       // hardware threads of its core, itself among them; online ones
  bool can_go_offline = false;
};

struct HostFacts {
  std::string kernel;
  std::vector<runtime::HugepagePool> hugepages;
  bool iommu = false;
  std::string cpu_vendor;
  std::vector<std::string> kernel_arguments;
  std::vector<std::string> pending_arguments;  // written for the next boot by a fix of ours
  std::map<unsigned, CpuFacts> cpus;           // online
  std::vector<unsigned> isolated, nohz_full, rcu_nocbs;
  std::vector<std::string> default_route;  // see default_route_devices()
  std::vector<Interface> interfaces;       // on devices
  std::vector<std::string> functions;      // PCI network controllers
  std::vector<Neighbour> neighbours;
  bool vfio_loaded = false;
  bool grub = false;  // the kernel's arguments can be changed in our way
  // What the kernel says that could not be understood: "PATH says \"...\"".
  std::vector<std::string> unreadable;
};

// Arguments for the kernel are added in this file, which update-grub reads.
inline constexpr const char* kGrubFile = "/etc/default/grub.d/garrison.cfg";

[[nodiscard]] HostFacts read_facts(const runtime::SystemFiles& files, const Ethtool& ethtool);

}  // namespace garrison::host
