// One transmit port of limited rate: the uplink of one server, or of all servers of a site together.
//
// A frame takes its own bytes, Ethernet header included, over the rate: what netem counts. TIMELY goes before all that
// waits, never into a frame that is being sent; within a class the order is kept. What finds the buffer full is
// refused, and the caller names the drop. A rate of zero sends at once.
//
// A fair one does so for each of its stations, and gives each its share of rate, buffer and transmit ring
// (link/fair_uplink.h, shared_room.h): what a gateway does that polices its site's servers.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "apps/lab/event_queue.h"
#include "apps/lab/station.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/traffic.h"
#include "dataplane/link/fair_uplink.h"
#include "dataplane/link/shared_room.h"

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
  bool fair = false;                        // else first come, first served
};

class Egress {
 public:
  using Depart = std::function<void(const Frame&)>;
  // Of `stations` from `first` on. `events` outlives it. `departed`: the last bit of the frame is on the wire.
  Egress(EventQueue& events, const EgressModel& model, StationId first, std::size_t stations, Depart departed);

  // False when the buffer has no room for it.
  [[nodiscard]] bool offer(const Frame& frame);
  // Whether a sender that paces itself may offer its next frame.
  [[nodiscard]] bool ready(StationId from) const { return backlog_.held(sender(from)) < model_.transmit_ring_bytes; }

 private:
  using Queues = std::array<std::deque<Frame>, 2>;  // by class

  [[nodiscard]] std::size_t sender(StationId from) const { return model_.fair ? from.index() - first_.index() : 0; }
  void send_next();

  EventQueue& events_;
  EgressModel model_;
  StationId first_;
  Depart departed_;
  link::FairUplink uplink_;
  link::SharedRoom backlog_;     // in bytes, the frame that is being sent included
  std::vector<Queues> waiting_;  // by sender; one where all are served as they come
  bool sending_ = false;
};

}  // namespace garrison::lab
