#include "dataplane/io/segment.h"

#include <array>

#include "dataplane/base/check.h"
#include "dataplane/io/mbuf.h"

namespace garrison::io {

SegmentStage::SegmentStage(std::string name, const std::vector<SegmentPort>& ports, std::size_t slots)
    : name_(std::move(name)) {
  for (const SegmentPort& port : ports) {
    CHECK(port.rx_pool != nullptr && !is_group_address(port.mac));
    CHECK(port_of_.emplace(port.mac, ports_.size()).second);
    ports_.push_back(std::make_unique<SwitchPort>(port, slots));
  }
}

SegmentStage::~SegmentStage() = default;

void SegmentStage::bind(runtime::Doorbell& switch_doorbell) {
  for (const auto& port : ports_) port->switch_end().set_receiver(switch_doorbell);
  bound_ = true;
}

Instant SegmentStage::next_wakeup() const { return bound_ ? Instant::never() : last_poll_ + kSwitchPollInterval; }

std::size_t SegmentStage::poll(Instant now) {
  last_poll_ = now;
  std::size_t received = 0;
  std::array<rte_mbuf*, SwitchPort::kBurst> frames;
  for (std::size_t from = 0; from < ports_.size(); ++from) {
    const std::size_t count = ports_[from]->switch_end().rx_burst(frames);
    for (std::size_t i = 0; i < count; ++i) forward(from, *frames[i]);
    if (count != 0) give_back(std::span(frames).first(count));
    received += count;
  }
  if (received == 0) return 0;
  for (const auto& port : ports_) port->flush(counters_);
  counters_.frames_in.add(received);
  return received;
}

void SegmentStage::forward(std::size_t from, const rte_mbuf& frame) {
  const ByteView bytes = frame_bytes(frame, counters_);
  if (bytes.empty()) return counters_.copies_due.add();
  const MacAddress to = destination_of(bytes);
  if (is_group_address(to)) {
    for (std::size_t i = 0; i < ports_.size(); ++i) {
      if (i == from) continue;
      counters_.copies_due.add();
      ports_[i]->copy(bytes, counters_);
    }
    return;
  }
  counters_.copies_due.add();
  const auto found = port_of_.find(to);
  if (found == port_of_.end() || found->second == from) {
    return counters_.drops.add(DropReason::segment_unknown_mac);
  }
  ports_[found->second]->copy(bytes, counters_);
}

}  // namespace garrison::io
