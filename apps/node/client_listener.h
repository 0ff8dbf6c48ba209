// The TCP side of one server's client part: its acceptor and its sessions. Belongs to the thread that runs the
// io_context; TcpClients drives it.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "apps/client/framing.h"
#include "apps/node/tcp_clients.h"
#include "dataplane/base/drops.h"

namespace garrison::node {

class ClientListener {
 public:
  // `on_held` is called when a session begins to wait for room: retry_held() is due soon.
  ClientListener(asio::io_context& io, server::ClientPart& part, const TcpLimits& limits,
                 std::function<void()> on_held);

  [[nodiscard]] Result<config::Endpoint> listen(const std::string& name, const config::Endpoint& endpoint);
  void start();
  void stop();

  // Sends waiting replies. Returns how many.
  std::size_t poll();
  // Offers the server again what it had no room for. False when nothing waits any more.
  bool retry_held();
  // Closes sessions that have not said hello in time. To be called about once a second.
  void sweep();

  [[nodiscard]] const server::ClientPart& part() const { return part_; }
  [[nodiscard]] TcpClients::Stats stats() const;  // any thread

 private:
  using SessionId = server::SessionId;
  using Clock = std::chrono::steady_clock;

  // Handlers that are under way keep it alive; `open` tells them whether it still counts.
  struct Session {
    Session(SessionId number, asio::ip::tcp::socket connected) : id(number), socket(std::move(connected)) {}
    SessionId id;
    asio::ip::tcp::socket socket;
    Clock::time_point opened = Clock::now();
    client::FrameReader reader;
    Bytes unsent;
    Bytes in_flight;  // being written
    std::optional<ClientId> client;
    bool writing = false;
    bool dirty = false;
    bool open = true;
  };
  using SessionPtr = std::shared_ptr<Session>;

  void accept();
  void admit(asio::ip::tcp::socket socket);
  void read(const SessionPtr& session);
  // True when the session is to be read on.
  bool take_messages(const SessionPtr& session);
  void greeted(const SessionPtr& session, ByteView hello);
  bool queue(SessionId id, ByteView message);
  void write(const SessionPtr& session);
  void close(const SessionPtr& session);
  void replace_oldest();

  server::ClientPart& part_;
  TcpLimits limits_;
  std::function<void()> on_held_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer accept_pause_;
  bool stopped_ = false;
  SessionId last_id_ = 0;
  std::map<SessionId, SessionPtr> sessions_;  // ids ascend, so the oldest comes first, here and below
  std::set<SessionId> ungreeted_;
  std::set<SessionId> held_;  // their next message found no room
  std::map<ClientId, std::deque<SessionId>> by_client_;
  std::vector<SessionPtr> dirty_;  // have something to write

  Counter opened_;
  Counter closed_;
  Counter hostile_;
  Counter replaced_;
  Counter too_slow_;
  Counter held_back_;
};

}  // namespace garrison::node
