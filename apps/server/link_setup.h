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

}  // namespace garrison::server
