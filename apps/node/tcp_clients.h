// Clients over TCP: one thread, mgmt, that serves the client parts of the servers in this process, and has their
// sessions with dependable forwarders.
//
// Every server has its own endpoint and sessions. What strangers can take is bounded: sessions per server, sessions
// per client, time until CLIENT-HELLO, bytes that wait for a slow reader. A session whose messages find no room in the
// server is not read until there is some, so that TCP slows its client down.
//
// listen() and start() before, stop() after, all by one thread. From start() to stop() the client parts belong to the
// mgmt thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "apps/forwarder/server_end.h"
#include "apps/server/client_part.h"
#include "apps/server/forwarder_part.h"
#include "control/config/topology.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/result.h"
#include "dataplane/runtime/doorbell.h"

namespace garrison::node {

struct TcpLimits {
  std::size_t max_sessions = 1024;                       // of one server
  std::size_t max_sessions_per_client = 4;               // of one server; a further one replaces the oldest
  std::size_t max_unsent_bytes = std::size_t{1} << 20U;  // of one session; replies beyond it are dropped
  Duration greeting_timeout = seconds(5);                // from accepting to CLIENT-HELLO
};

class TcpClients {
 public:
  struct Stats {
    std::uint64_t sessions = 0;  // now
    std::uint64_t accepted = 0;
    std::uint64_t hostile = 0;    // closed for what they sent
    std::uint64_t replaced = 0;   // closed for newer ones, or because they never said hello
    std::uint64_t too_slow = 0;   // replies that found their session's buffer full
    std::uint64_t held_back = 0;  // times that a session waited for room in the server
  };

  explicit TcpClients(const TcpLimits& limits = {});
  // stop()s.
  ~TcpClients();
  TcpClients(const TcpClients&) = delete;
  TcpClients& operator=(const TcpClients&) = delete;

  // To be rung by whoever pushes into a queue that a client part consumes.
  [[nodiscard]] runtime::Doorbell& doorbell();

  // Binds `endpoint` for the clients of `part`, which outlives this object; port 0 takes a free one. Returns what was
  // bound. `name` is the server's, for errors.
  [[nodiscard]] Result<config::Endpoint> listen(const std::string& name, server::ClientPart& part,
                                                const config::Endpoint& endpoint);
  // Sessions of `part`, which outlives this object, with the forwarders of its site.
  void connect(server::ForwarderPart& part, std::vector<forwarder::ServerEnd::Config> ends);
  // Once, after every listen() and connect().
  void start();
  // Closes every session and joins the thread. Idempotent.
  void stop();
  // Closes the endpoint and the sessions of this part, for good; returns at once. Any thread, between start and stop.
  void halt(const server::ClientPart& part);
  // The same of sessions with forwarders.
  void halt(const server::ForwarderPart& part);

  // Of all servers together. Any thread.
  [[nodiscard]] Stats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace garrison::node
