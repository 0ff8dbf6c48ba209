#include "apps/node/networks.h"

#include <algorithm>
#include <cstddef>
#include <string>

namespace garrison::node {

namespace {
bool inproc(const config::PortSettings& port) { return port.port == config::PortSettings::Port::inproc; }
}  // namespace

bool Networks::lan_inside(SiteId site) const { return std::ranges::find(lans_inside, site) != lans_inside.end(); }

// The topology's parser has seen to it that the ports of one network are of one kind.
Result<Networks> networks_of(const config::Topology& topology, const std::vector<SiteServer>& hosted) {
  Networks networks;
  networks.several_sites = topology.sites.size() > 1;
  std::size_t all = 0;
  for (const config::SiteSettings& site : topology.sites) {
    all += site.n();
    const auto here = static_cast<std::size_t>(std::ranges::count(hosted, site.id, &SiteServer::site));
    if (here == 0 || !inproc(site.servers.front().lan)) continue;
    if (here != site.n()) {
      return Error{"port = \"inproc\" needs every server of site " + site.name +
                   " in one process; give each server a port to run it alone (garrison new --port af_packet)"};
    }
    networks.lans_inside.push_back(site.id);
  }
  if (!networks.several_sites) return networks;
  networks.wan_inside = inproc(*topology.sites.front().servers.front().wan);
  if (!networks.wan_inside) return networks;
  if (hosted.size() != all) {
    return Error{
        "wan ports that are \"inproc\" need all servers of all sites in one process; give each server one of its own "
        "to run them in several (garrison new --wan-port af_packet)"};
  }
  if (std::ranges::any_of(topology.wan.pairs, [](const config::WanPair& pair) { return pair.rate.has_value(); })) {
    return Error{"the network between sites inside one process has no rate of a pair; give [wan] a rate instead"};
  }
  return networks;
}

std::vector<forwarder::ForwarderId> forwarders_inside(const config::Topology& topology) {
  std::vector<forwarder::ForwarderId> inside;
  for (const config::SiteSettings& site : topology.sites) {
    for (std::size_t i = 0; i < site.forwarders.size(); ++i) {
      const auto& port = site.forwarders[i].wan_port;
      if (!port.has_value() || !inproc(*port)) continue;
      inside.push_back({site.id, i == 0 ? forwarder::Role::primary : forwarder::Role::backup});
    }
  }
  return inside;
}

}  // namespace garrison::node
