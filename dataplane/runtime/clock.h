// Clock: CLOCK_MONOTONIC in nanoseconds, read from the processor's time stamp counter (TSC).
//
// DPDK's own calibration is off by 0.15 % on some machines, and the kernel slews its clock. So the counter is
// anchored to CLOCK_MONOTONIC again every kAnchorInterval, and only extrapolated in between: whatever the counter
// does, an instant is wrong by less than one interval, and in practice by less than a microsecond. Clocks of several
// workers agree to that degree, and with clock_gettime().
//
// Thread: one Clock per worker, never shared.
#pragma once

#include <cstdint>

#include "dataplane/base/instant.h"

namespace garrison::runtime {

// One reading of both clocks at nearly the same moment. `uncertainty_ticks` is the width of the bracket of counter
// reads around the kernel's clock.
struct ClockSample {
  std::uint64_t ticks = 0;
  std::int64_t ns = 0;
  std::uint64_t uncertainty_ticks = 0;
};

// The arithmetic, free of any clock: maps ticks to nanoseconds from the last anchor with the slope between the last
// two. Never goes backwards.
class TscMapping {
 public:
  static constexpr std::int64_t kAnchorIntervalNs = 10'000'000;

  explicit TscMapping(ClockSample first) : anchor_(first), last_ns_(first.ns) {}

  // False when the slope is not known yet, or `ticks` is too far from the anchor to extrapolate: anchor() then.
  [[nodiscard]] bool covers(std::uint64_t ticks) const { return ticks - anchor_.ticks < reach_ticks_; }

  // Requires covers(ticks).
  std::int64_t ns_at(std::uint64_t ticks) {
    const auto elapsed = static_cast<std::int64_t>(((ticks - anchor_.ticks) * ns_per_tick_q32_) >> 32U);
    return advance_to(anchor_.ns + elapsed);
  }

  // Takes a new reading; returns the instant it stands for.
  std::int64_t anchor(ClockSample sample);

 private:
  void adopt_slope(double ns_per_tick);
  std::int64_t advance_to(std::int64_t ns) { return last_ns_ = ns > last_ns_ ? ns : last_ns_; }

  ClockSample anchor_;
  std::int64_t last_ns_;
  double ns_per_tick_ = 0;
  std::uint64_t ns_per_tick_q32_ = 0;  // the same, fixed point, 32 fraction bits
  std::uint64_t reach_ticks_ = 0;      // ticks in kAnchorIntervalNs; 0 until the slope is known
};

class Clock {
 public:
  Clock();

  // Never earlier than what it returned before.
  Instant now();

 private:
  TscMapping mapping_;
};

// CLOCK_MONOTONIC by system call, for threads that have no Clock. The same time line as Clock.
Instant monotonic_now();

}  // namespace garrison::runtime
