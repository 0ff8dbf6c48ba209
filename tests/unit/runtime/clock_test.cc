#include "dataplane/runtime/clock.h"

#include <gtest/gtest.h>

#include "dataplane/runtime/eal.h"

namespace garrison::runtime {
namespace {

constexpr std::int64_t kMs = 1'000'000;

// A counter of 2 ticks per nanosecond.
ClockSample at(std::int64_t ns) { return {static_cast<std::uint64_t>(ns) * 2, ns, 100}; }

TEST(EalTest, starts_only_once_per_process) {
  EXPECT_TRUE(eal_started());
  const Result<void> again = start_eal({});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().message.find('\n'), std::string::npos);
}

TEST(TscMappingTest, needs_a_full_interval_before_it_trusts_a_slope) {
  TscMapping mapping(at(0));
  EXPECT_FALSE(mapping.covers(2));
  EXPECT_EQ(mapping.anchor(at(5 * kMs)), 5 * kMs);
  EXPECT_FALSE(mapping.covers(2 * 5 * kMs + 2));
  EXPECT_EQ(mapping.anchor(at(10 * kMs)), 10 * kMs);
  ASSERT_TRUE(mapping.covers(2 * 11 * kMs));
  EXPECT_NEAR(static_cast<double>(mapping.ns_at(2 * 11 * kMs)), 11.0 * kMs, 10.0);
}

TEST(TscMappingTest, asks_for_a_new_anchor_after_one_interval) {
  TscMapping mapping(at(0));
  mapping.anchor(at(10 * kMs));
  EXPECT_TRUE(mapping.covers(2 * 19 * kMs));
  EXPECT_FALSE(mapping.covers(2 * 21 * kMs));
}

TEST(TscMappingTest, follows_a_kernel_clock_that_is_slewed) {
  TscMapping mapping(at(0));
  mapping.anchor(at(10 * kMs));
  const std::int64_t slewed = 20 * kMs + 10'000;  // the kernel now runs 0.1 % faster
  mapping.anchor({2 * 20 * kMs, slewed, 100});
  EXPECT_NEAR(static_cast<double>(mapping.ns_at(2 * 25 * kMs)), static_cast<double>(slewed) + 5.005 * kMs, 10.0);
}

TEST(TscMappingTest, never_goes_backwards_when_an_anchor_corrects_it) {
  TscMapping mapping(at(0));
  mapping.anchor(at(10 * kMs));
  const std::int64_t before = mapping.ns_at(2 * 19 * kMs);
  // The kernel says that less time passed than the counter made us believe.
  EXPECT_EQ(mapping.anchor({2 * 20 * kMs, 20 * kMs - 2 * kMs, 100}), before);
}

TEST(TscMappingTest, survives_a_counter_that_jumps_and_trusts_it_again) {
  for (const std::int64_t jump : {std::int64_t{-30} * kMs, std::int64_t{1} << 60}) {
    TscMapping mapping(at(0));
    mapping.anchor(at(10 * kMs));
    const auto jumped = [&](std::int64_t ns) { return static_cast<std::uint64_t>(2 * ns + jump); };
    EXPECT_FALSE(mapping.covers(jumped(15 * kMs)));
    for (std::int64_t ns = 15 * kMs; ns < 100 * kMs; ns += kMs) {
      const std::int64_t told =
          mapping.covers(jumped(ns)) ? mapping.ns_at(jumped(ns)) : mapping.anchor({jumped(ns), ns, 100});
      EXPECT_NEAR(static_cast<double>(told), static_cast<double>(ns), 100.0);
    }
    EXPECT_TRUE(mapping.covers(jumped(99 * kMs)));
  }
}

TEST(TscMappingTest, recovers_after_the_counter_stood_still) {
  TscMapping mapping(at(0));
  mapping.anchor(at(10 * kMs));
  const std::int64_t suspended = 1000 * kMs;  // the kernel's clock went on, the counter did not
  bool covered = false;
  for (std::int64_t ns = 20 * kMs; ns < 100 * kMs; ns += kMs) {
    const auto ticks = static_cast<std::uint64_t>(2 * ns);
    covered = mapping.covers(ticks);
    const std::int64_t told = covered ? mapping.ns_at(ticks) : mapping.anchor({ticks, ns + suspended, 100});
    EXPECT_NEAR(static_cast<double>(told), static_cast<double>(ns + suspended), 100.0);
  }
  EXPECT_TRUE(covered);
}

TEST(TscMappingTest, a_vague_sample_moves_the_anchor_and_leaves_the_slope) {
  TscMapping mapping(at(0));
  mapping.anchor(at(10 * kMs));
  mapping.anchor({2 * 20 * kMs, 20 * kMs + 50'000, 200'000});
  EXPECT_NEAR(static_cast<double>(mapping.ns_at(2 * 21 * kMs)), 21.0 * kMs + 50'000, 10.0);
}

TEST(ClockTest, is_monotone_and_never_ahead_of_a_later_kernel_reading_by_more_than_an_interval) {
  Clock clock;
  Instant last = clock.now();
  const Instant end = monotonic_now() + milliseconds(60);  // several anchors
  while (monotonic_now() < end) {
    const Instant now = clock.now();
    ASSERT_GE(now, last);
    last = now;
    ASSERT_LE(now, monotonic_now() + Duration(TscMapping::kAnchorIntervalNs));
  }
}

}  // namespace
}  // namespace garrison::runtime
