// Network devices of the machine, from sysfs: interfaces, and PCI functions that a driver for DPDK may hold instead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/host/ethtool.h"
#include "dataplane/runtime/system_files.h"

namespace garrison::host {

struct Interface {
  std::string name;
  std::string pci;     // empty: it is not on a PCI device
  std::string driver;  // empty: a virtual one
  std::string mac;
  int numa_node = -1;
  bool up = false;
  bool promiscuous = false;
  std::optional<bool> carrier;  // none: it is down, or does not tell
  std::optional<std::int64_t> mtu;
  std::optional<std::int64_t> speed_mbps;
  std::optional<Rings> rings;
  std::optional<PauseFrames> pause;
};

struct PciFunction {
  std::string address;
  std::string driver;                   // empty: none
  std::vector<std::string> interfaces;  // of its driver
  std::string iommu_group;              // empty: in none
  std::vector<std::string> held;        // others of its group that a driver of the kernel holds: "0000:3b:00.1 (ixgbe)"
  int numa_node = -1;
};

[[nodiscard]] std::optional<Interface> read_interface(const runtime::SystemFiles& files, const Ethtool& ethtool,
                                                      const std::string& name);
[[nodiscard]] std::optional<PciFunction> read_pci_function(const runtime::SystemFiles& files,
                                                           const std::string& address);

// On devices, not virtual; sorted.
[[nodiscard]] std::vector<std::string> device_interfaces(const runtime::SystemFiles& files);
// PCI functions that are network controllers; sorted.
[[nodiscard]] std::vector<std::string> network_functions(const runtime::SystemFiles& files);

// Interfaces that a default route leads over (IPv4 or IPv6), those below them, and the PCI addresses of all of them.
// Whatever changes one of these may cut the machine off.
[[nodiscard]] std::vector<std::string> default_route_devices(const runtime::SystemFiles& files);

// A neighbour that the kernel has learned or was told.
struct Neighbour {
  std::string ip;
  std::string mac;
  std::string interface;
};
[[nodiscard]] std::vector<Neighbour> read_neighbours(const runtime::SystemFiles& files);

// IPv4 addresses of the machine itself, as text.
[[nodiscard]] std::vector<std::string> local_addresses(const runtime::SystemFiles& files);

// Routers that routes over this interface name, as text.
[[nodiscard]] std::vector<std::string> routers_over(const runtime::SystemFiles& files, const std::string& interface);

}  // namespace garrison::host
