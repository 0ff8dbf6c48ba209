// The rules of the receiving side of the hub link, one by one: 4 parts of which 3 decode, 1 faulty sender.
#include "dataplane/link/hub_receiver.h"

#include <gtest/gtest.h>

namespace garrison::link {
namespace {

constexpr Instant kStart{1'000'000'000};
constexpr auto kBounded = TrafficClass::bounded;
constexpr auto kTimely = TrafficClass::timely;

class HubReceiverTest : public testing::Test {
 protected:
  std::optional<DropReason> take(Instant at, std::uint64_t sequence, std::uint8_t index, bool again = false,
                                 TrafficClass traffic = kBounded) {
    return receiver_.take(at, traffic, SeqNum(sequence), index, again);
  }
  // A part that comes and verifies.
  void hold(Instant at, std::uint64_t sequence, std::initializer_list<int> indices, TrafficClass traffic = kBounded) {
    for (const int index : indices) {
      const auto i = static_cast<std::uint8_t>(index);
      if (!take(at, sequence, i, false, traffic)) receiver_.verdict(at, traffic, SeqNum(sequence), i, true);
    }
  }
  std::vector<std::uint64_t> asked(Instant at) {
    std::vector<std::uint64_t> sequences;
    for (const auto& entry : receiver_.due(at, wire::kMaxHubRequestEntries)) {
      sequences.push_back(entry.sequence.value());
    }
    return sequences;
  }
  using Sequences = std::vector<std::uint64_t>;

  HubReceiver receiver_{{.parts = 4,
                         .needed = 3,
                         .faulty = 1,
                         .window = 8,
                         .request_after = milliseconds(50),
                         .max_request_after = milliseconds(400),
                         .max_requests = 4,
                         .again_gap = milliseconds(250)}};
};

TEST_F(HubReceiverTest, a_part_is_held_once_it_has_verified_and_no_second_one_is_looked_at) {
  EXPECT_FALSE(take(kStart, 1, 0).has_value());
  EXPECT_FALSE(take(kStart, 1, 0).has_value()) << "another candidate";
  EXPECT_EQ(take(kStart, 1, 0), DropReason::link_duplicate) << "no third one";
  receiver_.verdict(kStart, kBounded, SeqNum(1), 0, false);
  EXPECT_FALSE(take(kStart, 1, 0).has_value()) << "there is room again";
  receiver_.verdict(kStart, kBounded, SeqNum(1), 0, true);
  EXPECT_EQ(take(kStart, 1, 0), DropReason::link_duplicate);
  EXPECT_EQ(take(kStart, 1, 4), DropReason::link_part_malformed) << "no such part";
}

TEST_F(HubReceiverTest, what_comes_again_because_its_site_asks_is_handed_on_now_and_then) {
  hold(kStart, 1, {0});
  EXPECT_EQ(take(kStart + milliseconds(249), 1, 0, true), DropReason::link_duplicate);
  EXPECT_FALSE(take(kStart + milliseconds(250), 1, 0, true).has_value());
  EXPECT_EQ(take(kStart + milliseconds(251), 1, 0, true), DropReason::link_duplicate);
}

TEST_F(HubReceiverTest, a_message_of_which_too_few_parts_come_is_asked_for_with_the_parts_that_are_held) {
  hold(kStart, 1, {0, 2});
  EXPECT_EQ(receiver_.next_wakeup(), kStart + milliseconds(50));
  EXPECT_TRUE(asked(kStart + milliseconds(49)).empty());
  const auto due = receiver_.due(kStart + milliseconds(50), 32);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0], (wire::HubRequest::Entry{kBounded, 0b0101, SeqNum(1)}));
  EXPECT_EQ(receiver_.requested(), 1U);
  EXPECT_EQ(receiver_.next_wakeup(), kStart + milliseconds(150));
}

TEST_F(HubReceiverTest, what_has_waited_longest_is_asked_for_first_and_nothing_newer_puts_it_off) {
  hold(kStart, 1, {0});
  hold(kStart + milliseconds(30), 3, {0});
  EXPECT_EQ(receiver_.next_wakeup(), kStart + milliseconds(50));
  hold(kStart + milliseconds(40), 2, {0, 1, 2});  // shows that the first was sent
  receiver_.ignore(kStart + milliseconds(45), ServerSet::only(ServerId(0)));
  EXPECT_EQ(receiver_.next_wakeup(), kStart + milliseconds(50));
  EXPECT_EQ(asked(kStart + milliseconds(50)), Sequences{1});
  EXPECT_EQ(receiver_.next_wakeup(), kStart + milliseconds(80)) << "for the next one";
}

TEST_F(HubReceiverTest, what_there_is_no_room_for_in_a_request_is_asked_for_in_the_next) {
  hold(kStart, 1, {0}, kTimely);
  hold(kStart, 1, {0});
  hold(kStart, 2, {0});
  const auto due = receiver_.due(kStart + milliseconds(50), 2);
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0], (wire::HubRequest::Entry{kTimely, 0b0001, SeqNum(1)}));
  EXPECT_EQ(due[1], (wire::HubRequest::Entry{kBounded, 0b0001, SeqNum(1)}));
  EXPECT_EQ(asked(kStart + milliseconds(50)), Sequences{2});
}

