// Which device of its machine a port of the topology is.
#pragma once

#include <string>
#include <string_view>

#include "control/config/topology.h"

namespace garrison::config {

struct PortDevice {
  enum class Kind : std::uint8_t {
    none,       // inside the process, or made by DPDK alone
    interface,  // `name` is that of a Linux interface, which keeps its driver
    pci,        // `name` is its address, "0000:3b:00.0"; DPDK drives it
  };
  Kind kind = Kind::none;
  std::string name{};
  friend bool operator==(const PortDevice&, const PortDevice&) = default;
};

[[nodiscard]] PortDevice device_of(const PortSettings& port);

// "inproc", "af_packet:INTERFACE", a PCI address, or a virtual device of DPDK; addresses are not part of it.
[[nodiscard]] Result<PortSettings> parse_port(std::string_view text);

}  // namespace garrison::config
