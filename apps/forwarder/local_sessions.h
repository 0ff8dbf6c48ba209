// The sessions of a forwarder with the servers of its site, over TCP.
//
// A server has one session: the last one that proved who it is. Until a connection has done so it counts among a few
// strangers, and is closed when it takes too long. A session whose next message is beyond the window is not read until
// the window has moved, so that TCP slows its server down, and nobody else.
//
// Belongs to the thread of the io_context.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "apps/forwarder/forwarder_setup.h"
#include "dataplane/forwarder/session_stream.h"

namespace garrison::forwarder {

class LocalSessions {
 public:
  // `changed` is called when the forwarder may have something to send. All outlive it.
  LocalSessions(asio::io_context& io, const Setup& setup, Forwarder& forwarder, std::function<void()> changed);

  // An error is one line for the operator.
  [[nodiscard]] Result<void> listen();
  void stop();
  // Once listening; port 0 of the setup has become a free one.
  [[nodiscard]] config::Endpoint endpoint() const;

  // Gives the servers what waits for them, and reads on where the window has moved.
  void poll();

  [[nodiscard]] std::size_t sessions() const;                       // of servers
  [[nodiscard]] std::uint64_t refused() const { return refused_; }  // connections that ended as strangers

 private:
  using Tcp = asio::ip::tcp;
  struct Session {
    explicit Session(Tcp::socket connected) : socket(std::move(connected)), greeting(socket.get_executor()) {}
    Tcp::socket socket;
    asio::steady_timer greeting;
    std::array<std::uint8_t, kHelloBytes> hello{};
    ServerId server;
    std::optional<SessionStream> stream;  // once the hello is there
    bool proven = false;
    bool open = true;
    bool writing = false;
    std::optional<SeqNum> put_off;  // what its next message waits for
    Bytes out;
  };
  using SessionPtr = std::shared_ptr<Session>;

  void accept();
  void greet(const SessionPtr& session);
  void read(const SessionPtr& session);
  // Whole frames; true when the session is to be read on.
  bool take(const SessionPtr& session);
  bool prove(const SessionPtr& session);
  void write(const SessionPtr& session);
  void close(const SessionPtr& session);

  asio::io_context& io_;
  const Setup& setup_;
  Forwarder& forwarder_;
  std::function<void()> changed_;
  Tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::vector<SessionPtr> of_;         // by server; null: none
  std::vector<SessionPtr> strangers_;  // in the order of their coming
  std::uint64_t refused_ = 0;
};

}  // namespace garrison::forwarder
