// What servers need of the machine that they run on, from their topology.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "control/config/port_device.h"
#include "control/config/topology.h"
#include "dataplane/runtime/locality.h"

namespace garrison::host {

// A poll worker, as the table of the node has it.
struct Poller {
  std::string name;
  std::optional<unsigned> cpu;  // none: there are too few cores to pin it
};

// A port on a device of the machine.
struct PortNeed {
  std::string owner;  // "lan of A1"
  config::PortDevice device;
  std::string mac;
  std::size_t ip_mtu = 0;
  std::optional<std::string> gateway;  // the MAC of the router behind a wan port
};

// An address of the topology that the kernel may have learned otherwise.
struct KnownAddress {
  std::string owner;
  std::string ip;
  std::string mac;
};

struct HostNeeds {
  std::string topology;  // its file; empty: of none, which is what one server with ports of its own would need
  bool hugepages = false;
  runtime::MemoryNeed memory{};
  bool dedicated = false;
  std::vector<Poller> pollers{};
  std::vector<PortNeed> ports{};
  std::vector<KnownAddress> addresses{};

  // DPDK drives a PCI device, which then reads and writes memory by itself.
  [[nodiscard]] bool drives_devices() const;
};

// Without the pollers and the memory, which follow from the machine's worker table.
[[nodiscard]] HostNeeds needs_of(const config::Topology& topology,
                                 const std::vector<std::pair<SiteId, ServerId>>& servers);

}  // namespace garrison::host
