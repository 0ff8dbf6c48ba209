// A node: one process that hosts servers of one site or of several, and drives their parts from DPDK workers.
//
// Built and stopped by one thread, the main one. Servers whose topology says `inproc` meet on an in-process segment of
// their site, which copies frames as a switch does, and sites on a network that takes the delays of the topology
// (io/wide_area.h); others get the ports that their topology names.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "apps/adversary/attack.h"
#include "apps/node/membership.h"
#include "apps/node/networks.h"
#include "apps/node/ports.h"
#include "apps/node/server_stages.h"
#include "apps/node/worker_table.h"
#include "apps/server/server.h"
#include "control/config/topology.h"
#include "crypto/key_directory.h"
#include "crypto/key_store.h"
#include "dataplane/runtime/doorbell.h"
#include "dataplane/runtime/eal.h"
#include "dataplane/runtime/worker.h"
#include "dataplane/stages/lan_stage.h"

namespace garrison::node {

struct NodeKeys {
  const crypto::KeyDirectory& directory;
  std::map<SiteServer, crypto::PrivateBundle> bundles;  // of the servers hosted here
};

class Node {
 public:
  // Starts the EAL, which a process can do once. `topology` and the directory outlive the node. `client_doorbell`, of
  // the thread that will poll the client parts, is rung when replies wait. `attack`, read during the call, makes some
  // of the first site's servers faulty; null: none.
  [[nodiscard]] static Result<std::unique_ptr<Node>> make(const config::Topology& topology, const NodeKeys& keys,
                                                          runtime::Doorbell& client_doorbell,
                                                          const adversary::Attack* attack = nullptr);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] Result<void> start();
  // Joins every worker. Idempotent.
  void stop();
  // From now on this server is silent and deaf, as if its machine had lost power. For demonstrations and tests.
  void halt(SiteServer id);

  [[nodiscard]] const std::vector<std::unique_ptr<server::Server>>& servers() const { return servers_; }
  [[nodiscard]] server::Server& server(SiteServer id) const;
  [[nodiscard]] bool running(SiteServer id) const { return running_.contains(id); }
  // An attack has made it faulty.
  [[nodiscard]] bool faulty(SiteServer id) const { return faulty_.contains(id); }
  [[nodiscard]] const std::vector<std::unique_ptr<runtime::Worker>>& workers() const { return workers_; }
  [[nodiscard]] const stages::LanStage& lan_stage(SiteServer id) const { return *lan_stages_.at(id); }
  // Null for a server that talks to no other site.
  [[nodiscard]] const stages::LanStage* wan_stage(SiteServer id) const;
  // The port towards other sites, and its buffers, of a forwarder that runs in this process, too; it is gone before the
  // node is. Before start().
  [[nodiscard]] io::Port& forwarder_port(forwarder::ForwarderId id, runtime::Doorbell& receiver) const {
    return ports_->wan(id, receiver);
  }
  [[nodiscard]] rte_mempool& forwarder_pool(forwarder::ForwarderId id) const { return ports_->pool(id); }
  // The network between sites inside this process; null where there is none.
  [[nodiscard]] const io::WideAreaStage* wide_area() const { return ports_->wide_area(); }

 private:
  explicit Node(const config::Topology& topology) : topology_(topology) {}
  Result<void> build(const NodeKeys& keys, runtime::Doorbell& client_doorbell, const adversary::Attack* attack);
  // Hugepages where enough are free, and the PCI bus where a port is on it.
  [[nodiscard]] runtime::EalOptions eal_options() const;
  Result<void> build_servers(const NodeKeys& keys, runtime::Doorbell& client_doorbell, const adversary::Attack* attack);
  void build_stages();
  void add_lan(SiteServer id, runtime::Worker& worker);
  void add_wan(SiteServer id, runtime::Worker& worker);
  [[nodiscard]] runtime::Worker& worker_of(StageKind kind, SiteServer id) const;

  const config::Topology& topology_;
  Networks networks_;
  std::vector<WorkerRow> table_;
  std::vector<SiteServer> hosted_;  // ascending
  Membership running_;
  Membership faulty_;
  std::unique_ptr<MembershipTable> membership_;
  // Destroyed in reverse: workers first, ports and their pools after every stage that holds their buffers.
  std::unique_ptr<Ports> ports_;
  std::vector<std::unique_ptr<server::Server>> servers_;
  std::vector<std::unique_ptr<HostedEndpoint>> endpoints_;
  std::map<SiteServer, std::unique_ptr<stages::LanStage>> lan_stages_;
  std::map<SiteServer, std::unique_ptr<stages::LanStage>> wan_stages_;
  std::vector<std::unique_ptr<runtime::Stage>> stages_;
  std::vector<std::unique_ptr<runtime::Worker>> workers_;
};

}  // namespace garrison::node
