// The modelled LAN: delay with jitter, loss, duplication, reordering and partitions, all from one seeded source.
//
// Every frame is accounted for: sent + duplicated = delivered + lost + partitioned + to_crashed + in flight.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "apps/lab/event_queue.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/rng.h"
#include "dataplane/base/server_set.h"

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

struct NetworkCounts {
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t held_back = 0;
  std::uint64_t overtaken = 0;    // delivered after a frame that the same sender had sent later to the same receiver
  std::uint64_t partitioned = 0;  // between two sides
  std::uint64_t to_crashed = 0;
  std::uint64_t in_flight = 0;
};

class Network {
 public:
  using Deliver = std::function<void(ServerId to, ByteView frame)>;

  Network(EventQueue& events, std::size_t servers, std::uint64_t seed, Deliver deliver);

  void set_model(const NetworkModel& model) { model_ = model; }
  // Servers in `side` hear only each other, the rest only each other; the empty set heals.
  void partition(ServerSet side) { side_ = side; }
  void crash(ServerId server) { crashed_.insert(server); }

  void send(ServerId from, ServerId to, ByteView frame);

  [[nodiscard]] const NetworkCounts& counts() const { return counts_; }
  // Of every delivery so far, its time and its bytes: equal when a seed runs twice.
  [[nodiscard]] std::uint64_t fingerprint() const { return fingerprint_; }

 private:
  struct Frame {
    ServerId from;
    ServerId to;
    std::uint64_t order = 0;  // of sending, per pair
    std::shared_ptr<const Bytes> bytes;
  };
  void fly(const Frame& frame, Duration delay);
  void land(const Frame& frame);

  EventQueue& events_;
  std::size_t servers_;
  Rng rng_;
  Deliver deliver_;
  NetworkModel model_;
  ServerSet side_;
  ServerSet crashed_;
  NetworkCounts counts_;
  std::uint64_t fingerprint_ = 0;
  std::vector<std::uint64_t> last_sent_;       // by pair
  std::vector<std::uint64_t> last_delivered_;  // by pair
};

}  // namespace garrison::lab
