#include "dataplane/io/ring_port.h"

#include <array>

#include "dataplane/io/mbuf.h"

namespace garrison::io {

std::size_t RingPort::rx_burst(std::span<rte_mbuf*> out) {
  const std::size_t received = rx_.pop(out);
  if (received != 0) rx_frames_.add(received);
  return received;
}

std::size_t RingPort::tx_burst(std::span<rte_mbuf*> frames) {
  const std::size_t sent = tx_.push(frames);
  if (sent != 0) tx_frames_.add(sent);
  return sent;
}

PortStats RingPort::stats() const {
  PortStats stats;
  stats.rx_frames = rx_frames_.get();
  stats.tx_frames = tx_frames_.get();
  return stats;
}

RingCable::RingCable(const std::string& name, MacAddress mac, std::size_t slots)
    : to_near_(slots), to_far_(slots), near_(name, mac, to_near_, to_far_), far_(name, mac, to_far_, to_near_) {}

RingCable::~RingCable() {
  std::array<rte_mbuf*, 32> left{};
  for (RingPort::Ring* const ring : {&to_near_, &to_far_}) {
    for (std::size_t n = ring->pop(left); n != 0; n = ring->pop(left)) {
      give_back(std::span(left).first(n));
    }
  }
}

}  // namespace garrison::io
