// FairUplink: whose frame goes next where several senders share one uplink. What the gateway of a site does, so that f
// servers that send as fast as they can take f shares of it, and the others have theirs (docs/adr/0024).
//
// TIMELY frames go first, those of one sender in so far as they fit its share of the rate: a token bucket of its own.
// Everything else is served in turn, by deficit round robin over bytes [Shreedhar and Varghese 1995]; in a sender's
// turn its TIMELY frames stand before its BOUNDED ones. What went first counts in the turns, too. So over any time in
// which a sender has frames waiting it is sent its share of the bytes, but for a constant; what others leave over is
// shared alike; and the order of one sender's frames of one class is kept.
//
// One sender alone: TIMELY first, always. It knows no frames: who holds them has a queue for each sender and class, and
// says what comes and goes. A step takes time in the number of senders. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/base/bounds.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/traffic.h"
#include "dataplane/link/pacer.h"

namespace garrison::link {

class FairUplink {
 public:
  // `bytes_per_s` of the uplink; 0: no limit.
  FairUplink(std::size_t senders, std::uint64_t bytes_per_s);

  struct Turn {
    std::size_t sender = 0;
    TrafficClass traffic = TrafficClass::bounded;
    bool first = false;  // before all that is served in turn
  };
  // A frame waits behind those of its sender and class.
  void add(std::size_t sender, TrafficClass traffic);
  [[nodiscard]] bool empty() const { return waiting_ == 0; }
  // Whose first frame of which class goes `now`. CHECKs that there is one.
  [[nodiscard]] Turn next(Instant now);
  // That frame goes, and has so many bytes, at most kMaxFrameBytes.
  void sent(Instant now, const Turn& turn, std::size_t bytes);

 private:
  static constexpr std::int64_t kQuantum = kMaxFrameBytes;
  // What goes first while nobody else waits is held against its sender for no longer than so many turns.
  static constexpr std::int64_t kMostDebt = 8 * kQuantum;

  struct Sender {
    explicit Sender(std::uint64_t share) : first({.bytes_per_s = share}) {}
    [[nodiscard]] bool waits() const { return timely + bounded > 0; }
    std::size_t timely = 0;  // frames that wait
    std::size_t bounded = 0;
    std::int64_t credit = 0;  // bytes; its turn lasts while there is any
    Pacer first;              // of what goes first
  };
  void next_turn();

  std::vector<Sender> senders_;
  std::size_t waiting_ = 0;
  std::size_t turn_ = 0;
  std::size_t timely_turn_ = 0;  // of those that may go first
};

}  // namespace garrison::link
