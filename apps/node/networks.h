// Which networks of a node's servers are inside its process: those that the topology calls "inproc". The LAN of each
// site, and the network between sites, may be of a kind of its own.
#pragma once

#include <vector>

#include "apps/node/membership.h"
#include "control/config/topology.h"
#include "dataplane/base/result.h"
#include "dataplane/forwarder/datagrams.h"

namespace garrison::node {

struct Networks {
  std::vector<SiteId> lans_inside;  // ascending
  bool several_sites = false;       // the servers have ports towards other sites
  bool wan_inside = false;

  [[nodiscard]] bool lan_inside(SiteId site) const;
  // Whether frames of a server of this site cross no wire at all.
  [[nodiscard]] bool all_inside(SiteId site) const { return lan_inside(site) && (!several_sites || wan_inside); }
};

// Of the hosted servers, ascending. A network inside a process reaches no other one: the error, one line for the
// operator, names what is missing here.
[[nodiscard]] Result<Networks> networks_of(const config::Topology& topology, const std::vector<SiteServer>& hosted);

// Those whose ports are "inproc", ascending.
[[nodiscard]] std::vector<forwarder::ForwarderId> forwarders_inside(const config::Topology& topology);

}  // namespace garrison::node
