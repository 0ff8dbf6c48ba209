// One server, composed once: the same object is driven by DPDK workers (apps/node) and by virtual time (apps/lab).
//
//   lan part      frames, channels                              a poll worker
//   crypto part   verification, signing                         a crypto thread
//   wan part      frames, channels to other sites, if any       a poll worker
//   control part  ordering core, executor, replies              a control worker
//   client part   sessions of clients                           the mgmt thread
//   forwarder part   what dependable forwarders are presented, and hand over, if any     the mgmt thread
//
// Parts share nothing but the queues; each may live on a thread of its own. A server has no globals: one process
// hosts as many as it likes.
#pragma once

#include <functional>
#include <memory>

#include "apps/server/client_part.h"
#include "apps/server/control_part.h"
#include "apps/server/crypto_part.h"
#include "apps/server/forwarder_part.h"
#include "apps/server/lan_part.h"
#include "apps/server/queues.h"
#include "apps/server/wan_part.h"
#include "control/config/topology.h"
#include "crypto/key_directory.h"
#include "crypto/key_store.h"

namespace garrison::server {

struct ServerOptions {
  SiteId site;
  ServerId self;
  Incarnation incarnation;
  bool udp_checksum = true;
  std::array<std::uint64_t, 2> hash_key{};  // random, secret; see service::ServiceOptions
  // What is made of the correct core: a faulty one, or one that is watched. Empty: nothing.
  WrapCore wrap_core{};
  WrapCore wrap_global_core{};  // the same of the protocol among sites
  // A faulty server of a site among others: what becomes of what it does for its site, and of its shares.
  std::function<void(Instant, site::Member::Outputs&)> tamper{};
  std::function<std::unique_ptr<crypto::ThresholdSigner>(std::unique_ptr<crypto::ThresholdSigner>)> wrap_signer{};
};

class Server {
 public:
  // `topology` is read during the call only; `directory` must outlive the server. `bundle` is this server's own.
  [[nodiscard]] static Result<std::unique_ptr<Server>> make(const config::Topology& topology,
                                                            const crypto::KeyDirectory& directory,
                                                            const crypto::PrivateBundle& bundle,
                                                            const ServerOptions& options, Queues queues);

  [[nodiscard]] ServerId id() const { return options_.self; }
  [[nodiscard]] SiteId site() const { return options_.site; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] LanPart& lan() { return *lan_; }
  [[nodiscard]] WanPart* wan() { return wan_.get(); }                    // null where it talks to no other site
  [[nodiscard]] ForwarderPart* forwarder() { return forwarder_.get(); }  // null where no link goes over one
  [[nodiscard]] CryptoPart& crypto() { return *crypto_; }
  [[nodiscard]] ControlPart& control() { return *control_; }
  [[nodiscard]] ClientPart& client() { return *client_; }
  [[nodiscard]] const Queues& queues() const { return queues_; }

 private:
  Server(std::string name, const ServerOptions& options, Queues queues)
      : name_(std::move(name)), options_(options), queues_(std::move(queues)) {}

  std::string name_;
  ServerOptions options_;
  Queues queues_;
  // In order of what they refer to: control owns the send and reply slabs, lan and client the others.
  std::unique_ptr<ControlPart> control_;
  std::unique_ptr<LanPart> lan_;
  std::unique_ptr<WanPart> wan_;
  std::unique_ptr<ForwarderPart> forwarder_;
  std::unique_ptr<ClientPart> client_;
  std::unique_ptr<CryptoPart> crypto_;
};

}  // namespace garrison::server
