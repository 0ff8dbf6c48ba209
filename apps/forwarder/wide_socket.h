// The UDP socket of a forwarder towards other forwarders: takes datagrams from its WideEnd at the rate of the site,
// marked with their class, and gives it what comes. Belongs to the thread of the io_context.
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/udp.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <optional>

#include "apps/forwarder/forwarder_setup.h"
#include "dataplane/link/pacer.h"

namespace garrison::forwarder {

class WideSocket {
 public:
  // `received` is called after something has come. All outlive it.
  WideSocket(asio::io_context& io, const Setup& setup, WideEnd& end, std::function<Instant()> now,
             std::function<void()> received);

  // An error is one line for the operator.
  [[nodiscard]] Result<void> open();
  void stop();
  // Sends what may be sent now, and sets itself to go on.
  void poll();

  [[nodiscard]] std::uint64_t sent() const { return sent_; }  // datagrams
  [[nodiscard]] std::uint64_t sent_bytes() const { return sent_bytes_; }
  [[nodiscard]] std::uint64_t received() const { return received_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }  // that the kernel refused to send

 private:
  using Udp = asio::ip::udp;
  void receive();
  void mark(TrafficClass traffic);
  // False: the socket takes nothing now.
  bool send(const WideEnd::Outgoing& outgoing);

  const Setup& setup_;
  WideEnd& end_;
  std::function<Instant()> now_;
  std::function<void()> on_received_;
  Udp::socket socket_;
  asio::steady_timer timer_;
  link::Pacer pacer_;
  std::map<ForwarderId, Udp::endpoint> addresses_;
  std::optional<WideEnd::Outgoing> waiting_;  // the socket had no room for it
  std::optional<TrafficClass> marked_;
  std::array<std::uint8_t, 2048> buffer_{};
  Udp::endpoint from_;
  std::uint64_t sent_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t failed_ = 0;
};

}  // namespace garrison::forwarder
