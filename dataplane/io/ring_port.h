// RingCable: an in-process cable, a pair of rings, with a RingPort at either end. No ethdev, so a process may have
// any number of them (it may own only 32 ethdevs).
//
// A cable carries the mbuf itself: whoever receives it owns it. Between servers stands a segment, which copies.
// Thread: one worker per end. A cable frees the mbufs left in it when it is destroyed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "dataplane/base/drops.h"
#include "dataplane/io/port.h"
#include "dataplane/runtime/doorbell.h"
#include "dataplane/runtime/ring_queue.h"

namespace garrison::io {

class RingPort final : public Port {
 public:
  using Ring = runtime::RingQueue<rte_mbuf*>;

  RingPort(std::string name, MacAddress mac, Ring& rx, Ring& tx)
      : name_(std::move(name)), mac_(mac), rx_(rx), tx_(tx) {}

  // The doorbell of the worker that receives here; outlives the cable. Before either worker starts.
  void set_receiver(runtime::Doorbell& doorbell) {
    rx_.set_consumer(&doorbell);
    has_doorbell_ = true;
  }

  std::size_t rx_burst(std::span<rte_mbuf*> out) override;
  std::size_t tx_burst(std::span<rte_mbuf*> frames) override;
  [[nodiscard]] MacAddress mac() const override { return mac_; }
  [[nodiscard]] bool needs_polling() const override { return !has_doorbell_; }
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] PortStats stats() const override;

 private:
  std::string name_;
  MacAddress mac_;
  Ring& rx_;
  Ring& tx_;
  bool has_doorbell_ = false;
  Counter rx_frames_;
  Counter tx_frames_;
};

class RingCable {
 public:
  // Each direction holds `slots` frames. Both ends answer `mac`, the address the cable leads to.
  RingCable(const std::string& name, MacAddress mac, std::size_t slots);
  RingCable(const RingCable&) = delete;
  RingCable& operator=(const RingCable&) = delete;
  ~RingCable();

  [[nodiscard]] RingPort& near_end() { return near_; }
  [[nodiscard]] RingPort& far_end() { return far_; }

 private:
  RingPort::Ring to_near_;
  RingPort::Ring to_far_;
  RingPort near_;
  RingPort far_;
};

}  // namespace garrison::io
