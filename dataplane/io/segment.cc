#include "dataplane/io/segment.h"

#include <algorithm>
#include <cstring>

#include "dataplane/base/bounds.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/check.h"
#include "dataplane/io/mbuf.h"

namespace garrison::io {
namespace {

// While nobody rings for the switch it looks at its ports this often.
constexpr Duration kPollInterval = microseconds(200);

ByteView bytes_of(const rte_mbuf& frame) {
  return {static_cast<const std::uint8_t*>(frame.buf_addr) + frame.data_off, frame.data_len};
}

MacAddress destination_of(ByteView frame) {
  MacAddress mac{};
  std::copy_n(frame.begin(), mac.size(), mac.begin());
  return mac;
}

bool is_group_address(const MacAddress& mac) { return (mac[0] & 1U) != 0; }

}  // namespace

SegmentStage::SegmentStage(std::string name, const std::vector<SegmentPort>& ports, std::size_t slots)
    : name_(std::move(name)) {
  for (const SegmentPort& port : ports) {
    CHECK(port.rx_pool != nullptr && !is_group_address(port.mac));
    CHECK(port_of_.emplace(port.mac, ports_.size()).second);
    ports_.push_back(std::make_unique<PortState>(port, slots));
  }
}

SegmentStage::~SegmentStage() = default;

void SegmentStage::bind(runtime::Doorbell& switch_doorbell) {
  for (const auto& port : ports_) port->cable.near_end().set_receiver(switch_doorbell);
  bound_ = true;
}

Instant SegmentStage::next_wakeup() const { return bound_ ? Instant::never() : last_poll_ + kPollInterval; }

std::size_t SegmentStage::poll(Instant now) {
  last_poll_ = now;
  std::size_t received = 0;
  std::array<rte_mbuf*, kBurst> frames;
  for (std::size_t from = 0; from < ports_.size(); ++from) {
    const std::size_t count = ports_[from]->cable.near_end().rx_burst(frames);
    for (std::size_t i = 0; i < count; ++i) forward(from, *frames[i]);
    if (count != 0) give_back(std::span(frames).first(count));
    received += count;
  }
  if (received == 0) return 0;
  for (const auto& port : ports_) flush(*port);
  counters_.frames_in.add(received);
  return received;
}

void SegmentStage::forward(std::size_t from, const rte_mbuf& frame) {
  const bool malformed = frame.nb_segs != 1 || frame.data_len < kEthernetHeaderBytes;
  const MacAddress to = malformed ? MacAddress{} : destination_of(bytes_of(frame));
  if (!malformed && is_group_address(to)) {
    for (std::size_t i = 0; i < ports_.size(); ++i) {
      if (i != from) copy_to(*ports_[i], frame);
    }
    return;
  }
  const auto found = malformed ? port_of_.end() : port_of_.find(to);
  if (found != port_of_.end() && found->second != from) return copy_to(*ports_[found->second], frame);

  counters_.copies_due.add();
  counters_.drops.add(frame.nb_segs != 1 ? DropReason::frame_oversized
                      : malformed        ? DropReason::frame_truncated
                                         : DropReason::segment_unknown_mac);
}

void SegmentStage::copy_to(PortState& to, const rte_mbuf& frame) {
  counters_.copies_due.add();
  rte_mbuf* const copy = take_mbuf(*to.rx_pool);
  if (copy == nullptr) return counters_.drops.add(DropReason::port_rx_no_mbuf);
  char* const room = rte_pktmbuf_append(copy, frame.data_len);
  if (room == nullptr) {
    give_back(copy);
    return counters_.drops.add(DropReason::frame_oversized);
  }
  std::memcpy(room, bytes_of(frame).data(), frame.data_len);
  to.staged[to.staged_count++] = copy;
  if (to.staged_count == kBurst) flush(to);
}

void SegmentStage::flush(PortState& to) {
  if (to.staged_count == 0) return;
  const std::span<rte_mbuf*> staged(to.staged.data(), to.staged_count);
  const std::size_t sent = to.cable.near_end().tx_burst(staged);
  const std::span<rte_mbuf*> refused = staged.subspan(sent);
  counters_.frames_out.add(sent);
  if (!refused.empty()) {
    counters_.drops.add(DropReason::segment_rx_full, refused.size());
    give_back(refused);
  }
  to.staged_count = 0;
}

}  // namespace garrison::io
