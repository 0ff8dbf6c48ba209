// The UDP socket of a forwarder towards other forwarders.
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/udp.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <optional>

#include "apps/forwarder/forwarder_setup.h"
#include "apps/forwarder/wide_transport.h"
#include "dataplane/link/pacer.h"

namespace garrison::forwarder {

class WideSocket final : public WideTransport {
 public:
  // `received` is called after something has come. All outlive it.
  WideSocket(asio::io_context& io, const Setup& setup, WideEnd& end, std::function<Instant()> now,
             std::function<void()> received);

  Result<void> open() override;
  void stop() override;
  void poll() override;
  [[nodiscard]] WideCounts counts() const override { return counts_; }

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
  WideCounts counts_;
};

}  // namespace garrison::forwarder
