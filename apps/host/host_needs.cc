#include "apps/host/host_needs.h"

#include <algorithm>

namespace garrison::host {
namespace {

using config::PortDevice;

PortNeed port_need(const config::PortSettings& port, std::string owner, std::size_t ip_mtu) {
  PortNeed need;
  need.owner = std::move(owner);
  need.device = config::device_of(port);
  need.mac = config::to_string(port.mac);
  need.ip_mtu = ip_mtu;
  return need;
}

}  // namespace

bool HostNeeds::drives_devices() const {
  return topology.empty() ||
         std::ranges::any_of(ports, [](const PortNeed& port) { return port.device.kind == PortDevice::Kind::pci; });
}

HostNeeds needs_of(const config::Topology& topology, const std::vector<std::pair<SiteId, ServerId>>& servers) {
  HostNeeds needs;
  needs.topology = topology.file;
  needs.dedicated = topology.cores.dedicated;
  for (const auto& [site, id] : servers) {
    const config::ServerSettings& server = topology.site(site).servers[id.index()];
    if (config::device_of(server.lan).kind != PortDevice::Kind::none) {
      needs.ports.push_back(port_need(server.lan, "lan of " + server.name, topology.link.ip_mtu));
    }
    if (!server.wan || config::device_of(*server.wan).kind == PortDevice::Kind::none) continue;
    PortNeed wan = port_need(*server.wan, "wan of " + server.name, topology.wan.link.ip_mtu);
    if (server.wan->gateway) wan.gateway = config::to_string(*server.wan->gateway);
    needs.ports.push_back(std::move(wan));
  }
  for (const config::SiteSettings& site : topology.sites) {
    for (const config::ServerSettings& server : site.servers) {
      const auto add = [&](const config::PortSettings& port, const char* which) {
        if (port.port == config::PortSettings::Port::inproc) return;
        needs.addresses.push_back({which + server.name, config::to_string(port.ip), config::to_string(port.mac)});
      };
      add(server.lan, "lan of ");
      if (server.wan) add(*server.wan, "wan of ");
    }
  }
  needs.hugepages = topology.cores.hugepages && needs.drives_devices();
  return needs;
}

}  // namespace garrison::host
