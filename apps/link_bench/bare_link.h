// A cable with nothing behind its ends but a copy: what a port costs by itself. One thread.
#pragma once

#include <algorithm>
#include <cstddef>

#include "dataplane/base/bounds.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/check.h"
#include "dataplane/io/ring_port.h"
#include "dataplane/stages/lan_stage.h"

namespace garrison::link_bench {

// Writes frames of one size, or copies what it gets.
class BareEnd final : public stages::FrameEndpoint {
 public:
  explicit BareEnd(std::size_t frame_bytes) : frame_(frame_bytes, 0x5a), copied_(kMaxFrameBytes) {}

  void on_frame(Instant, ByteView frame) override {
    std::copy(frame.begin(), frame.end(), copied_.begin());
    ++received;
  }
  std::size_t next_frame(Instant, MutableBytes out) override {
    if (to_send == 0) return 0;
    --to_send;
    std::copy(frame_.begin(), frame_.end(), out.begin());
    return frame_.size();
  }
  void poll(Instant) override {}

  std::size_t to_send = 0;
  std::size_t received = 0;

 private:
  Bytes frame_;
  Bytes copied_;
};

// Both ends of a cable with nothing behind them.
class BareLink {
 public:
  BareLink(io::RingCable& cable, std::size_t frame_bytes, rte_mempool& pool)
      : from_(frame_bytes),
        to_(frame_bytes),
        sender_("bare", cable.near_end(), from_, pool),
        receiver_("bare", cable.far_end(), to_, pool) {}

  // From one end to the other; fewer than the cable has slots.
  void carry(std::size_t frames) {
    from_.to_send = frames;
    while (sender_.poll(Instant()) > 0) {
    }
    to_.received = 0;
    while (receiver_.poll(Instant()) > 0) {
    }
    CHECK(to_.received == frames);
  }

 private:
  BareEnd from_;
  BareEnd to_;
  stages::LanStage sender_;
  stages::LanStage receiver_;
};

}  // namespace garrison::link_bench
