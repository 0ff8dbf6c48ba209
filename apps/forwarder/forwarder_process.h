// A dependable forwarder as a process: its sessions with servers, its socket towards other forwarders, its status.
// Everything but the status runs on the thread that calls run().
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/forwarder/local_sessions.h"
#include "apps/forwarder/wide_socket.h"

namespace httplib {
class Server;
}

namespace garrison::forwarder {

class ForwarderProcess {
 public:
  explicit ForwarderProcess(Setup setup);
  ~ForwarderProcess();
  ForwarderProcess(const ForwarderProcess&) = delete;
  ForwarderProcess& operator=(const ForwarderProcess&) = delete;

  // Binds everything. An error is one line for the operator.
  [[nodiscard]] Result<void> open();
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
  WideSocket socket_;
  asio::steady_timer publish_timer_;
  mutable std::mutex status_mutex_;  // guards status_
  nlohmann::json status_;
  std::unique_ptr<httplib::Server> http_;
  std::thread http_thread_;
};

}  // namespace garrison::forwarder
