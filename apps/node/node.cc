#include "apps/node/node.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "apps/server/wan_setup.h"
#include "dataplane/runtime/eal.h"
#include "dataplane/runtime/ring_queue.h"

namespace garrison::node {

namespace {

constexpr std::size_t kSegmentSlots = 2048;
constexpr std::size_t kPoolBuffers = 8191;
constexpr std::size_t kPoolMib = 24;  // of kPoolBuffers, rounded up
constexpr std::uint64_t kBitsPerByte = 8;

// One life of a server. Later lives have higher numbers as long as the machine's clock does not run back.
Incarnation new_incarnation() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return Incarnation(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count()));
}

std::array<std::uint64_t, 2> random_hash_key() {
  std::array<std::uint64_t, 2> key{};
  CHECK(getrandom(key.data(), sizeof key, 0) == static_cast<ssize_t>(sizeof key));
  return key;
}

io::WideAreaConfig paths_of(const config::Topology& topology) {
  const std::size_t sites = topology.sites.size();
  io::WideAreaConfig config;
  config.bytes_per_s.assign(sites, topology.wan.rate.has_value() ? topology.wan.rate->bits_per_s / kBitsPerByte : 0);
  config.delay.assign(sites, std::vector<Duration>(sites));
  for (const config::WanPair& pair : topology.wan.pairs) {
    config.delay[pair.first.index()][pair.second.index()] = pair.delay;
    config.delay[pair.second.index()][pair.first.index()] = pair.delay;
  }
  return config;
}

std::string devargs_of(const config::PortSettings& lan, ServerId server) {
  if (lan.port == config::PortSettings::Port::af_packet) {
    // The default of 512 frames drops silently under bursts.
    return "net_af_packet" + std::to_string(server.value()) + ",iface=" + lan.device + ",framecnt=4096,blocksz=65536";
  }
  return lan.device;
}

}  // namespace

Result<std::unique_ptr<Node>> Node::make(const config::Topology& topology, const NodeKeys& keys,
                                         runtime::Doorbell& client_doorbell, const adversary::Attack* attack) {
  CHECK(!keys.bundles.empty());
  std::unique_ptr<Node> node(new Node(topology));
  if (Result<void> built = node->build(keys, client_doorbell, attack); !built) return built.error();
  return node;
}

Node::~Node() { stop(); }

Result<void> Node::build(const NodeKeys& keys, runtime::Doorbell& client_doorbell, const adversary::Attack* attack) {
  for (const auto& [id, bundle] : keys.bundles) {
    hosted_.push_back(id);
    running_.insert(id);
  }
  Result<bool> in_process = meet_in_process();
  if (!in_process) return in_process.error();
  in_process_ = in_process.value();
  membership_ = std::make_unique<MembershipTable>(std::make_unique<Membership>(running_));

  Result<runtime::Machine> machine = runtime::query_machine();
  if (!machine) return machine.error();
  table_ = plan_workers(machine.value(), hosted_, in_process_, topology_.cores.dedicated);
  for (const WorkerRow& row : table_) workers_.push_back(std::make_unique<runtime::Worker>(row.placement.options()));

  runtime::EalOptions eal;
  eal.memory_mib = 64 + kPoolMib * hosted_.size();
  if (Result<void> started = runtime::start_eal(eal); !started) return started;
  if (Result<void> ports = build_ports(); !ports) return ports;
  if (Result<void> servers = build_servers(keys, client_doorbell, attack); !servers) return servers;
  build_stages();
  return {};
}

