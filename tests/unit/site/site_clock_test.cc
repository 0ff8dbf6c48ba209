#include "control/site/site_clock.h"

#include <gtest/gtest.h>

#include <array>

namespace garrison::site {
namespace {

constexpr Duration kBound = milliseconds(100);

ServerId id(std::size_t i) { return ServerId(static_cast<std::uint16_t>(i)); }
Instant ms(std::int64_t n) { return Instant(milliseconds(n).ns()); }

// All servers tick at their own clocks, which `offset` says how far from the true time.
void tick_all(SiteClock& clock, std::int64_t at, const std::array<std::int64_t, 4>& offset) {
  for (std::size_t i = 0; i < 4; ++i) clock.on_tick(id(i), ms(at + offset[i]));
}

TEST(SiteClockTest, it_starts_at_zero_whatever_the_servers_clocks_show) {
  SiteClock clock(4, 1, kBound);
  tick_all(clock, 5000, {0, 700'000, 40, 9});
  EXPECT_EQ(clock.now(), Instant());
  tick_all(clock, 5010, {0, 700'000, 40, 9});
  EXPECT_EQ(clock.now(), ms(10));
}

TEST(SiteClockTest, it_knows_what_a_server_reads_when_its_tick_moves_it) {
  SiteClock clock(4, 1, kBound);
  EXPECT_EQ(clock.own_time(id(1), ms(30)), Instant()) << "its first tick is wanted at once";
  tick_all(clock, 5000, {0, 700'000, 40, 9});
  EXPECT_EQ(clock.own_time(id(1), ms(30)), ms(705'030));
  EXPECT_EQ(clock.own_time(id(1), Instant::never()), Instant::never());
  clock.on_tick(id(0), clock.own_time(id(0), ms(30)));
  clock.on_tick(id(1), clock.own_time(id(1), ms(30)));
  EXPECT_EQ(clock.now(), ms(30));
}

TEST(SiteClockTest, one_tick_of_one_server_moves_nothing) {
  SiteClock clock(4, 1, kBound);
  clock.on_tick(id(0), ms(10));
  clock.on_tick(id(0), ms(90));
  EXPECT_EQ(clock.now(), Instant()) << "f + 1 servers have to be known";
}

TEST(SiteClockTest, faulty_servers_can_neither_push_nor_hold_it) {
  SiteClock clock(4, 1, kBound);
  tick_all(clock, 0, {0, 0, 0, 0});
  for (std::int64_t t = 10; t <= 1000; t += 10) {
    for (std::size_t i = 0; i < 3; ++i) clock.on_tick(id(i), ms(t));
    clock.on_tick(id(3), ms(t * 1000));  // as far as it likes
    ASSERT_EQ(clock.now(), ms(t));
  }
  SiteClock held(4, 1, kBound);
  tick_all(held, 0, {0, 0, 0, 0});
  for (std::int64_t t = 10; t <= 1000; t += 10) {
    for (std::size_t i = 0; i < 3; ++i) held.on_tick(id(i), ms(t));
    ASSERT_EQ(held.now(), ms(t)) << "server 3 is silent";
  }
}

TEST(SiteClockTest, it_never_goes_back) {
  SiteClock clock(4, 1, kBound);
  tick_all(clock, 0, {0, 0, 0, 0});
  tick_all(clock, 50, {0, 0, 0, 0});
  const Instant before = clock.now();
  for (std::size_t i = 0; i < 4; ++i) clock.on_tick(id(i), ms(20));
  EXPECT_EQ(clock.now(), before);
}

TEST(SiteClockTest, a_tick_that_is_not_higher_than_the_last_does_not_count) {
  SiteClock clock(4, 1, kBound);
  tick_all(clock, 0, {0, 0, 0, 0});
  tick_all(clock, 30, {0, 0, 0, 0});
  clock.on_tick(id(0), ms(30));
  clock.on_tick(id(0), ms(29));
  tick_all(clock, 31, {0, 0, 0, 0});
  EXPECT_EQ(clock.now(), ms(31));
}

// A faulty leader lets servers' ticks through by turns: those ahead of the clock and those behind it. If a stray tick
// were taken for the clock itself, each turn would add to it.
TEST(SiteClockTest, strays_are_taken_for_the_edge_so_that_nobody_ratchets_time) {
  SiteClock clock(4, 1, kBound);
  tick_all(clock, 0, {0, 0, 0, 0});
  std::int64_t t = 0;
  for (int round = 0; round < 50; ++round) {
    t += 150;  // more than the bound
    clock.on_tick(id(0), ms(t));
    clock.on_tick(id(1), ms(t));
    t += 1;
    clock.on_tick(id(2), ms(t));
    clock.on_tick(id(3), ms(t));
    ASSERT_LE(clock.now(), ms(t)) << "round " << round;
  }
  EXPECT_GE(clock.now(), ms(t - 150 * 50 + 50 * 100)) << "a stall costs what lies beyond the bound, no more";
}

TEST(SiteClockTest, a_server_that_starts_late_or_anew_is_taken_for_the_clock) {
  SiteClock clock(4, 1, kBound);
  for (std::int64_t t = 0; t <= 500; t += 10) {
    for (std::size_t i = 0; i < 3; ++i) clock.on_tick(id(i), ms(t));
  }
  clock.on_tick(id(3), ms(77));
  EXPECT_EQ(clock.now(), ms(500));
  for (std::int64_t t = 10; t <= 100; t += 10) {
    clock.on_tick(id(0), ms(500 + t));
    clock.on_tick(id(3), ms(77 + t));
    ASSERT_EQ(clock.now(), ms(500 + t));
  }
}

TEST(SiteClockTest, it_lies_within_the_correct_servers_clocks) {
  SiteClock clock(7, 2, kBound);
  for (std::size_t i = 0; i < 7; ++i) clock.on_tick(id(i), ms(0));
  for (std::int64_t t = 10; t <= 2000; t += 10) {
    for (std::size_t i = 0; i < 5; ++i) clock.on_tick(id(i), ms(t + static_cast<std::int64_t>(i)));  // drift up to 4 ms
    clock.on_tick(id(5), ms(t * 7));
    clock.on_tick(id(6), ms(t / 7));
    ASSERT_GE(clock.now(), ms(t));
    ASSERT_LE(clock.now(), ms(t + 4));
  }
}

}  // namespace
}  // namespace garrison::site
