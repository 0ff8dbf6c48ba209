#include "dataplane/stages/lan_stage.h"

#include <rte_prefetch.h>

#include <algorithm>
#include <utility>

#include "dataplane/base/bounds.h"
#include "dataplane/base/check.h"
#include "dataplane/io/mbuf.h"

namespace garrison::stages {
namespace {

// How often a sleeping worker looks at a port that has no way to tell of frames, and at one that took no more,
// or for a buffer.
constexpr Duration kPollInterval = microseconds(200);

ByteView bytes_of(const rte_mbuf& frame) {
  return {static_cast<const std::uint8_t*>(frame.buf_addr) + frame.data_off, frame.data_len};
}

MutableBytes room_of(const rte_mbuf& frame) {
  return {static_cast<std::uint8_t*>(frame.buf_addr) + frame.data_off, kMaxFrameBytes};
}

}  // namespace

LanStage::LanStage(std::string name, io::Port& port, FrameEndpoint& endpoint, rte_mempool& tx_pool)
    : name_(std::move(name)), port_(port), endpoint_(endpoint), tx_pool_(tx_pool) {
  CHECK(rte_pktmbuf_data_room_size(&tx_pool) >= RTE_PKTMBUF_HEADROOM + kMaxFrameBytes);
}

LanStage::~LanStage() {
  io::give_back(std::span(pending_).first(pending_count_));
  io::give_back(spare_);
}

std::size_t LanStage::poll(Instant now) {
  last_poll_ = now;
  const std::size_t received = receive(now);
  endpoint_.poll(now);
  return received + transmit(now);
}

Instant LanStage::next_wakeup() const {
  const bool must_look = port_.needs_polling() || pending_count_ != 0 || starved_;
  return earlier(endpoint_.next_wakeup(), must_look ? last_poll_ + kPollInterval : Instant::never());
}

std::size_t LanStage::receive(Instant now) {
  std::array<rte_mbuf*, kBurst> frames;
  const std::size_t count = port_.rx_burst(frames);
  if (count == 0) return 0;
  counters_.rx_frames.add(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (i + 1 < count) rte_prefetch0(rte_pktmbuf_mtod(frames[i + 1], const void*));
    if (frames[i]->nb_segs != 1) {
      counters_.drops.add(DropReason::frame_oversized);
      continue;
    }
    endpoint_.on_frame(now, bytes_of(*frames[i]));
  }
  io::give_back(std::span(frames).first(count));
  return count;
}

std::size_t LanStage::transmit(Instant now) {
  if (pending_count_ == 0) fill(now);
  if (pending_count_ == 0) return 0;
  const std::size_t sent = port_.tx_burst({pending_.data(), pending_count_});
  std::copy(pending_.begin() + sent, pending_.begin() + pending_count_, pending_.begin());
  pending_count_ -= sent;
  counters_.tx_frames.add(sent);
  return sent;
}

void LanStage::fill(Instant now) {
  while (pending_count_ < kBurst) {
    if (spare_ == nullptr) spare_ = io::take_mbuf(tx_pool_);
    starved_ = spare_ == nullptr;
    if (starved_) return counters_.tx_no_mbuf.add();
    const std::size_t size = endpoint_.next_frame(now, room_of(*spare_));
    if (size == 0) return;
    CHECK(size <= kMaxFrameBytes);
    spare_->data_len = static_cast<std::uint16_t>(size);
    spare_->pkt_len = static_cast<std::uint32_t>(size);
    pending_[pending_count_++] = std::exchange(spare_, nullptr);
  }
}

}  // namespace garrison::stages