Result<bool> Node::meet_in_process() const {
  using Port = config::PortSettings::Port;
  const auto inproc = [this](SiteServer id) { return settings_of(id).lan.port == Port::inproc; };
  if (topology_.sites.size() > 1) {
    std::size_t all = 0;
    for (const config::SiteSettings& site : topology_.sites) all += site.n();
    const bool meet = std::ranges::all_of(
        hosted_, [&](SiteServer id) { return inproc(id) && settings_of(id).wan->port == Port::inproc; });
    if (!meet || hosted_.size() != all) {
      return Error{"several sites run in one process only, all servers of them over ports that are \"inproc\""};
    }
    if (std::ranges::any_of(topology_.wan.pairs, [](const config::WanPair& pair) { return pair.rate.has_value(); })) {
      return Error{"the network between sites inside one process has no rate of a pair; give [wan] a rate instead"};
    }
    return true;
  }
  const bool all = std::ranges::all_of(hosted_, inproc);
  if (!all && std::ranges::any_of(hosted_, inproc)) {
    return Error{"port = \"inproc\" joins servers of one process; give every server a port of its own, or none"};
  }
  const config::SiteSettings& site = topology_.sites.front();
  if (all && hosted_.size() != site.n()) {
    return Error{"port = \"inproc\" needs every server of site " + site.name +
                 " in one process; give each server a port to run it alone (garrison new --port af_packet)"};
  }
  return all;
}

Result<void> Node::build_ports() {
  for (const SiteServer id : hosted_) {
    Result<io::Pool> pool = io::make_pool({.name = "pool-" + settings_of(id).name, .mbufs = kPoolBuffers});
    if (!pool) return pool.error();
    pools_[id] = std::move(pool).value();
  }
  if (in_process_) return build_segments(), Result<void>();
  for (const SiteServer id : hosted_) {
    io::EthdevOptions options;
    options.devargs = devargs_of(settings_of(id).lan, id.server);
    options.pool = pools_.at(id).get();
    Result<std::unique_ptr<io::EthdevPort>> port = io::EthdevPort::open(options);
    if (!port) return port.error();
    ethdevs_[id] = std::move(port).value();
  }
  return {};
}

void Node::build_segments() {
  std::map<SiteId, std::vector<io::SegmentPort>> lans;
  std::vector<io::WideAreaPort> wans;
  for (const SiteServer id : hosted_) {
    const config::ServerSettings& settings = settings_of(id);
    rte_mempool* const pool = pools_.at(id).get();
    lans[id.site].push_back({.name = settings.name, .mac = settings.lan.mac, .rx_pool = pool});
    if (!settings.wan.has_value()) continue;
    wans.push_back({{.name = settings.name + " wan", .mac = settings.wan->mac, .rx_pool = pool}, id.site});
  }
  for (const auto& [site, ports] : lans) {
    segments_[site] = std::make_unique<io::SegmentStage>("segment " + topology_.site(site).name, ports, kSegmentSlots);
  }
  for (const SiteServer id : hosted_) rings_[id] = &segments_.at(id.site)->port(id.server.index());
  if (wans.empty()) return;
  wide_area_ = std::make_unique<io::WideAreaStage>("wide area", wans, paths_of(topology_), kSegmentSlots);
  for (std::size_t i = 0; i < hosted_.size(); ++i) wan_rings_[hosted_[i]] = &wide_area_->port(i);
}

runtime::Worker& Node::worker_of(StageKind kind, SiteServer id) const {
  for (std::size_t w = 0; w < table_.size(); ++w) {
    for (const StageRow& stage : table_[w].stages) {
      if (stage.kind == kind && stage.server == id) return *workers_[w];
    }
  }
  check_failed("every stage of a hosted server has a worker", __FILE__, __LINE__);
}

