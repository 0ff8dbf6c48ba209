// One transmit port of limited rate: the uplink of one server, or of all servers of a site together.
//
// A frame takes its own bytes, Ethernet header included, over the rate: what netem counts. TIMELY goes before all that
// waits, never into a frame that is being sent; within a class the order is kept. What finds the buffer full is
// refused, and the caller names the drop. A rate of zero sends at once.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "apps/lab/event_queue.h"
#include "apps/lab/station.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/traffic.h"

namespace garrison::lab {

struct Frame {
  StationId from;
  StationId to;
  std::uint64_t order = 0;  // of sending, per pair
  TrafficClass traffic = TrafficClass::bounded;
  std::shared_ptr<const Bytes> bytes;
  std::function<void()> arrived{};  // of what is no frame of a server: what happens at the other end
};

struct EgressModel {
  std::uint64_t bits_per_s = 0;             // 0: no limit
  std::size_t buffer_bytes = 1'414'000;     // the 1000 packets of netem's default limit
  std::size_t transmit_ring_bytes = 3'000;  // a sender that paces itself hands over no more than this in advance
};

class Egress {
 public:
  using Depart = std::function<void(const Frame&)>;
  // `events` outlives it. `departed`: the last bit of the frame is on the wire.
  Egress(EventQueue& events, const EgressModel& model, Depart departed);

  // False when the buffer has no room for it.
  [[nodiscard]] bool offer(const Frame& frame);
  // Whether a sender that paces itself may offer its next frame.
  [[nodiscard]] bool ready() const { return backlog_bytes_ < model_.transmit_ring_bytes; }
  // Frames offered and not departed.
  [[nodiscard]] std::size_t backlog_frames() const { return timely_.size() + bounded_.size() + (sending_ ? 1 : 0); }

 private:
  void send_next();

  EventQueue& events_;
  EgressModel model_;
  Depart departed_;
  std::deque<Frame> timely_;
  std::deque<Frame> bounded_;
  std::size_t backlog_bytes_ = 0;  // the frame that is being sent included
  bool sending_ = false;
};

}  // namespace garrison::lab
