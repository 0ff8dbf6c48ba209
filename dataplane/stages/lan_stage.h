// LanStage: connects one Port with one FrameEndpoint.
//
// A pass receives one burst into the endpoint, lets the endpoint work, and transmits one burst written by it straight
// into fresh mbufs. A received mbuf is freed by the worker that received it, before the pass ends. Frames the port
// did not take are kept, at most one burst, and go first in the next pass; meanwhile nothing is asked of the
// endpoint, so nothing queues here.
//
// Thread: the worker it was added to. Port, endpoint and pool are the caller's and outlive the stage.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "dataplane/base/drops.h"
#include "dataplane/io/port.h"
#include "dataplane/runtime/stage.h"
#include "dataplane/stages/frame_endpoint.h"

struct rte_mempool;

namespace garrison::stages {

// One writer (the stage's worker), any reader.
struct LanCounters {
  Counter rx_frames;   // taken from the port = on_frame() calls + drops
  Counter tx_frames;   // taken by the port
  Counter tx_no_mbuf;  // passes cut short for want of a buffer; no frame is lost by it
  DropCounters drops;
};

class LanStage final : public runtime::Stage {
 public:
  static constexpr std::size_t kBurst = 32;

  // `tx_pool` gives the mbufs to transmit; its data room holds kMaxFrameBytes (CHECK).
  LanStage(std::string name, io::Port& port, FrameEndpoint& endpoint, rte_mempool& tx_pool);
  ~LanStage() override;

  std::size_t poll(Instant now) override;
  [[nodiscard]] Instant next_wakeup() const override;
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] int wait_fd() const override { return port_.fd(); }

  [[nodiscard]] const LanCounters& counters() const { return counters_; }

 private:
  std::size_t receive(Instant now);
  std::size_t transmit(Instant now);
  void fill(Instant now);

  std::string name_;
  io::Port& port_;
  FrameEndpoint& endpoint_;
  rte_mempool& tx_pool_;
  std::array<rte_mbuf*, kBurst> pending_{};  // written, not yet taken by the port
  std::size_t pending_count_ = 0;
  rte_mbuf* spare_ = nullptr;  // empty, for the next frame the endpoint writes
  bool starved_ = false;       // the last fill found no buffer: nobody will ring when one comes back
  Instant last_poll_;
  LanCounters counters_;
};

}  // namespace garrison::stages
