// A dependable forwarder as a process: its sessions with servers, its socket or port towards other forwarders, its
// status.
// Everything but the status runs on the thread that calls run().
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/forwarder/local_sessions.h"
#include "apps/forwarder/wide_transport.h"

namespace httplib {
class Server;
}

namespace garrison::forwarder {

class ForwarderProcess {
 public:
  // Makes what carries datagrams of `end`; all that it is given outlives it. `received` is to be called after something
  // has come.
  using MakeTransport =
      std::function<std::unique_ptr<WideTransport>(asio::io_context& io, const Setup& setup, WideEnd& end,
                                                   std::function<Instant()> now, std::function<void()> received)>;
  static std::unique_ptr<WideTransport> over_socket(asio::io_context& io, const Setup& setup, WideEnd& end,
                                                    std::function<Instant()> now, std::function<void()> received);
  // Over a socket of the kernel's, unless something else is made.
  explicit ForwarderProcess(Setup setup, const MakeTransport& make_transport = over_socket);
  ~ForwarderProcess();
  ForwarderProcess(const ForwarderProcess&) = delete;
  ForwarderProcess& operator=(const ForwarderProcess&) = delete;

  // Binds everything; port 0 of the local endpoint takes a free one, and that of the status leaves the status out. An
  // error is one line for the operator.
  [[nodiscard]] Result<void> open();
  // Once open: where servers find it.
  [[nodiscard]] config::Endpoint local() const { return sessions_.endpoint(); }
  // Until stop().
  void run() { io_.run(); }
  void stop();  // on the thread of run()

  [[nodiscard]] asio::io_context& io() { return io_; }
  // Any thread; at most a moment old.
  [[nodiscard]] nlohmann::json status() const;
  [[nodiscard]] std::string metrics() const;  // the same for Prometheus

 private:
  // What it shows of itself, taken at one moment. Whoever asks has it written: no work of the thread that forwards.
  struct Shown {
    bool active = false;
    std::size_t sessions = 0;  // of servers
    std::uint64_t refused = 0;
    SeqNum last_sent;
    std::uint64_t sent = 0;
    std::uint64_t given_up = 0;
    std::size_t contents = 0;
    WideCounts wide;
    std::array<std::uint64_t, kDropReasons> drops{};  // by DropReason
  };
  void poll();
  void publish();
  [[nodiscard]] Shown shown() const;
  [[nodiscard]] Result<void> serve_status();

  Setup setup_;
  asio::io_context io_{1};
  Forwarder forwarder_;
  WideEnd wide_;
  LocalSessions sessions_;
  std::unique_ptr<WideTransport> transport_;
  asio::steady_timer publish_timer_;
  mutable std::mutex shown_mutex_;  // guards shown_
  Shown shown_;
  std::unique_ptr<httplib::Server> http_;
  std::thread http_thread_;
};

}  // namespace garrison::forwarder
