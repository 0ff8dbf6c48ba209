// When one kind of message is said.
//
// A period is an upper bound: with nothing of the kind in flight a server speaks at once, else when the last one has
// arrived or its period has passed. A message has arrived when it has done its work: a PO-REQUEST when it is
// preordered here, a PO-SUMMARY when the leader has shown it, a PO-ACK when what it acknowledged last has its
// certificate. That batches by itself: the busier the site, the more one message carries. Without `eager` the period
// alone decides. In a hurry nothing waits.
#pragma once

#include "dataplane/base/instant.h"
#include "dataplane/base/state_fields.h"

namespace garrison::prime {

class Pacer {
 public:
  Pacer(bool eager, Duration period) : eager_(eager), period_(period) {}

  [[nodiscard]] bool due(Instant now, bool hurry) const {
    return hurry || (eager_ && !in_flight_) || !spoken_ || now >= next();
  }
  // When due() turns true by time alone. Meaningful after the first sent().
  [[nodiscard]] Instant next() const { return last_ + period_; }

  void sent(Instant now) {
    last_ = now;
    spoken_ = true;
    in_flight_ = true;
  }
  // The last one has arrived.
  void arrived() { in_flight_ = false; }

  STATE_FIELDS(eager_, period_, last_, in_flight_, spoken_)

 private:
  bool eager_;
  Duration period_;
  Instant last_;
  bool in_flight_ = false;
  bool spoken_ = false;
};

}  // namespace garrison::prime
