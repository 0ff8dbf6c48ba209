#include "dataplane/io/switch_port.h"

#include <algorithm>
#include <cstring>

#include "dataplane/base/bounds.h"
#include "dataplane/io/mbuf.h"

namespace garrison::io {

void SwitchPort::copy(ByteView frame, SegmentCounters& counters) {
  rte_mbuf* const copy = take_mbuf(rx_pool_);
  if (copy == nullptr) return counters.drops.add(DropReason::port_rx_no_mbuf);
  char* const room = rte_pktmbuf_append(copy, static_cast<std::uint16_t>(frame.size()));
  if (room == nullptr) {
    give_back(copy);
    return counters.drops.add(DropReason::frame_oversized);
  }
  std::memcpy(room, frame.data(), frame.size());
  staged_[staged_count_++] = copy;
  if (staged_count_ == kBurst) flush(counters);
}

void SwitchPort::flush(SegmentCounters& counters) {
  if (staged_count_ == 0) return;
  const std::span<rte_mbuf*> staged(staged_.data(), staged_count_);
  const std::size_t sent = cable_.near_end().tx_burst(staged);
  const std::span<rte_mbuf*> refused = staged.subspan(sent);
  counters.frames_out.add(sent);
  if (!refused.empty()) {
    counters.drops.add(DropReason::segment_rx_full, refused.size());
    give_back(refused);
  }
  staged_count_ = 0;
}

ByteView frame_bytes(const rte_mbuf& frame, SegmentCounters& counters) {
  if (frame.nb_segs != 1) {
    counters.drops.add(DropReason::frame_oversized);
    return {};
  }
  if (frame.data_len < kEthernetHeaderBytes) {
    counters.drops.add(DropReason::frame_truncated);
    return {};
  }
  return {static_cast<const std::uint8_t*>(frame.buf_addr) + frame.data_off, frame.data_len};
}

}  // namespace garrison::io
