// What the site and the wan part of a server both take from the topology.
#pragma once

#include "control/config/topology.h"
#include "control/site/link_plan.h"
#include "dataplane/wire/frame.h"

namespace garrison::server {

[[nodiscard]] inline site::LinkPlan link_plan(const config::Topology& topology, const config::SiteSettings& from,
                                              const config::SiteSettings& to) {
  return {topology.wan_pair(from.id, to.id).kind, {from.n(), from.f}, {to.n(), to.f}};
}

// The sites, by number, that this one reaches over links of a kind.
[[nodiscard]] inline ServerSet over(config::LinkKind kind, const config::Topology& topology, SiteId site) {
  ServerSet sites;
  for (const config::SiteSettings& other : topology.sites) {
    if (other.id != site && topology.wan_pair(site, other.id).kind == kind) sites.insert(ServerId(other.id.value()));
  }
  return sites;
}

[[nodiscard]] inline ServerSet over_forwarders(const config::Topology& topology, SiteId site) {
  return over(config::LinkKind::forwarder, topology, site);
}

[[nodiscard]] inline wire::NetAddress net_address(const config::PortSettings& port) {
  return {.mac = port.mac,
          .ipv4 = static_cast<std::uint32_t>(port.ip[0]) << 24U | static_cast<std::uint32_t>(port.ip[1]) << 16U |
                  static_cast<std::uint32_t>(port.ip[2]) << 8U | port.ip[3],
          .udp_port = port.udp_port};
}

}  // namespace garrison::server