TEST_F(HubReceiverTest, a_message_of_which_enough_parts_are_held_is_not_asked_for) {
  hold(kStart, 1, {0, 2});
  hold(kStart + milliseconds(20), 1, {3});
  EXPECT_EQ(receiver_.next_wakeup(), Instant::never());
  EXPECT_TRUE(asked(kStart + seconds(1)).empty());
}

TEST_F(HubReceiverTest, parts_that_have_not_verified_are_asked_for) {
  hold(kStart, 1, {0, 2});
  EXPECT_FALSE(take(kStart, 1, 1).has_value());
  receiver_.verdict(kStart, kBounded, SeqNum(1), 1, false);
  EXPECT_EQ(asked(kStart + milliseconds(50)), Sequences{1});
}

TEST_F(HubReceiverTest, requests_for_one_message_come_at_longer_intervals_and_end) {
  hold(kStart, 1, {0, 2});
  std::vector<std::int64_t> at;
  for (int milli = 0; milli < 5000; milli += 50) {
    if (!asked(kStart + milliseconds(milli)).empty()) at.push_back(milli);
  }
  EXPECT_EQ(at, (std::vector<std::int64_t>{50, 150, 350, 750}));
  EXPECT_EQ(receiver_.next_wakeup(), Instant::never());
}

TEST_F(HubReceiverTest, a_gap_is_asked_for_when_so_many_servers_have_sent_beyond_it_that_one_is_correct) {
  hold(kStart, 1, {0, 1, 2});
  hold(kStart, 4, {0});
  EXPECT_TRUE(asked(kStart + milliseconds(49)).empty());
  EXPECT_EQ(asked(kStart + milliseconds(50)), Sequences{4}) << "one server may have made up the gap";
  hold(kStart + milliseconds(60), 4, {1});
  hold(kStart + milliseconds(60), 4, {2});
  EXPECT_EQ(asked(kStart + milliseconds(200)), (Sequences{2, 3}));
}

TEST_F(HubReceiverTest, a_timely_message_is_asked_for_when_some_of_its_parts_came_and_one_of_which_none_came_is_not) {
  hold(kStart, 1, {0, 1}, kTimely);
  hold(kStart, 3, {0, 1, 2}, kTimely);
  EXPECT_EQ(asked(kStart + milliseconds(60)), Sequences{1}) << "a newer one does not replace it";
}

TEST_F(HubReceiverTest, the_time_before_a_request_follows_how_long_parts_take_to_come) {
  for (std::uint64_t sequence = 1; sequence <= 6; ++sequence) {
    const Instant at = kStart + seconds(static_cast<std::int64_t>(sequence));
    hold(at, sequence, {0, 1});
    hold(at + milliseconds(100), sequence, {2});
    static_cast<void>(receiver_.due(at + milliseconds(100), 32));
  }
  const Instant at = kStart + seconds(10);
  hold(at, 7, {0, 1});
  EXPECT_TRUE(asked(at + milliseconds(99)).empty());
  EXPECT_FALSE(asked(at + milliseconds(400)).empty()) << "but within a bound, which nobody can move";
}

