// The modelled network of a site's servers, or of all sites: per sender (or for several together) an egress of limited
// rate, per pair a delay with jitter, then loss, duplication, reordering and partitions, all from one seeded source.
//
// Every frame is accounted for:
// sent + duplicated = delivered + egress_full + lost + partitioned + to_crashed + in flight.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "apps/lab/egress.h"
#include "apps/lab/event_queue.h"
#include "apps/lab/station.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/rng.h"

namespace garrison::lab {

// Chances in millionths per frame.
struct NetworkModel {
  Duration delay = microseconds(100);
  Duration jitter = microseconds(50);  // uniform, added to delay
  std::uint64_t loss = 0;
  std::uint64_t duplication = 0;
  std::uint64_t reordering = 0;  // of being held back by reorder_delay
  Duration reorder_delay = milliseconds(3);
};

enum class EgressScope : std::uint8_t { server, site };  // one each, or one that all share

struct NetworkCounts {
  std::uint64_t sent = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t delivered = 0;
  std::uint64_t egress_full = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t held_back = 0;
  std::uint64_t overtaken = 0;    // delivered after a frame that the same sender had sent later to the same receiver
  std::uint64_t partitioned = 0;  // between two sides
  std::uint64_t to_crashed = 0;
  std::uint64_t in_flight = 0;  // waiting at the egress or under way

  [[nodiscard]] bool balanced() const {
    return sent + duplicated == delivered + egress_full + lost + partitioned + to_crashed + in_flight;
  }
};

class Network {
 public:
  using Deliver = std::function<void(StationId to, ByteView frame)>;
  // Sees every frame as it is sent.
  using Tap = std::function<void(StationId from, StationId to, ByteView frame)>;
  // A server whose egress was not ready may hand over frames again.
  using Ready = std::function<void(StationId)>;

  Network(EventQueue& events, std::size_t stations, std::uint64_t seed, Deliver deliver, Ready ready);

  void set_model(const NetworkModel& model) { model_ = model; }
  // Between these two, in this direction, from now on; whatever the model says.
  void set_delay(StationId from, StationId to, Duration delay, Duration jitter);
  // Before the first frame.
  void set_egress(const EgressModel& model, EgressScope scope);
  // The same with an egress for each of `groups`: so many stations, one after the other.
  void set_egress(const EgressModel& model, const std::vector<std::size_t>& groups);
  void set_tap(Tap tap) { tap_ = std::move(tap); }
  // Those in `side` hear only each other, the rest only each other; the empty set heals.
  void partition(const StationSet& side) { side_ = side; }
  [[nodiscard]] bool in_partition(StationId station) const { return side_.contains(station); }
  void crash(StationId server) { crashed_.insert(server); }
  // A server that was not there yet hears and is heard from now on.
  void join(StationId server) { crashed_.erase(server); }

  // A server that paces itself asks before each frame; told no, it is called back through `ready`.
  [[nodiscard]] bool ready_for(StationId from);
  void send(StationId from, StationId to, ByteView frame);
  // `bytes` of a client's connection on the same way, headers included. TCP sees to it that they are neither lost nor
  // duplicated, and waits where the egress is full. No part of counts().
  void carry(StationId from, StationId to, std::size_t bytes, std::function<void()> arrived);

  [[nodiscard]] const NetworkCounts& counts() const { return counts_; }
  [[nodiscard]] std::uint64_t carried_bytes(StationId from) const { return carried_bytes_[from.index()]; }
  // Of every delivery so far, its time and its bytes: equal when a seed runs twice.
  [[nodiscard]] std::uint64_t fingerprint() const { return fingerprint_; }

 private:
  struct PairDelay {
    Duration delay;
    Duration jitter;
    bool set = false;
  };

  [[nodiscard]] std::size_t pair(StationId from, StationId to) const { return from.index() * stations_ + to.index(); }
  [[nodiscard]] Duration draw_delay(StationId from, StationId to);
  [[nodiscard]] bool cut(StationId from, StationId to) const { return side_.contains(from) != side_.contains(to); }
  [[nodiscard]] Egress& egress_of(StationId from) { return *egresses_[egress_by_[from.index()]]; }
  void depart(const Frame& frame);
  void call_back(std::size_t egress);
  void fly(const Frame& frame, Duration delay);
  void land(const Frame& frame);

  EventQueue& events_;
  std::size_t stations_;
  Rng rng_;
  Deliver deliver_;
  Ready ready_;
  Tap tap_;
  NetworkModel model_;
  std::vector<std::unique_ptr<Egress>> egresses_;  // one, or by server
  std::vector<std::size_t> egress_by_;             // by station
  std::vector<StationSet> waiting_;                // by egress: told no
  std::size_t turn_ = 0;
  std::vector<PairDelay> pair_delay_;  // by pair
  StationSet side_;
  StationSet crashed_;
  NetworkCounts counts_;
  std::uint64_t fingerprint_ = 0;
  std::vector<std::uint64_t> last_sent_;       // by pair
  std::vector<std::uint64_t> last_delivered_;  // by pair
  std::vector<std::uint64_t> carried_bytes_;   // by sender
};

}  // namespace garrison::lab
