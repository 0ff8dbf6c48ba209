#include "apps/tap/sequence_log.h"

#include <gtest/gtest.h>

#include <limits>

namespace garrison::tap {
namespace {

void take(SequenceLog& log, std::size_t tap, std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t each = first; each <= last; ++each) log.take(tap, each);
}

TEST(SequenceLogTest, a_gap_between_the_first_and_the_last_is_loss) {
  SequenceLog log;
  take(log, 0, 10, 20);
  take(log, 0, 23, 25);
  const SequenceLog::Heard heard = log.heard(0);
  EXPECT_EQ(heard.first, 10U);
  EXPECT_EQ(heard.last, 25U);
  EXPECT_EQ(heard.frames, 14U);
  EXPECT_EQ(heard.lost, 2U);
}

TEST(SequenceLogTest, what_comes_late_is_not_lost) {
  SequenceLog log;
  take(log, 0, 10, 20);
  take(log, 0, 22, 30);
  log.take(0, 21);
  log.take(0, 9);
  EXPECT_EQ(log.heard(0).lost, 0U);
  EXPECT_EQ(log.heard(0).first, 9U);
}

TEST(SequenceLogTest, loss_is_remembered_beyond_the_window) {
  SequenceLog log;
  take(log, 0, 1, 10);
  take(log, 0, 12, 3 * SequenceLog::kWindow);
  EXPECT_EQ(log.heard(0).lost, 1U);
}

TEST(SequenceLogTest, a_frame_that_comes_twice_is_repeated_and_no_loss) {
  SequenceLog log;
  take(log, 0, 1, 10);
  log.take(0, 4);
  EXPECT_EQ(log.heard(0).repeated, 1U);
  EXPECT_EQ(log.heard(0).lost, 0U);
}

TEST(SequenceLogTest, one_forged_sequence_moves_nothing) {
  SequenceLog log;
  take(log, 0, 1, 10);
  log.take(0, std::numeric_limits<std::uint64_t>::max());
  log.take(0, 0);
  take(log, 0, 11, 20);
  EXPECT_EQ(log.heard(0).last, 20U);
  EXPECT_EQ(log.heard(0).lost, 0U);
  EXPECT_EQ(log.heard(0).strays, 2U);
}

TEST(SequenceLogTest, a_port_that_counts_from_one_again_is_followed) {
  SequenceLog log;
  take(log, 0, 100'000, 100'010);
  take(log, 0, 1, 100);
  const SequenceLog::Heard heard = log.heard(0);
  EXPECT_EQ(heard.restarts, 1U);
  EXPECT_EQ(heard.last, 100U);
  EXPECT_EQ(heard.strays, SequenceLog::kRun);
  EXPECT_EQ(heard.lost, 0U);
}

TEST(SequenceLogTest, strays_that_do_not_go_on_from_one_another_never_become_a_restart) {
  SequenceLog log;
  take(log, 0, 1, 10);
  for (std::uint64_t i = 1; i <= 100; ++i) log.take(0, i % 2 == 0 ? i * 1'000'000 : i * 7'000'000);
  EXPECT_EQ(log.heard(0).restarts, 0U);
  EXPECT_EQ(log.heard(0).last, 10U);
}

TEST(SequenceLogTest, what_one_tap_alone_heard_counts_where_both_listened) {
  SequenceLog log;
  take(log, 0, 1, 30);  // both could hear 11 to 30
  take(log, 1, 11, 20);
  take(log, 1, 22, 40);
  EXPECT_EQ(log.only_at(0), 1U);
  EXPECT_EQ(log.only_at(1), 0U);
}

TEST(SequenceLogTest, what_one_tap_alone_heard_is_remembered_beyond_the_window) {
  SequenceLog log;
  for (std::uint64_t each = 1; each <= 3 * SequenceLog::kWindow; ++each) {
    if (each != 100) log.take(0, each);
    if (each != 200 && each != 201) log.take(1, each);
  }
  EXPECT_EQ(log.only_at(0), 2U);
  EXPECT_EQ(log.only_at(1), 1U);
}

TEST(SequenceLogTest, a_tap_alone_hears_nothing_that_another_did_not) {
  SequenceLog log;
  take(log, 0, 1, 10'000);
  EXPECT_EQ(log.only_at(0), 0U);
}

}  // namespace
}  // namespace garrison::tap
