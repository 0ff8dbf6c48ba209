// Closed-loop clients inside the process of the servers: each keeps one update in flight, signed before the clock
// starts, and counts it when f+1 servers have answered alike under their MACs.
//
// The stage stands in for the mgmt thread: it owns the client parts of every server, so that no socket is between
// clients and servers. Everything else is as over TCP: sessions, CLIENT-HELLO, MACs, slabs and rings.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <vector>

#include "apps/server/client_part.h"
#include "control/client/client_core.h"
#include "crypto/mac.h"
#include "dataplane/base/instant.h"
#include "dataplane/runtime/stage.h"

namespace garrison::node {

// One client and all it will ever send: whole signed CLIENT-OPs, sequences from 1.
struct PreparedClient {
  ClientId id;
  Incarnation incarnation;
  std::vector<Bytes> updates;
  std::vector<crypto::HmacKey> keys;  // with each server, by ServerId
};

class ClosedLoop final : public runtime::Stage {
 public:
  struct Config {
    SystemId system;
    SiteId site;
    KeyEpoch epoch;
    std::size_t n = 0;
    std::size_t f = 0;
    Duration timeout = seconds(20);
    // f_plus_1 where the server that a client asks may fail: what is measured then is the site, not a timeout.
    client::Pattern pattern = client::Pattern::one_server;
  };
  // The client parts belong to this stage's worker from now on. Opens every session.
  ClosedLoop(const Config& config, std::vector<server::ClientPart*> parts, std::vector<PreparedClient> clients);

  std::size_t poll(Instant now) override;
  [[nodiscard]] Instant next_wakeup() const override;
  [[nodiscard]] std::string_view name() const override { return "clients"; }

  // Any thread. Latencies are recorded between the two calls.
  void start_measuring() { measuring_.store(true, std::memory_order_relaxed); }
  void stop() { stopping_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t completed() const { return completed_.get(); }
  [[nodiscard]] std::uint64_t resent() const { return resent_.get(); }
  [[nodiscard]] std::uint64_t bad_replies() const { return bad_replies_.get(); }
  // A client has nothing left to send: the measurement ends here.
  [[nodiscard]] bool exhausted() const { return exhausted_.load(std::memory_order_relaxed); }

  // After the worker has stopped: nanoseconds from handing in to f+1 matching replies, in order of completion.
  [[nodiscard]] const std::vector<std::int64_t>& latencies_ns() const { return latencies_ns_; }

 private:
  struct Client {
    explicit Client(const client::ClientConfig& config, PreparedClient made)
        : core(config), prepared(std::move(made)) {}
    client::ClientCore core;
    PreparedClient prepared;
  };
  struct Unsent {
    std::size_t client;
    SeqNum sequence;
    ServerId to;
  };

  void say_hello(Client& client);
  bool on_reply(std::size_t server, server::SessionId session, ByteView message);
  void next_update(std::size_t client);
  void carry_out(std::size_t client);
  bool hand_in(const Unsent& unsent);

  Config config_;
  std::vector<server::ClientPart*> parts_;
  std::vector<Client> clients_;
  std::vector<Unsent> unsent_;  // found a server busy; at most one per client and server
  std::vector<Unsent> retry_;
  client::Output output_;
  Instant now_;
  bool started_ = false;
  Instant next_check_;
  std::atomic<bool> measuring_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> exhausted_{false};
  Counter completed_;
  Counter resent_;
  Counter bad_replies_;
  std::vector<std::int64_t> latencies_ns_;
};

}  // namespace garrison::node
