// One site in virtual time: the same Server objects as a node runs, joined by plain queues and the modelled network,
// with modelled signatures and closed-loop clients.
#pragma once

#include <memory>
#include <vector>

#include "apps/lab/checkers.h"
#include "apps/lab/event_queue.h"
#include "apps/lab/network.h"
#include "apps/server/server.h"
#include "control/client/client_core.h"
#include "control/config/topology.h"
#include "crypto/batch.h"
#include "crypto/mac.h"
#include "dataplane/base/rng.h"

namespace garrison::lab {

// Keys of a site under Scheme::modelled, the same for every seed. Immutable; shared between runs.
struct LabKeys {
  config::Topology topology;
  crypto::KeyDirectory directory;
  std::vector<crypto::PrivateBundle> servers;
  std::vector<crypto::PrivateBundle> clients;
};
[[nodiscard]] std::shared_ptr<const LabKeys> make_lab_keys(std::size_t servers, std::size_t clients, bool lossy);

struct LabTimes {
  Duration hop = microseconds(20);            // between two parts of a server
  Duration client_delay = microseconds(200);  // between a client and a server, either way
};

class LabSite {
 public:
  LabSite(EventQueue& events, std::shared_ptr<const LabKeys> keys, std::uint64_t seed, const LabTimes& times);

  void start();
  // Closed loop: every client submits `updates_each` operations, pausing up to `think` before each.
  void start_clients(std::size_t updates_each, Duration think);
  void crash(ServerId server);

  [[nodiscard]] Network& network() { return network_; }
  [[nodiscard]] Checkers& checkers() { return checkers_; }
  [[nodiscard]] ServerSet crashed() const { return crashed_; }
  [[nodiscard]] std::size_t completed() const { return completed_; }
  [[nodiscard]] std::size_t wanted() const { return wanted_; }
  [[nodiscard]] std::uint64_t client_timeouts() const;
  [[nodiscard]] server::Server& server(ServerId id) { return *servers_[id.index()].server; }
  [[nodiscard]] std::size_t size() const { return servers_.size(); }
  // Every server that has not crashed has executed the whole common order.
  [[nodiscard]] bool caught_up() const;
  // One line per server that is not the same as the first correct one; none when all correct states are equal.
  [[nodiscard]] std::optional<std::string> state_difference();
  // Frames that servers wrote, and that LAN parts accepted or dropped by name, as seen from inside.
  [[nodiscard]] std::uint64_t frames_sent() const;
  [[nodiscard]] std::uint64_t frames_received() const;

 private:
  struct Host {
    std::unique_ptr<server::Server> server;
    Instant pump_at = Instant::never();  // the earliest pump that is scheduled
  };
  struct LabClient {
    explicit LabClient(const client::ClientConfig& config) : core(config) {}
    client::ClientCore core;
    ClientId id;
    std::unique_ptr<crypto::BatchSigner> signer;
    std::vector<crypto::HmacKey> keys;  // by ServerId
    std::vector<Bytes> updates;         // signed, by sequence - 1
    std::size_t to_submit = 0;
    Duration think;
    Instant wakeup_at = Instant::never();
  };

  void schedule_pump(ServerId id, Instant at);
  void pump(ServerId id);
  std::size_t poll_parts(ServerId id);
  void emit_frames(ServerId id);
  void on_frame(ServerId to, ByteView frame);

  void hello(LabClient& client);
  void submit(std::size_t index);
  void carry_out(std::size_t index, const client::Output& output);
  void hand_in(std::size_t index, SeqNum sequence, ServerId to);
  void on_reply(std::size_t index, ServerId from, ByteView message);
  void schedule_client(std::size_t index);
  [[nodiscard]] Bytes random_operation();

  EventQueue& events_;
  std::shared_ptr<const LabKeys> keys_;
  LabTimes times_;
  Rng rng_;
  Network network_;
  Checkers checkers_;
  std::vector<Host> servers_;
  std::vector<std::unique_ptr<LabClient>> clients_;
  ServerSet crashed_;
  std::size_t completed_ = 0;
  std::size_t wanted_ = 0;
};

}  // namespace garrison::lab
