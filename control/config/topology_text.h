// Writes the text of a new topology, commented for the operator who will edit it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/config/topology.h"

namespace garrison::config {

struct NewTopology {
  std::string name = "garrison";
  SystemId system;          // draw it at random: two deployments must not share one
  std::size_t servers = 4;  // 3f + 1
  std::uint32_t clients = 4;
  ServiceKind service = ServiceKind::kv;
  LocalProtocol protocol = LocalProtocol::prime;
  crypto::Scheme server_scheme = crypto::Scheme::ed25519;
  crypto::Scheme client_scheme = crypto::Scheme::ed25519;
  std::vector<std::string> ports{"inproc"};     // as [[site.server]] lan.port takes it; one for all, or one each
  std::vector<std::string> hosts{"127.0.0.1"};  // for clients and status; one for all, or one each
};

// Text that parse_topology takes; an error when the wishes cannot be met.
[[nodiscard]] Result<std::string> new_topology_text(const NewTopology& wishes);

}  // namespace garrison::config
