#include "apps/forwarder/wide_frames.h"

#include <algorithm>

namespace garrison::forwarder {

void WideFrames::on_frame(Instant now, ByteView ethernet_frame) {
  wire::Datagram datagram;
  if (const auto refused = wire::parse_datagram_to(config_.address, ethernet_frame, datagram); refused.has_value()) {
    return drops_.add(*refused);
  }
  ++counts_.received;
  end_.on_datagram(now, datagram.payload);
}

std::size_t WideFrames::next_frame(Instant now, MutableBytes out) {
  held_back_ = now < pacer_.next();
  if (held_back_) return 0;
  const std::optional<WideEnd::Outgoing> next = end_.next(now);
  if (!next.has_value()) return 0;
  const std::size_t size = kEncapsulationBytes + next->datagram.size();
  CHECK(size <= out.size());
  std::ranges::copy(next->datagram, out.begin() + kEncapsulationBytes);
  wire::encapsulate(out.first(size), config_.address, config_.peers.at(next->to), next->traffic,
                    config_.udp_checksum ? wire::UdpChecksum::software : wire::UdpChecksum::none);
  pacer_.on_sent(now, size);
  ++counts_.sent;
  counts_.sent_bytes += next->datagram.size();
  return size;
}

Instant WideFrames::next_wakeup() const { return held_back_ ? pacer_.next() : end_.next_wakeup(); }

}  // namespace garrison::forwarder