Result<void> Node::build_servers(const NodeKeys& keys, runtime::Doorbell& client_doorbell,
                                 const adversary::Attack* attack) {
  for (const SiteServer id : hosted_) {
    const auto doorbell_of = [&](server::Part part) -> runtime::Doorbell* {
      switch (part) {
        case server::Part::lan:
        case server::Part::wan:  // one worker for both ports of a server
          return &worker_of(StageKind::lan, id).doorbell();
        case server::Part::crypto:
          return &worker_of(StageKind::crypto, id).doorbell();
        case server::Part::control:
          return &worker_of(StageKind::control, id).doorbell();
        case server::Part::client:
          break;
      }
      return &client_doorbell;
    };
    const auto make_queue = [&]<typename T>(std::size_t capacity, server::Part consumer) -> std::unique_ptr<Queue<T>> {
      return std::make_unique<runtime::RingQueue<T>>(capacity, doorbell_of(consumer));
    };
    server::Queues queues = server::make_queues(topology_.site(id.site).n(), make_queue);
    server::add_wan_queues(queues, server::wan_receive_slots(topology_, id.site, id.server), make_queue);
    server::ServerOptions options{.site = id.site,
                                  .self = id.server,
                                  .incarnation = new_incarnation(),
                                  .udp_checksum = !in_process_,
                                  .hash_key = random_hash_key()};
    if (attack != nullptr && id.site == topology_.sites.front().id && attack->faulty().contains(id.server)) {
      faulty_.insert(id);
      options.wrap_core = [attack, id](std::unique_ptr<ordering::OrderingCore> core) {
        return attack->corrupt(id.server, std::move(core));
      };
    }
    Result<std::unique_ptr<server::Server>> made =
        server::Server::make(topology_, keys.directory, keys.bundles.at(id), options, std::move(queues));
    if (!made) return made.error();
    servers_.push_back(std::move(made).value());
  }
  return {};
}

void Node::build_stages() {
  for (std::size_t w = 0; w < table_.size(); ++w) {
    runtime::Worker& worker = *workers_[w];
    for (const StageRow& row : table_[w].stages) {
      switch (row.kind) {
        case StageKind::segment:
          segments_.at(row.server.site)->bind(worker.doorbell());
          worker.add(*segments_.at(row.server.site));
          break;
        case StageKind::wide_area:
          wide_area_->bind(worker.doorbell());
          worker.add(*wide_area_);
          break;
        case StageKind::lan:
          add_lan(row.server, worker);
          break;
        case StageKind::wan:
          add_wan(row.server, worker);
          break;
        case StageKind::control:
          stages_.push_back(std::make_unique<ControlStage>(server(row.server), *membership_));
          worker.add(*stages_.back());
          break;
        case StageKind::crypto:
          stages_.push_back(std::make_unique<CryptoStage>(server(row.server), *membership_));
          worker.add(*stages_.back());
          break;
      }
    }
  }
}

void Node::add_lan(SiteServer id, runtime::Worker& worker) {
  server::Server& host = server(id);
  if (in_process_) rings_.at(id)->set_receiver(worker.doorbell());
  io::Port& port = in_process_ ? static_cast<io::Port&>(*rings_.at(id)) : *ethdevs_.at(id);
  endpoints_.push_back(std::make_unique<HostedEndpoint>(host.lan(), id, *membership_));
  lan_stages_[id] = std::make_unique<stages::LanStage>(host.name() + " lan", port, *endpoints_.back(), *pools_.at(id));
  worker.add(*lan_stages_.at(id));
}

void Node::add_wan(SiteServer id, runtime::Worker& worker) {
  server::Server& host = server(id);
  if (host.wan() == nullptr) return;
  wan_rings_.at(id)->set_receiver(worker.doorbell());
  endpoints_.push_back(std::make_unique<HostedEndpoint>(*host.wan(), id, *membership_));
  wan_stages_[id] =
      std::make_unique<stages::LanStage>(host.name() + " wan", *wan_rings_.at(id), *endpoints_.back(), *pools_.at(id));
  worker.add(*wan_stages_.at(id));
}

Result<void> Node::start() {
  for (const std::unique_ptr<runtime::Worker>& worker : workers_) {
    if (Result<void> started = worker->start(); !started) return started;
  }
  return {};
}

void Node::stop() {
  for (const std::unique_ptr<runtime::Worker>& worker : workers_) worker->stop();
}

void Node::halt(SiteServer id) {
  running_.erase(id);
  membership_->publish(std::make_unique<Membership>(running_));
}

const stages::LanStage* Node::wan_stage(SiteServer id) const {
  const auto found = wan_stages_.find(id);
  return found == wan_stages_.end() ? nullptr : found->second.get();
}

server::Server& Node::server(SiteServer id) const {
  for (const std::unique_ptr<server::Server>& one : servers_) {
    if (id_of(*one) == id) return *one;
  }
  check_failed("server is hosted here", __FILE__, __LINE__);
}

}  // namespace garrison::node