TEST_F(HubReceiverTest, how_long_parts_took_that_had_to_be_asked_for_says_nothing_about_others) {
  for (std::uint64_t sequence = 1; sequence <= 6; ++sequence) {
    const Instant at = kStart + seconds(static_cast<std::int64_t>(sequence));
    hold(at, sequence, {0, 1});
    EXPECT_EQ(asked(at + milliseconds(50)), Sequences{sequence});
    hold(at + milliseconds(300), sequence, {2});
  }
}

TEST_F(HubReceiverTest, the_window_follows_f_plus_1_servers_and_one_alone_cannot_move_it) {
  hold(kStart, 15, {0});
  EXPECT_FALSE(take(kStart, 1, 1).has_value());
  hold(kStart, 15, {1});  // sent beyond a window above 1
  EXPECT_EQ(take(kStart, 7, 1), DropReason::link_stale);
  EXPECT_FALSE(take(kStart, 8, 1).has_value());
}

TEST_F(HubReceiverTest, of_what_the_window_has_left_behind_nothing_is_kept_or_asked_for) {
  hold(kStart, 1, {0}, kTimely);
  EXPECT_FALSE(take(kStart, 1, 1, false, kTimely).has_value());
  hold(kStart, 15, {0, 1, 2}, kTimely);
  hold(kStart, 17, {0, 1, 2}, kTimely);  // where the first one stood
  receiver_.verdict(kStart, kTimely, SeqNum(1), 1, true);
  EXPECT_EQ(receiver_.held(kTimely), 2U);
  EXPECT_EQ(receiver_.next_wakeup(), Instant::never());
}

TEST_F(HubReceiverTest, a_server_that_was_away_finds_its_place_again) {
  EXPECT_FALSE(take(kStart, 1000, 0).has_value());
  EXPECT_EQ(take(kStart, 1001, 0), DropReason::link_beyond_window) << "one of each index at a time";
  receiver_.verdict(kStart, kBounded, SeqNum(1000), 0, false);
  hold(kStart, 1000, {0, 1});
  hold(kStart, 1001, {0, 1});
  EXPECT_EQ(take(kStart, 993, 2), DropReason::link_stale);
  EXPECT_FALSE(take(kStart, 1001, 2).has_value());
}

TEST_F(HubReceiverTest, what_is_kept_is_bounded_by_the_window) {
  for (std::uint64_t sequence = 1; sequence < 200; ++sequence) hold(kStart, sequence, {0});
  EXPECT_LE(receiver_.held(kBounded), 16U);
  for (std::uint64_t sequence = 1; sequence < 200; ++sequence) hold(kStart, sequence, {0, 1, 2});
  EXPECT_LE(receiver_.held(kBounded), 16U);
}

TEST_F(HubReceiverTest, parts_of_a_server_that_is_ignored_are_not_held_and_others_are_asked_for) {
  hold(kStart, 1, {0, 1, 2});
  receiver_.ignore(kStart, ServerSet::only(ServerId(3)));
  EXPECT_EQ(receiver_.next_wakeup(), Instant::never()) << "it held nothing";
  receiver_.ignore(kStart, ServerSet::only(ServerId(1)));
  EXPECT_EQ(take(kStart, 2, 1), DropReason::link_blacklisted);
  const auto due = receiver_.due(kStart + milliseconds(50), 32);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].held, 0b0101U);
}

TEST_F(HubReceiverTest, a_part_that_verifies_after_its_server_is_ignored_is_not_held) {
  hold(kStart, 1, {0, 2});
  EXPECT_FALSE(take(kStart, 1, 1).has_value());
  receiver_.ignore(kStart, ServerSet::only(ServerId(1)));
  receiver_.verdict(kStart, kBounded, SeqNum(1), 1, true);
  EXPECT_EQ(asked(kStart + milliseconds(50)), Sequences{1});
}

}  // namespace
}  // namespace garrison::link
