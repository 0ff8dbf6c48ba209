// Topologies of nodes, by the kinds of their ports.
#pragma once

#include <string>
#include <vector>

#include "apps/node/networks.h"
#include "control/config/topology_text.h"

namespace garrison::node {

inline constexpr SiteId kA(0);
inline constexpr SiteId kB(1);

inline config::Topology topology(std::size_t sites, const std::string& port, const std::string& wan_port) {
  config::NewTopology wishes;
  wishes.system = SystemId(1);
  wishes.sites = sites;
  wishes.ports = {port};
  if (sites > 1) wishes.wan_ports = {wan_port};
  return config::parse_topology(config::new_topology_text(wishes).value(), "test").value();
}

inline std::vector<SiteServer> servers_of(const config::Topology& topology) {
  std::vector<SiteServer> all;
  for (const config::SiteSettings& site : topology.sites) {
    for (const config::ServerSettings& server : site.servers) all.push_back({site.id, server.id});
  }
  return all;
}

}  // namespace garrison::node
