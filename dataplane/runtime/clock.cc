#include "dataplane/runtime/clock.h"

#include <rte_cycles.h>
#include <time.h>

#include <cmath>

#include "dataplane/base/check.h"

namespace garrison::runtime {
namespace {

std::int64_t monotonic_ns() {
  timespec now{};
  CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// The narrowest of a few brackets: being preempted inside one does not spoil the sample.
ClockSample sample_clocks() {
  ClockSample best;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const std::uint64_t before = rte_rdtsc();
    const std::int64_t ns = monotonic_ns();
    const std::uint64_t width = rte_rdtsc() - before;
    if (attempt == 0 || width < best.uncertainty_ticks) best = {before + width / 2, ns, width};
  }
  return best;
}

}  // namespace

std::int64_t TscMapping::anchor(ClockSample sample) {
  const std::int64_t ns = sample.ns - anchor_.ns;
  if (ns < kAnchorIntervalNs)
    return advance_to(sample.ns);  // the baseline is too short yet; the sample itself is exact

  const std::uint64_t ticks = sample.ticks - anchor_.ticks;
  const bool forward = static_cast<std::int64_t>(ticks) > 0;
  const bool sharp = ticks / 1000 > sample.uncertainty_ticks + anchor_.uncertainty_ticks;
  if (forward && sharp) adopt_slope(static_cast<double>(ns) / static_cast<double>(ticks));
  anchor_ = sample;
  return advance_to(sample.ns);
}

// A slope far from the last one means that the counter jumped or stood still (the machine was suspended or moved) in
// one of the two baselines. Neither is believed then; the kernel's clock serves until the next interval decides.
void TscMapping::adopt_slope(double ns_per_tick) {
  const bool known = reach_ticks_ != 0;
  const bool agrees = std::abs(ns_per_tick - ns_per_tick_) < 0.01 * ns_per_tick_;
  ns_per_tick_ = ns_per_tick;
  ns_per_tick_q32_ = static_cast<std::uint64_t>(ns_per_tick * 4294967296.0);  // 2^32
  const bool believed = !known || agrees;
  reach_ticks_ = believed ? static_cast<std::uint64_t>(static_cast<double>(kAnchorIntervalNs) / ns_per_tick) : 0;
}

Clock::Clock() : mapping_(sample_clocks()) {}

Instant Clock::now() {
  const std::uint64_t ticks = rte_rdtsc();
  if (mapping_.covers(ticks)) [[likely]]
    return Instant(mapping_.ns_at(ticks));
  return Instant(mapping_.anchor(sample_clocks()));
}

Instant monotonic_now() { return Instant(monotonic_ns()); }

}  // namespace garrison::runtime
