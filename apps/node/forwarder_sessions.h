// The sessions of one server with the dependable forwarders of its site: what its forwarder part presents, and what it
// is handed. Belongs to the thread that runs the io_context; TcpClients drives it.
#pragma once

#include <asio/io_context.hpp>
#include <memory>
#include <vector>

#include "apps/forwarder/server_end.h"
#include "apps/server/forwarder_part.h"

namespace garrison::node {

class ForwarderSessions {
 public:
  // `part` outlives every call-back: none follows stop(). `ends`: one for each of its forwarders.
  ForwarderSessions(asio::io_context& io, server::ForwarderPart& part, std::vector<forwarder::ServerEnd::Config> ends);

  void start();
  void stop();
  // Returns how many messages were handed to the sessions.
  std::size_t poll();
  [[nodiscard]] const server::ForwarderPart& part() const { return part_; }

 private:
  server::ForwarderPart& part_;
  std::vector<std::shared_ptr<forwarder::ServerEnd>> ends_;
  bool stopped_ = false;
};

}  // namespace garrison::node
