// A node: one process that hosts servers of a site and drives their parts from DPDK workers.
//
// Built and stopped by one thread, the main one. Servers whose topology says `inproc` meet on an in-process segment,
// which copies frames as a switch does; others get the port their topology names.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "apps/adversary/attack.h"
#include "apps/node/membership.h"
#include "apps/node/server_stages.h"
#include "apps/node/worker_table.h"
#include "apps/server/server.h"
#include "control/config/topology.h"
#include "crypto/key_directory.h"
#include "crypto/key_store.h"
#include "dataplane/io/ethdev_port.h"
#include "dataplane/io/pool.h"
#include "dataplane/io/segment.h"
#include "dataplane/runtime/doorbell.h"
#include "dataplane/runtime/worker.h"
#include "dataplane/stages/lan_stage.h"

namespace garrison::node {

struct NodeKeys {
  const crypto::KeyDirectory& directory;
  std::map<ServerId, crypto::PrivateBundle> bundles;  // of the servers hosted here
};

class Node {
 public:
  // Starts the EAL, which a process can do once. `topology` and the directory outlive the node. `client_doorbell`, of
  // the thread that will poll the client parts, is rung when replies wait. `attack`, read during the call, makes some
  // of the servers faulty; null: none.
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
  void halt(ServerId server);

  [[nodiscard]] const std::vector<std::unique_ptr<server::Server>>& servers() const { return servers_; }
  [[nodiscard]] server::Server& server(ServerId id) const;
  [[nodiscard]] ServerSet running() const { return running_; }
  // Of those hosted here, the ones that an attack has made faulty.
  [[nodiscard]] ServerSet faulty() const { return faulty_; }
  [[nodiscard]] const std::vector<std::unique_ptr<runtime::Worker>>& workers() const { return workers_; }
  // Null where servers have ports of their own.
  [[nodiscard]] const io::SegmentStage* segment() const { return segment_.get(); }
  [[nodiscard]] const stages::LanStage& lan_stage(ServerId id) const { return *lan_stages_.at(id); }

 private:
  Node(const config::Topology& topology, const config::SiteSettings& site) : topology_(topology), site_(site) {}
  Result<void> build(const NodeKeys& keys, runtime::Doorbell& client_doorbell, const adversary::Attack* attack);
  Result<void> build_ports(bool in_process);
  Result<void> build_servers(const NodeKeys& keys, runtime::Doorbell& client_doorbell, const adversary::Attack* attack);
  void build_stages();

  const config::Topology& topology_;
  const config::SiteSettings& site_;
  std::vector<WorkerRow> table_;
  std::vector<ServerId> hosted_;
  ServerSet running_;
  ServerSet faulty_;
  std::unique_ptr<MembershipTable> membership_;
  // Destroyed in reverse: workers first, pools after every port and stage that holds their buffers.
  std::map<ServerId, io::Pool> pools_;
  std::unique_ptr<io::SegmentStage> segment_;
  std::map<ServerId, std::unique_ptr<io::EthdevPort>> ethdevs_;
  std::map<ServerId, io::Port*> ports_;
  std::vector<std::unique_ptr<server::Server>> servers_;
  std::map<ServerId, std::unique_ptr<LanEndpoint>> endpoints_;
  std::map<ServerId, std::unique_ptr<stages::LanStage>> lan_stages_;
  std::vector<std::unique_ptr<runtime::Stage>> stages_;
  std::vector<std::unique_ptr<runtime::Worker>> workers_;
};

}  // namespace garrison::node
