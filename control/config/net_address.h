// A port of the topology as the address of its frames.
#pragma once

#include <cstdint>

#include "control/config/topology.h"
#include "dataplane/wire/frame.h"

namespace garrison::config {

[[nodiscard]] inline wire::NetAddress net_address(const PortSettings& port) {
  return {.mac = port.mac,
          .ipv4 = static_cast<std::uint32_t>(port.ip[0]) << 24U | static_cast<std::uint32_t>(port.ip[1]) << 16U |
                  static_cast<std::uint32_t>(port.ip[2]) << 8U | port.ip[3],
          .udp_port = port.udp_port};
}

}  // namespace garrison::config
