// The RESP gateway: lets unmodified Redis clients use the replicated kv service. It is a client of the servers under
// one or several identities and signs for its users, so whoever reaches its endpoint acts as those identities:
// loopback unless told otherwise.
//
// Whether reads are ordered like updates, so that every reply is linearizable, or answered within the site, is up to
// the identities (client::Reads). Commands pipelined on one connection are replied to in order, and take effect in
// order where they touch the same key (KeyGate); with strict_order, everywhere.
//
// Belongs to the one thread that runs its io_context.
#pragma once

#include <asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "apps/gateway/command_table.h"
#include "apps/gateway/resp_parser.h"
#include "control/config/topology.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"

namespace garrison::gateway {

struct GatewayLimits {
  std::size_t max_connections = 1000;
  std::size_t max_operations = 4096;                     // in flight, of all connections; further ones wait unread
  std::size_t max_replies = 1024;                        // of one connection, owed or unsent
  std::size_t max_unsent_bytes = std::size_t{1} << 20U;  // of one connection, before it is read on
  RespLimits resp;
};

class Gateway {
 public:
  // Replicates an operation, or has it answered if it only reads, and calls back once, later, on the io thread.
  using Replicate = std::function<void(Bytes operation, bool reads_only, std::function<void(Result<Bytes>)> done)>;
  struct Config {
    config::Endpoint listen{{127, 0, 0, 1}, 6379};
    bool strict_order = false;
    GatewayLimits limits;
  };

  // Connections are spread over `identities`; at least one. They and `io` outlive every call-back of theirs.
  Gateway(asio::io_context& io, const Config& config, std::vector<Replicate> identities);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Begins to accept. Returns what was bound: port 0 takes a free one.
  [[nodiscard]] Result<config::Endpoint> listen();
  // Closes every connection; replies that are owed are not sent. Idempotent.
  void stop();
  // For INFO.
  void set_servers_ready(std::function<std::uint64_t()> servers_ready);
  [[nodiscard]] GatewayFacts facts() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace garrison::gateway
