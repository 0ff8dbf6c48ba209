// A dependable forwarder as a process: its sessions with servers, its socket or port towards other forwarders, its
// status.
// Everything but the status runs on the thread that calls run().
#pragma once

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
  [[nodiscard]] nlohmann::json status() const;  // any thread; at most a moment old

 private:
  void poll();
  void publish();
  [[nodiscard]] Result<void> serve_status();

  Setup setup_;
  asio::io_context io_{1};
  Forwarder forwarder_;
  WideEnd wide_;
  LocalSessions sessions_;
  std::unique_ptr<WideTransport> transport_;
  asio::steady_timer publish_timer_;
  mutable std::mutex status_mutex_;  // guards the next two
  nlohmann::json status_;
  std::string metrics_;  // the same for Prometheus
  std::unique_ptr<httplib::Server> http_;
  std::thread http_thread_;
};

}  // namespace garrison::forwarder
