// The small parts that the lanes are made of, against their plain definitions.
#include <gtest/gtest.h>

#include <set>

#include "dataplane/base/rng.h"
#include "dataplane/link/ack_tracker.h"
#include "dataplane/link/byte_ranges.h"
#include "dataplane/link/message_table.h"
#include "dataplane/link/round_trip.h"
#include "dataplane/link/sliding_bitmap.h"

namespace garrison::link {
namespace {

TEST(SlidingBitmapTest, agrees_with_a_set_of_everything_seen) {
  Rng rng(1);
  SlidingBitmap<128> bitmap;
  std::set<std::uint64_t> seen;
  std::uint64_t top = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::uint64_t n = 1 + rng.below(top + 20);
    if (rng.chance(1'000)) n = top + rng.between(1, 400);
    if (rng.chance(800'000) && top > 150) n = top - rng.below(150);
    const bool remembered = n + 128 > top;
    ASSERT_EQ(bitmap.too_old(n), !remembered);
    ASSERT_EQ(bitmap.fresh(n), remembered && !seen.contains(n));
    bitmap.insert(n);
    if (remembered) seen.insert(n);
    top = std::max(top, n);
    ASSERT_EQ(bitmap.highest(), top);
  }
}

TEST(ByteRangesTest, agrees_with_a_set_of_bytes) {
  Rng rng(2);
  for (int round = 0; round < 300; ++round) {
    ByteRanges ranges;
    std::set<std::uint32_t> held;
    for (int i = 0; i < 60; ++i) {
      const auto begin = static_cast<std::uint32_t>(rng.below(100));
      const auto end = static_cast<std::uint32_t>(rng.between(begin + 1, std::min<std::uint64_t>(100, begin + 9)));
      std::size_t there = 0;
      for (std::uint32_t at = begin; at < end; ++at) there += held.count(at);
      const auto expected = there == 0             ? ByteRanges::Insert::added
                            : there == end - begin ? ByteRanges::Insert::held
                                                   : ByteRanges::Insert::overlaps;
      ASSERT_EQ(ranges.insert(begin, end), expected);
      if (there == 0) {
        for (std::uint32_t at = begin; at < end; ++at) held.insert(at);
      }
      ASSERT_EQ(ranges.covers(100), held.size() == 100);
    }
  }
}

TEST(ByteRangesTest, remembers_a_bounded_number_of_ranges) {
  ByteRanges ranges;
  for (std::uint32_t i = 0; i < ByteRanges::kMaxRanges; ++i) {
    EXPECT_EQ(ranges.insert(2 * i, 2 * i + 1), ByteRanges::Insert::added);
  }
  EXPECT_EQ(ranges.insert(1000, 1001), ByteRanges::Insert::full);
  EXPECT_EQ(ranges.insert(1, 2), ByteRanges::Insert::added);
  EXPECT_EQ(ranges.insert(1000, 1001), ByteRanges::Insert::added);
}

TEST(AckTrackerTest, waits_for_the_delay_the_eighth_frame_or_a_gap) {
  AckTracker acks(milliseconds(1), 8, true);
  acks.reset();
  const Instant start(1000);
  acks.on_accepted(start, 1, false, true);
  EXPECT_FALSE(acks.pending());
  for (std::uint64_t counter = 2; counter <= 8; ++counter) acks.on_accepted(start, counter, true, true);
  EXPECT_EQ(acks.due(), start + milliseconds(1));
  acks.on_accepted(start, 9, true, true);
  EXPECT_EQ(acks.due(), start);
  EXPECT_EQ(acks.take(4).largest, 9U);
  EXPECT_EQ(acks.due(), Instant::never());
  acks.on_accepted(start, 11, true, false);
  EXPECT_EQ(acks.due(), start);
}

TEST(AckTrackerTest, where_frames_overtake_each_other_a_gap_waits_like_any_frame) {
  AckTracker acks(milliseconds(1), 8, false);
  acks.on_accepted(Instant(1000), 2, true, false);
  EXPECT_EQ(acks.due(), Instant(1000) + milliseconds(1));
}

TEST(AckTrackerTest, says_exactly_what_was_accepted_among_the_last_256) {
  Rng rng(3);
  AckTracker acks(milliseconds(1), 8, true);
  std::set<std::uint64_t> accepted;
  for (std::uint64_t counter = 1; counter < 3000; ++counter) {
    if (rng.chance(400'000)) continue;
    acks.on_accepted(Instant(), counter, true, true);
    accepted.insert(counter);
    const wire::Ack ack = acks.take(4);
    for (std::uint64_t n = counter > 300 ? counter - 300 : 1; n <= counter + 2; ++n) {
      ASSERT_EQ(ack.contains(n), accepted.contains(n) && n + 256 >= counter) << n << " of " << counter;
    }
  }
}

TEST(MessageTableTest, a_handle_comes_out_once_when_the_last_reference_goes) {
  MessageTable table(2);
  const Bytes bytes = {1};
  const auto index = table.add(bytes, 42);
  table.retain(index);
  table.release(index);
  EXPECT_FALSE(table.next_released());
  table.release(index);
  EXPECT_EQ(table.next_released(), 42U);
  EXPECT_FALSE(table.next_released());
}

TEST(RoundTripTest, an_overtaken_frame_is_given_a_round_trip_and_what_the_path_may_delay_it) {
  RoundTrip trip(milliseconds(20), seconds(1), milliseconds(1), milliseconds(7));
  trip.sample(milliseconds(100));
  EXPECT_EQ(trip.patience(1), milliseconds(107));
  EXPECT_EQ(trip.patience(2), milliseconds(301));
}

TEST(RoundTripTest, timeouts_double_between_their_bounds) {
  RoundTrip trip(milliseconds(20), seconds(1), milliseconds(1), Duration());
  EXPECT_EQ(trip.timeout(0), milliseconds(20));
  EXPECT_EQ(trip.timeout(2), milliseconds(80));
  EXPECT_EQ(trip.timeout(60), seconds(1));
  trip.sample(milliseconds(100));
  EXPECT_EQ(trip.timeout(0), milliseconds(100 + 200 + 1));
  for (int i = 0; i < 100; ++i) trip.sample(milliseconds(1));
  EXPECT_LT(trip.smoothed(), milliseconds(2));
  EXPECT_EQ(trip.patience(1), Duration());
  EXPECT_GT(trip.patience(3), trip.patience(2));
  EXPECT_LE(trip.patience(20), trip.timeout(0));
}

}  // namespace
}  // namespace garrison::link
