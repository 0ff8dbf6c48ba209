#include "apps/node/node.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "dataplane/runtime/eal.h"
#include "dataplane/runtime/ring_queue.h"

namespace garrison::node {

namespace {

constexpr std::size_t kSegmentSlots = 2048;
constexpr std::size_t kPoolBuffers = 8191;
constexpr std::size_t kPoolMib = 24;  // of kPoolBuffers, rounded up

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
  std::unique_ptr<Node> node(new Node(topology, topology.site(keys.bundles.begin()->second.self.site)));
  if (Result<void> built = node->build(keys, client_doorbell, attack); !built) return built.error();
  return node;
}

Node::~Node() { stop(); }

Result<void> Node::build(const NodeKeys& keys, runtime::Doorbell& client_doorbell, const adversary::Attack* attack) {
  for (const auto& [id, bundle] : keys.bundles) {
    hosted_.push_back(id);
    running_.insert(id);
  }
  const auto is_inproc = [this](ServerId id) {
    return site_.servers[id.index()].lan.port == config::PortSettings::Port::inproc;
  };
  const bool in_process = std::all_of(hosted_.begin(), hosted_.end(), is_inproc);
  if (!in_process && std::any_of(hosted_.begin(), hosted_.end(), is_inproc)) {
    return Error{"port = \"inproc\" joins servers of one process; give every server a port of its own, or none"};
  }
  if (in_process && hosted_.size() != site_.n()) {
    return Error{"port = \"inproc\" needs every server of site " + site_.name +
                 " in one process; give each server a port to run it alone (garrison new --port af_packet)"};
  }
  membership_ = std::make_unique<MembershipTable>(std::make_unique<Membership>(Membership{running_}));

  Result<runtime::Machine> machine = runtime::query_machine();
  if (!machine) return machine.error();
  table_ = plan_workers(machine.value(), hosted_, in_process, topology_.cores.dedicated);
  for (const WorkerRow& row : table_) workers_.push_back(std::make_unique<runtime::Worker>(row.placement.options()));

  runtime::EalOptions eal;
  eal.memory_mib = 64 + kPoolMib * hosted_.size();
  if (Result<void> started = runtime::start_eal(eal); !started) return started;
  if (Result<void> ports = build_ports(in_process); !ports) return ports;
  if (Result<void> servers = build_servers(keys, client_doorbell, attack); !servers) return servers;
  build_stages();
  return {};
}

Result<void> Node::build_ports(bool in_process) {
  for (const ServerId id : hosted_) {
    Result<io::Pool> pool = io::make_pool({.name = "pool-" + site_.servers[id.index()].name, .mbufs = kPoolBuffers});
    if (!pool) return pool.error();
    pools_[id] = std::move(pool).value();
  }
  if (in_process) {
    std::vector<io::SegmentPort> ports;
    for (const ServerId id : hosted_) {
      const config::ServerSettings& server = site_.servers[id.index()];
      ports.push_back({.name = server.name, .mac = server.lan.mac, .rx_pool = pools_.at(id).get()});
    }
    segment_ = std::make_unique<io::SegmentStage>("segment " + site_.name, ports, kSegmentSlots);
    for (std::size_t i = 0; i < hosted_.size(); ++i) ports_[hosted_[i]] = &segment_->port(i);
    return {};
  }
  for (const ServerId id : hosted_) {
    io::EthdevOptions options;
    options.devargs = devargs_of(site_.servers[id.index()].lan, id);
    options.pool = pools_.at(id).get();
    Result<std::unique_ptr<io::EthdevPort>> port = io::EthdevPort::open(options);
    if (!port) return port.error();
    ports_[id] = port.value().get();
    ethdevs_[id] = std::move(port).value();
  }
  return {};
}

Result<void> Node::build_servers(const NodeKeys& keys, runtime::Doorbell& client_doorbell,
                                 const adversary::Attack* attack) {
  for (const ServerId id : hosted_) {
    const auto worker_of = [this, id](StageKind kind) -> runtime::Worker& {
      for (std::size_t w = 0; w < table_.size(); ++w) {
        for (const StageRow& stage : table_[w].stages) {
          if (stage.kind == kind && stage.server == id) return *workers_[w];
        }
      }
      check_failed("every stage of a hosted server has a worker", __FILE__, __LINE__);
    };
    const auto doorbell_of = [&](server::Part part) -> runtime::Doorbell* {
      switch (part) {
        case server::Part::lan:
        case server::Part::wan:  // one worker for both ports of a server
          return &worker_of(StageKind::lan).doorbell();
        case server::Part::crypto:
          return &worker_of(StageKind::crypto).doorbell();
        case server::Part::control:
          return &worker_of(StageKind::control).doorbell();
        case server::Part::client:
          break;
      }
      return &client_doorbell;
    };
    server::Queues queues = server::make_queues(
        site_.n(), [&]<typename T>(std::size_t capacity, server::Part consumer) -> std::unique_ptr<Queue<T>> {
          return std::make_unique<runtime::RingQueue<T>>(capacity, doorbell_of(consumer));
        });
    server::ServerOptions options{.site = site_.id,
                                  .self = id,
                                  .incarnation = new_incarnation(),
                                  .udp_checksum = segment_ == nullptr,
                                  .hash_key = random_hash_key()};
    if (attack != nullptr && attack->faulty().contains(id)) {
      faulty_.insert(id);
      options.wrap_core = [attack, id](std::unique_ptr<ordering::OrderingCore> core) {
        return attack->corrupt(id, std::move(core));
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
          segment_->bind(worker.doorbell());
          worker.add(*segment_);
          break;
        case StageKind::lan: {
          server::Server& host = server(row.server);
          endpoints_[row.server] = std::make_unique<LanEndpoint>(host, *membership_);
          lan_stages_[row.server] = std::make_unique<stages::LanStage>(
              host.name() + " lan", *ports_.at(row.server), *endpoints_.at(row.server), *pools_.at(row.server));
          if (segment_ != nullptr) {
            const auto index =
                static_cast<std::size_t>(std::find(hosted_.begin(), hosted_.end(), row.server) - hosted_.begin());
            segment_->port(index).set_receiver(worker.doorbell());
          }
          worker.add(*lan_stages_.at(row.server));
          break;
        }
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

Result<void> Node::start() {
  for (const std::unique_ptr<runtime::Worker>& worker : workers_) {
    if (Result<void> started = worker->start(); !started) return started;
  }
  return {};
}

void Node::stop() {
  for (const std::unique_ptr<runtime::Worker>& worker : workers_) worker->stop();
}

void Node::halt(ServerId server) {
  running_.erase(server);
  membership_->publish(std::make_unique<Membership>(Membership{running_}));
}

server::Server& Node::server(ServerId id) const {
  for (const std::unique_ptr<server::Server>& one : servers_) {
    if (one->id() == id) return *one;
  }
  check_failed("server is hosted here", __FILE__, __LINE__);
}

}  // namespace garrison::node
