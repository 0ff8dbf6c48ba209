// Writes the text of a new topology, commented for the operator who will edit it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/config/topology.h"

namespace garrison::config {

struct NewTopology {
  std::string name = "garrison";
  SystemId system;  // draw it at random: two deployments must not share one
  std::size_t sites = 1;
  std::optional<std::size_t> f_global{};  // F, of several sites; none: as many as there can be
  std::optional<LinkKind> link{};         // between all of several sites; none: erasure
  bool backup_forwarders = false;         // beside each site's forwarder, where the links go over them
  bool forwarders_inside = false;         // those have "inproc" ports, as all servers must; else sockets
  std::size_t servers = 4;                // of each site: 3f + 1
  std::uint32_t clients = 4;
  ServiceKind service = ServiceKind::kv;
  LocalProtocol protocol = LocalProtocol::prime;
  crypto::Scheme server_scheme = crypto::Scheme::ed25519;
  crypto::Scheme client_scheme = crypto::Scheme::ed25519;
  // One for all servers, or one each: those of site A, then of site B and so on.
  std::vector<std::string> ports{"inproc"};     // as [[site.server]] lan.port takes it
  std::vector<std::string> wan_ports{};         // likewise, of several sites; empty: "inproc"
  std::vector<std::string> hosts{"127.0.0.1"};  // for clients and status
};

// Text that parse_topology takes; an error when the wishes cannot be met.
[[nodiscard]] Result<std::string> new_topology_text(const NewTopology& wishes);

}  // namespace garrison::config
