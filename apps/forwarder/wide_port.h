// A forwarder's port towards other forwarders: a NIC that DPDK drives, an interface over af_packet, or one inside the
// process. The thread of the io_context polls it when frames wait, and now and then where the port cannot tell.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "apps/forwarder/forwarder_process.h"
#include "apps/forwarder/wide_frames.h"
#include "dataplane/io/port.h"
#include "dataplane/runtime/doorbell.h"
#include "dataplane/stages/lan_stage.h"

namespace garrison::forwarder {

class WidePort final : public WideTransport {
 public:
  // The port, once it is known whom to wake when frames wait; it and `pool`, for what is sent, outlive the transport.
  using Bind = std::function<io::Port&(runtime::Doorbell& receiver)>;
  // For ForwarderProcess, of a setup that has `frames`.
  [[nodiscard]] static ForwarderProcess::MakeTransport over(Bind bind, rte_mempool& pool);
  // `received` is called after something has come. All outlive it.
  WidePort(asio::io_context& io, const WideFramesConfig& config, WideEnd& end, const Bind& bind, rte_mempool& pool,
           std::function<Instant()> now, std::function<void()> received);

  Result<void> open() override;
  void stop() override;
  void poll() override;
  [[nodiscard]] WideCounts counts() const override { return frames_.counts(); }
  [[nodiscard]] std::uint64_t drops(DropReason reason) const override {
    return frames_.drops().get(reason) + stage_.counters().drops.get(reason);
  }

 private:
  bool work();
  bool turn();
  void wait(Instant until);
  void watch(std::optional<asio::posix::stream_descriptor>& descriptor);

  asio::io_context& io_;
  std::function<Instant()> now_;
  std::function<void()> on_received_;
  WideFrames frames_;
  runtime::Doorbell doorbell_;
  stages::LanStage stage_;
  asio::steady_timer timer_;
  std::optional<asio::posix::stream_descriptor> bell_;    // a copy of the doorbell's
  std::optional<asio::posix::stream_descriptor> device_;  // likewise, of a port that has one
  bool open_ = false;
  bool working_ = false;
};

}  // namespace garrison::forwarder
