#include "apps/node/node.h"

#include <sys/random.h>
#include <unistd.h>

#include <chrono>

#include "apps/server/link_setup.h"
#include "apps/server/wan_setup.h"
#include "control/config/port_device.h"
#include "dataplane/runtime/locality.h"
#include "dataplane/runtime/ring_queue.h"

namespace garrison::node {

namespace {

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
  Result<Networks> networks = networks_of(topology_, hosted_);
  if (!networks) return networks.error();
  networks_ = std::move(networks).value();
  membership_ = std::make_unique<MembershipTable>(std::make_unique<Membership>(running_));

  Result<runtime::Machine> machine = runtime::query_machine();
  if (!machine) return machine.error();
  Result<std::vector<WorkerRow>> table = plan_workers(machine.value(), topology_, hosted_, networks_);
  if (!table) return table.error();
  table_ = std::move(table).value();
  for (const WorkerRow& row : table_) workers_.push_back(std::make_unique<runtime::Worker>(row.placement.options()));

  if (Result<void> started = runtime::start_eal(eal_options()); !started) return started;
  std::map<SiteServer, int> memory;
  for (const SiteServer id : hosted_) memory[id] = memory_node(table_, id);
  Result<std::unique_ptr<Ports>> ports = Ports::open(topology_, networks_, memory);
  if (!ports) return ports.error();
  ports_ = std::move(ports).value();
  if (Result<void> servers = build_servers(keys, client_doorbell, attack); !servers) return servers;
  build_stages();
  return {};
}

runtime::EalOptions Node::eal_options() const {
  const runtime::MemoryNeed need = memory_need(table_, hosted_);
  runtime::EalOptions eal;
  eal.memory_mib = 0;
  for (const auto& [node, mib] : need) eal.memory_mib += mib;
  if (networks_.wan_inside) eal.memory_mib += forwarders_inside(topology_).size() * kPortMemoryMib;
  eal.hugepages = topology_.cores.hugepages && runtime::hugepages_suffice(runtime::hugepage_pools({}), need);
  for (const SiteServer id : hosted_) {
    const config::ServerSettings& server = topology_.site(id.site).servers[id.server.index()];
    const auto pci = [](const config::PortSettings& port) {
      return config::device_of(port).kind == config::PortDevice::Kind::pci;
    };
    eal.pci = eal.pci || pci(server.lan) || (server.wan && pci(*server.wan));
  }
  return eal;
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
    const runtime::LocalMemory local(memory_node(table_, id));
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
    const ServerSet over = server::over_forwarders(topology_, id.site);
    if (!over.empty()) server::add_forwarder_queues(queues, server::bundle_slots(over), make_queue);
    server::ServerOptions options{.site = id.site,
                                  .self = id.server,
                                  .incarnation = new_incarnation(),
                                  .udp_checksum = !networks_.all_inside(id.site),
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
          ports_->segment(row.server.site).bind(worker.doorbell());
          worker.add(ports_->segment(row.server.site));
          break;
        case StageKind::wide_area:
          ports_->wide_area()->bind(worker.doorbell());
          worker.add(*ports_->wide_area());
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
  endpoints_.push_back(std::make_unique<HostedEndpoint>(host.lan(), id, *membership_));
  lan_stages_[id] = std::make_unique<stages::LanStage>(host.name() + " lan", ports_->lan(id, worker.doorbell()),
                                                       *endpoints_.back(), ports_->pool(id));
  worker.add(*lan_stages_.at(id));
}

void Node::add_wan(SiteServer id, runtime::Worker& worker) {
  server::Server& host = server(id);
  if (host.wan() == nullptr) return;
  endpoints_.push_back(std::make_unique<HostedEndpoint>(*host.wan(), id, *membership_));
  wan_stages_[id] = std::make_unique<stages::LanStage>(host.name() + " wan", ports_->wan(id, worker.doorbell()),
                                                       *endpoints_.back(), ports_->pool(id));
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
