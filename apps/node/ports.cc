#include "apps/node/ports.h"

#include <utility>

#include "apps/server/wan_setup.h"
#include "control/config/names.h"
#include "dataplane/runtime/locality.h"

namespace garrison::node {

namespace {

constexpr std::size_t kSegmentSlots = 2048;
constexpr std::uint64_t kBitsPerByte = 8;

const config::ServerSettings& settings_of(const config::Topology& topology, SiteServer id) {
  return topology.site(id.site).servers[id.server.index()];
}

const config::ForwarderSettings& settings_of(const config::Topology& topology, forwarder::ForwarderId id) {
  return topology.site(id.site).forwarders[id.role == forwarder::Role::primary ? 0 : 1];
}

io::WideAreaConfig paths_of(const config::Topology& topology) {
  const std::size_t sites = topology.sites.size();
  io::WideAreaConfig config;
  config.bytes_per_s.assign(sites, topology.wan.rate.has_value() ? topology.wan.rate->bits_per_s / kBitsPerByte : 0);
  config.delay.assign(sites, std::vector<Duration>(sites));
  for (const config::WanPair& pair : topology.wan.pairs) {
    config.delay[pair.first.index()][pair.second.index()] = pair.delay;
    config.delay[pair.second.index()][pair.first.index()] = pair.delay;
    if (!config::on_hub(pair.kind)) continue;
    config.hubs.resize(sites);
    config.hubs[pair.first.index()] = config.hubs[pair.second.index()] = true;
  }
  return config;
}

}  // namespace

Result<std::unique_ptr<io::EthdevPort>> open_device(const config::PortSettings& port, std::size_t nth,
                                                    rte_mempool& pool, bool listens_only) {
  const bool of_kernel = port.port == config::PortSettings::Port::af_packet;
  return io::EthdevPort::open({.devargs = of_kernel ? io::af_packet_devargs(port.device, nth) : port.device,
                               .pool = &pool,
                               .listens_only = listens_only});
}

Result<std::unique_ptr<Ports>> Ports::open(const config::Topology& topology, const Networks& networks,
                                           const std::map<SiteServer, int>& hosted) {
  std::unique_ptr<Ports> ports(new Ports());
  for (const auto& [id, numa_node] : hosted) {
    const runtime::LocalMemory local(numa_node);
    Result<io::Pool> pool = io::make_pool(
        {.name = "pool-" + settings_of(topology, id).name, .mbufs = kPoolBuffers, .numa_node = numa_node});
    if (!pool) return pool.error();
    ports->pools_[id] = std::move(pool).value();
    if (Result<void> opened = ports->open_devices(topology, networks, id); !opened) return opened.error();
  }
  for (const SiteId site : networks.lans_inside) ports->make_segment(topology.site(site));
  if (networks.wan_inside) {
    if (Result<void> made = ports->make_wide_area(topology); !made) return made.error();
  }
  return ports;
}

Result<void> Ports::open_devices(const config::Topology& topology, const Networks& networks, SiteServer id) {
  const config::ServerSettings& settings = settings_of(topology, id);
  const auto open = [&](const config::PortSettings& port, OnePort& out) -> Result<void> {
    Result<std::unique_ptr<io::EthdevPort>> device = open_device(port, devices_++, pool(id));
    if (!device) return device.error();
    out.device = std::move(device).value();
    return {};
  };
  if (!networks.lan_inside(id.site)) {
    if (Result<void> opened = open(settings.lan, lans_[id]); !opened) return opened;
  }
  // In a site alone nobody talks to others, and on the naive link most servers do not.
  const bool talks = server::wan_receive_slots(topology, id.site, id.server) > 0;
  return talks && !networks.wan_inside ? open(*settings.wan, wans_[id]) : Result<void>();
}

void Ports::make_segment(const config::SiteSettings& site) {
  std::vector<io::SegmentPort> ports;
  for (const config::ServerSettings& server : site.servers) {
    ports.push_back({.name = server.name, .mac = server.lan.mac, .rx_pool = pools_.at({site.id, server.id}).get()});
  }
  segments_[site.id] = std::make_unique<io::SegmentStage>("segment " + site.name, ports, kSegmentSlots);
  for (const config::ServerSettings& server : site.servers) {
    lans_[{site.id, server.id}].ring = &segments_.at(site.id)->port(server.id.index());
  }
}

Result<void> Ports::make_wide_area(const config::Topology& topology) {
  std::vector<io::WideAreaPort> ports;
  for (const auto& [id, pool] : pools_) {
    const config::ServerSettings& settings = settings_of(topology, id);
    ports.push_back({{.name = settings.name + " wan", .mac = settings.wan->mac, .rx_pool = pool.get()}, id.site});
  }
  for (const forwarder::ForwarderId id : forwarders_inside(topology)) {
    const config::PortSettings& settings = *settings_of(topology, id).wan_port;
    const std::string name = config::forwarder_name(id.site, id.role == forwarder::Role::backup);
    Result<io::Pool> pool = io::make_pool({.name = "pool-" + name, .mbufs = kPoolBuffers});
    if (!pool) return pool.error();
    io::Pool& kept = forwarder_pools_[id] = std::move(pool).value();
    ports.push_back({{.name = name + " wan", .mac = settings.mac, .rx_pool = kept.get()}, id.site});
  }
  wide_area_ = std::make_unique<io::WideAreaStage>("wide area", ports, paths_of(topology), kSegmentSlots);
  std::size_t next = 0;
  for (const auto& [id, pool] : pools_) wans_[id].ring = &wide_area_->port(next++);
  for (const auto& [id, pool] : forwarder_pools_) forwarders_[id].ring = &wide_area_->port(next++);
  return {};
}

io::Port& Ports::bind(const OnePort& port, runtime::Doorbell& receiver) {
  if (port.device != nullptr) return *port.device;
  port.ring->set_receiver(receiver);
  return *port.ring;
}

}  // namespace garrison::node
