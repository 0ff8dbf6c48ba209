// The rules of the sending side of the hub link, one by one. This server is number 3 of 4; 3 parts decode.
#include "dataplane/link/hub_sender.h"

#include <gtest/gtest.h>

#include <set>

namespace garrison::link {
namespace {

constexpr Instant kStart{1'000'000'000};
constexpr std::uint8_t kOwn = 3;
constexpr ServerSet kWithSelf = ServerSet::from_bits(0b1011);
constexpr ServerSet kWithoutSelf = ServerSet::from_bits(0b0111);

class HubSenderTest : public testing::Test {
 protected:
  explicit HubSenderTest(std::optional<Duration> local_timeout = milliseconds(25),
                         std::optional<Duration> longest_timeout = {})
      : sender_({.parts = 4,
                 .needed = 3,
                 .index = kOwn,
                 .requests_needed = 2,
                 .local_timeout = local_timeout,
                 .longest_timeout = longest_timeout,
                 .request_gap = milliseconds(100),
                 .window = 4}) {}

  static Digest says(std::uint64_t sequence, std::uint8_t index) {
    Digest made{};
    store_le(made.data(), sequence * 16 + index + 1);
    return made;
  }
  void submit(std::uint64_t sequence, bool first, bool again = false, TrafficClass traffic = TrafficClass::bounded) {
    std::vector<Digest> encoding;
    for (std::uint8_t i = 0; i < 4; ++i) encoding.push_back(says(sequence, i));
    sender_.submit({.traffic = traffic,
                    .sequence = SeqNum(sequence),
                    .first_set = first ? kWithSelf : kWithoutSelf,
                    .again = again,
                    .bytes = part_,
                    .handle = sequence,
                    .encoding = encoding});
  }
  // Part `index`, as its server sends it; verified at once.
  void overhear(std::uint64_t sequence, std::uint8_t index, TrafficClass traffic = TrafficClass::bounded,
                Instant at = kStart) {
    const auto hearing = sender_.on_overheard(traffic, SeqNum(sequence), index, Bytes{index});
    if (hearing.says == nullptr) return;
    EXPECT_EQ(*hearing.says, says(sequence, index));
    sender_.on_verdict(at, traffic, SeqNum(sequence), index, true);
  }
  // Sequences whose first chunk leaves by `at`.
  std::vector<std::uint64_t> sent(Instant at, TrafficClass traffic = TrafficClass::bounded) {
    std::vector<std::uint64_t> sequences;
    while (const auto chunk = sender_.next_chunk(at, traffic, 1000)) {
      if (chunk->part.offset == 0) sequences.push_back(chunk->sequence.value());
    }
    return sequences;
  }
  void ask(Instant at, std::uint16_t asker, std::uint64_t sequence, std::uint32_t held) {
    sender_.on_request(at, ServerId(asker), {TrafficClass::bounded, held, SeqNum(sequence)});
  }
  using Sequences = std::vector<std::uint64_t>;

  const Bytes part_ = Bytes(100, 7);
  HubSender sender_;
};

class HubSenderAtOnceTest : public HubSenderTest {
 protected:
  HubSenderAtOnceTest() : HubSenderTest(Duration()) {}
};

class HubSenderMinimumTest : public HubSenderTest {
 protected:
  HubSenderMinimumTest() : HubSenderTest(std::nullopt) {}
};

TEST_F(HubSenderTest, the_first_set_sends_at_once) {
  submit(1, true);
  EXPECT_EQ(sender_.next_wakeup(), Instant());
  EXPECT_EQ(sent(kStart), Sequences{1});
  EXPECT_EQ(sent(kStart + seconds(1)), Sequences{}) << "and once";
  EXPECT_EQ(sender_.stats().sent_first, 1U);
}

TEST_F(HubSenderTest, the_second_set_sends_after_the_local_timeout) {
  submit(1, false);
  EXPECT_EQ(sent(kStart), Sequences{});
  EXPECT_EQ(sender_.next_wakeup(), kStart + milliseconds(25));
  EXPECT_EQ(sent(kStart + milliseconds(24)), Sequences{});
  EXPECT_EQ(sent(kStart + milliseconds(25)), Sequences{1});
  EXPECT_EQ(sender_.stats().sent_second, 1U);
}

TEST_F(HubSenderTest, the_second_set_keeps_silent_once_so_many_parts_as_decode_were_overheard) {
  submit(1, false);
  EXPECT_EQ(sent(kStart), Sequences{});
  for (const auto index : std::initializer_list<std::uint8_t>{0, 1, 2}) overhear(1, index);
  EXPECT_EQ(sent(kStart + seconds(1)), Sequences{});
  EXPECT_EQ(sender_.stats().cancelled, 1U);
  EXPECT_EQ(sender_.stats().overheard, 3U);
  EXPECT_EQ(sender_.next_wakeup(), Instant::never());
}

TEST_F(HubSenderTest, what_is_overheard_silences_nobody_else) {
  submit(1, true);
  for (const auto index : std::initializer_list<std::uint8_t>{0, 1, 2}) overhear(1, index);
  EXPECT_EQ(sent(kStart), Sequences{1}) << "the first set";
  submit(2, false);
  EXPECT_EQ(sent(kStart), Sequences{});
  for (const auto asker : std::initializer_list<std::uint16_t>{0, 1}) ask(kStart, asker, 2, 0);
  for (const auto index : std::initializer_list<std::uint8_t>{0, 1, 2}) overhear(2, index);
  EXPECT_EQ(sent(kStart), Sequences{2}) << "who is asked";
  EXPECT_EQ(sender_.stats().cancelled, 0U);
}

TEST_F(HubSenderTest, one_part_too_few_does_not_silence_the_second_set) {
  submit(1, false);
  EXPECT_EQ(sent(kStart), Sequences{});
  overhear(1, 0);
  overhear(1, 1);
  overhear(1, 1);
  EXPECT_EQ(sent(kStart + milliseconds(25)), Sequences{1});
}

TEST_F(HubSenderTest, parts_that_are_not_ones_own_encoding_or_do_not_verify_do_not_silence_it) {
  submit(1, false);
  EXPECT_EQ(sent(kStart), Sequences{});
  for (const auto index : std::initializer_list<std::uint8_t>{0, 1}) overhear(1, index);
  EXPECT_EQ(sender_.on_overheard(TrafficClass::bounded, SeqNum(1), kOwn, Bytes{1}).refused,
            DropReason::link_part_malformed)
      << "nobody else sends this server's";
  ASSERT_NE(sender_.on_overheard(TrafficClass::bounded, SeqNum(1), 2, Bytes{1}).says, nullptr);
  sender_.on_verdict(kStart, TrafficClass::bounded, SeqNum(1), 2, false);
  EXPECT_EQ(sent(kStart + milliseconds(25)), Sequences{1});
}

TEST_F(HubSenderTest, the_timeout_runs_from_the_turn_of_the_part_behind_what_this_server_sends_before_it) {
  submit(1, true);
  submit(2, false);
  // A frame at a time, as a pacer lets them leave: 100 bytes in two chunks.
  ASSERT_TRUE(sender_.next_chunk(kStart, TrafficClass::bounded, 60).has_value());
  EXPECT_EQ(sender_.next_wakeup(), Instant());
  const auto rest = sender_.next_chunk(kStart + milliseconds(40), TrafficClass::bounded, 60);
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->sequence, SeqNum(1));
  EXPECT_EQ(rest->part.offset, 60U);
  EXPECT_EQ(sent(kStart + milliseconds(50)), Sequences{}) << "only now does the wait begin";
  EXPECT_EQ(sender_.next_wakeup(), kStart + milliseconds(75));
}

TEST_F(HubSenderTest, parts_overheard_before_ones_own_turn_count) {
  submit(1, false);
  for (const auto index : std::initializer_list<std::uint8_t>{0, 1, 2}) overhear(1, index);
  EXPECT_EQ(sent(kStart), Sequences{});
  EXPECT_EQ(sender_.stats().cancelled, 1U);
}

TEST_F(HubSenderTest, a_part_sent_although_enough_others_come_is_counted_as_needless) {
  submit(1, false);
  EXPECT_EQ(sent(kStart), Sequences{});
  EXPECT_EQ(sent(kStart + milliseconds(25)), Sequences{1});
  overhear(1, 0);
  overhear(1, 1);
  EXPECT_EQ(sender_.stats().needless, 0U);
  overhear(1, 2);
  EXPECT_EQ(sender_.stats().needless, 1U);
}

TEST_F(HubSenderAtOnceTest, the_immediate_link_knows_no_second_set) {
  submit(1, false);
  EXPECT_EQ(sent(kStart), Sequences{1});
  EXPECT_EQ(sender_.stats().sent_second, 1U);
  for (const auto index : std::initializer_list<std::uint8_t>{0, 1, 2}) overhear(1, index);
  EXPECT_EQ(sender_.stats().needless, 0U) << "it was to send";
}

TEST_F(HubSenderAtOnceTest, where_all_send_at_once_nobody_waits_for_anybody_s_turn) {
  for (std::uint64_t sequence = 1; sequence <= 32; ++sequence) {
    submit(sequence, true);
    EXPECT_EQ(sent(kStart), Sequences{sequence});
    overhear(sequence, 0);
    overhear(sequence, 2);
    EXPECT_TRUE(sender_.suspected(kStart).empty()) << "of the second, which is not there yet";
  }
}

TEST_F(HubSenderMinimumTest, with_minimum_parts_the_second_set_sends_only_when_it_is_asked) {
  submit(1, false);
  EXPECT_EQ(sent(kStart), Sequences{});
  EXPECT_EQ(sender_.next_wakeup(), Instant::never());
  EXPECT_EQ(sent(kStart + seconds(10)), Sequences{});
  ask(kStart, 0, 1, 0b0011);
  ask(kStart, 1, 1, 0b0011);
  EXPECT_EQ(sent(kStart + seconds(10)), Sequences{1});
}

TEST_F(HubSenderTest, f_plus_1_servers_that_ask_have_a_part_sent_again_and_f_have_not) {
  submit(1, true);
  EXPECT_EQ(sent(kStart), Sequences{1});
  ask(kStart, 2, 1, 0b0011);
  ask(kStart, 2, 1, 0b0011);
  EXPECT_EQ(sent(kStart), Sequences{}) << "one server twice";
  ask(kStart, 0, 1, 0b0011);
  EXPECT_EQ(sent(kStart), Sequences{1});
  EXPECT_EQ(sender_.stats().sent_asked, 1U);
}

TEST_F(HubSenderTest, who_holds_the_part_does_not_ask_for_it) {
  submit(1, true);
  EXPECT_EQ(sent(kStart), Sequences{1});
  ask(kStart, 0, 1, 0b1000);
  ask(kStart, 1, 1, 0b1000);
  ask(kStart, 2, 1, 0b0000);
  EXPECT_EQ(sent(kStart), Sequences{});
}

TEST_F(HubSenderTest, requests_are_heeded_once_per_gap) {
  submit(1, true);
  EXPECT_EQ(sent(kStart), Sequences{1});
  for (int milli = 0; milli < 100; milli += 10) {
    for (const auto asker : std::initializer_list<std::uint16_t>{0, 1}) ask(kStart + milliseconds(milli), asker, 1, 0);
    static_cast<void>(sent(kStart + milliseconds(milli)));
  }
  EXPECT_EQ(sender_.stats().sent_asked, 1U);
  ask(kStart + milliseconds(100), 0, 1, 0);
  EXPECT_EQ(sent(kStart + milliseconds(100)), Sequences{}) << "who asked before does not count again";
  ask(kStart + milliseconds(100), 1, 1, 0);
  EXPECT_EQ(sent(kStart + milliseconds(100)), Sequences{1});
}

TEST_F(HubSenderTest, what_is_asked_for_before_its_turn_goes_at_its_turn_in_the_first_set_and_at_once_in_the_second) {
  submit(1, true);
  submit(2, false);
  for (const std::uint64_t sequence : {1U, 2U}) {
    for (const auto asker : std::initializer_list<std::uint16_t>{0, 1}) ask(kStart, asker, sequence, 0);
  }
  EXPECT_EQ(sent(kStart), (Sequences{1, 2}));
  EXPECT_EQ(sender_.stats().sent_first, 1U);
  EXPECT_EQ(sender_.stats().sent_asked, 1U);
}

TEST_F(HubSenderTest, a_second_set_that_was_cancelled_sends_when_what_it_overheard_never_arrived) {
  submit(1, false);
  for (const auto index : std::initializer_list<std::uint8_t>{0, 1, 2}) overhear(1, index);
  EXPECT_EQ(sent(kStart), Sequences{});
  ask(kStart + milliseconds(150), 0, 1, 0b0011);
  ask(kStart + milliseconds(150), 1, 1, 0b0011);
  EXPECT_EQ(sent(kStart + milliseconds(150)), Sequences{1}) << "a frame that is heard, and not sent";
}

TEST_F(HubSenderTest, bounded_parts_are_kept_until_the_other_site_has_executed_them) {
  submit(1, true);
  submit(2, true);
  EXPECT_EQ(sent(kStart), (Sequences{1, 2}));
  EXPECT_FALSE(sender_.next_released().has_value());
  sender_.acknowledged(SeqNum(1));
  EXPECT_EQ(sender_.next_released(), 1U);
  EXPECT_FALSE(sender_.next_released().has_value());
  for (const auto asker : std::initializer_list<std::uint16_t>{0, 1}) ask(kStart, asker, 1, 0);
  EXPECT_EQ(sent(kStart), Sequences{}) << "gone";
  EXPECT_EQ(sender_.held(TrafficClass::bounded), 1U);
  EXPECT_EQ(sender_.on_overheard(TrafficClass::bounded, SeqNum(1), 0, Bytes{1}).refused, DropReason::link_stale);
}

TEST_F(HubSenderTest, the_rest_of_a_part_is_not_sent_once_the_other_site_has_executed_it) {
  submit(1, true);
  submit(2, true);
  ASSERT_TRUE(sender_.next_chunk(kStart, TrafficClass::bounded, 60).has_value());
  sender_.acknowledged(SeqNum(1));
  EXPECT_EQ(sent(kStart), Sequences{2});
}

TEST_F(HubSenderTest, parts_may_come_out_of_order_within_the_window) {
  submit(7, true);
  submit(5, true);
  EXPECT_EQ(sent(kStart), (Sequences{5, 7}));
  sender_.acknowledged(SeqNum(7));
  EXPECT_EQ(sender_.held(TrafficClass::bounded), 0U);
}

TEST_F(HubSenderTest, of_each_class_no_more_than_a_window_is_kept_and_the_oldest_goes) {
  for (std::uint64_t sequence = 1; sequence <= 6; ++sequence) submit(sequence, true, false, TrafficClass::timely);
  EXPECT_EQ(sender_.held(TrafficClass::timely), 4U);
  std::set<std::uint64_t> released;
  while (const auto handle = sender_.next_released()) released.insert(*handle);
  EXPECT_EQ(released, (std::set<std::uint64_t>{1, 2}));
  EXPECT_EQ(sent(kStart, TrafficClass::timely), (Sequences{3, 4, 5, 6}));
}

TEST_F(HubSenderTest, a_part_of_a_message_that_is_over_is_given_back_at_once) {
  submit(7, true);
  submit(3, true);
  EXPECT_EQ(sender_.next_released(), 3U) << "a window behind the newest";
  sender_.acknowledged(SeqNum(6));
  submit(5, true);
  EXPECT_EQ(sender_.next_released(), 5U);
  EXPECT_EQ(sent(kStart), Sequences{7});
}

TEST_F(HubSenderTest, deadlines_of_parts_that_were_cancelled_do_not_hide_those_of_others) {
  submit(1, false);
  EXPECT_EQ(sent(kStart), Sequences{});
  submit(2, false);
  EXPECT_EQ(sent(kStart + milliseconds(10)), Sequences{});
  for (const auto index : std::initializer_list<std::uint8_t>{0, 1, 2}) overhear(1, index);
  EXPECT_EQ(sent(kStart + milliseconds(34)), Sequences{});
  EXPECT_EQ(sender_.next_wakeup(), kStart + milliseconds(35));
  EXPECT_EQ(sent(kStart + milliseconds(35)), Sequences{2});
}

TEST_F(HubSenderTest, each_part_of_the_second_set_has_its_own_deadline) {
  submit(1, false);
  EXPECT_EQ(sent(kStart), Sequences{});
  submit(2, false);
  EXPECT_EQ(sent(kStart + milliseconds(10)), Sequences{});
  EXPECT_EQ(sent(kStart + milliseconds(25)), Sequences{1});
  EXPECT_EQ(sent(kStart + milliseconds(35)), Sequences{2});
}

TEST_F(HubSenderTest, what_its_site_says_again_all_send_and_say_so) {
  submit(1, false);
  for (const auto index : std::initializer_list<std::uint8_t>{0, 1, 2}) overhear(1, index);
  EXPECT_EQ(sent(kStart), Sequences{});
  submit(1, false, true);
  EXPECT_EQ(sender_.next_released(), 1U) << "the second copy";
  const auto chunk = sender_.next_chunk(kStart, TrafficClass::bounded, 1000);
  ASSERT_TRUE(chunk.has_value());
  EXPECT_TRUE(chunk->part.again);
  submit(2, false, true);
  EXPECT_EQ(sent(kStart), Sequences{2}) << "whether they have said it before or not";
  EXPECT_EQ(sender_.stats().sent_asked, 2U);
}

TEST_F(HubSenderTest, a_part_leaves_in_chunks_under_one_mark) {
  submit(1, true);
  Bytes whole;
  std::set<std::uint64_t> marks;
  while (const auto chunk = sender_.next_chunk(kStart, TrafficClass::bounded, 33)) {
    EXPECT_EQ(chunk->part.offset, whole.size());
    EXPECT_EQ(chunk->part.total, part_.size());
    EXPECT_EQ(chunk->part.index, kOwn);
    whole.insert(whole.end(), chunk->part.bytes.begin(), chunk->part.bytes.end());
    marks.insert(chunk->part.mark);
    if (whole.size() < part_.size()) {
      EXPECT_EQ(sender_.next_wakeup(), Instant());
    }
  }
  EXPECT_EQ(whole, part_);
  EXPECT_EQ(marks.size(), 1U);
}

TEST_F(HubSenderTest, classes_do_not_count_for_each_other) {
  submit(1, false, false, TrafficClass::timely);
  for (const auto index : std::initializer_list<std::uint8_t>{0, 1, 2}) overhear(1, index, TrafficClass::bounded);
  EXPECT_EQ(sent(kStart, TrafficClass::timely), Sequences{});
  EXPECT_EQ(sent(kStart + milliseconds(25), TrafficClass::timely), Sequences{1});
}

TEST_F(HubSenderTest, parts_of_a_server_that_the_other_site_ignores_are_worth_no_silence) {
  submit(1, false);
  EXPECT_EQ(sent(kStart), Sequences{});
  overhear(1, 0);
  sender_.ignore(ServerSet::only(ServerId(0)));
  overhear(1, 1);
  overhear(1, 2);
  EXPECT_EQ(sent(kStart + milliseconds(25)), Sequences{1});
}

class HubDutyTest : public HubSenderTest {
 protected:
  // `times` link messages, 30 ms apart, of which these servers' parts are heard.
  void run(std::size_t times, ServerSet heard) {
    for (std::size_t i = 0; i < times; ++i) {
      ++sequence_;
      now_ = now_ + milliseconds(30);
      submit(sequence_, false);
      static_cast<void>(sent(now_));
      heard.for_each([&](ServerId server) { overhear(sequence_, static_cast<std::uint8_t>(server.value())); });
      static_cast<void>(sent(now_ + milliseconds(26)));
      static_cast<void>(suspected());
    }
  }
  [[nodiscard]] ServerSet suspected() { return sender_.suspected(now_ + milliseconds(29)); }

  std::uint64_t sequence_ = 0;
  Instant now_ = kStart;
};

TEST_F(HubDutyTest, who_misses_a_quarter_of_its_turns_is_suspected) {
  run(32, kWithoutSelf);
  EXPECT_TRUE(suspected().empty());
  run(7, ServerSet::from_bits(0b0101));
  EXPECT_TRUE(suspected().empty());
  run(1, ServerSet::from_bits(0b0101));
  EXPECT_EQ(suspected(), ServerSet::only(ServerId(1)));
  run(32, kWithoutSelf);
  EXPECT_TRUE(suspected().empty());
}

TEST_F(HubDutyTest, turns_are_judged_while_others_follow) {
  for (int i = 0; i < 11; ++i) {
    now_ = now_ + milliseconds(10);
    submit(++sequence_, false);
    static_cast<void>(sent(now_));
    for (const auto index : std::initializer_list<std::uint8_t>{0, 2}) {
      overhear(sequence_, index, TrafficClass::bounded, now_);
    }
    EXPECT_EQ(sender_.suspected(now_).empty(), i < 10) << "the first eight are judged with the eleventh";
  }
  EXPECT_EQ(sender_.suspected(now_), ServerSet::only(ServerId(1)));
}

TEST_F(HubDutyTest, a_turn_counts_once_however_often_one_looks) {
  for (int i = 0; i < 12; ++i) {
    run(2, kWithoutSelf);
    for (int looks = 0; looks < 4; ++looks) static_cast<void>(suspected());
    run(1, ServerSet::from_bits(0b0101));
  }
  EXPECT_EQ(suspected(), ServerSet::only(ServerId(1)));
}

TEST_F(HubDutyTest, nobody_is_suspected_of_what_most_do) {
  run(64, ServerSet());
  EXPECT_TRUE(suspected().empty());
  run(64, ServerSet::only(ServerId(2)));
  EXPECT_TRUE(suspected().empty());
}

TEST_F(HubDutyTest, a_part_that_f_plus_1_of_the_other_site_lack_was_not_sent_whatever_was_heard) {
  for (std::size_t i = 0; i < 8; ++i) {
    run(1, kWithoutSelf);
    ask(now_ + milliseconds(29), 0, sequence_, 0b0101);
    if (i < 4) continue;
    ask(now_ + milliseconds(29), 1, sequence_, 0b0001);
    ask(now_ + milliseconds(29), 1, sequence_, 0b0001);
  }
  EXPECT_TRUE(suspected().empty()) << "four were lacking for f + 1";
  for (std::size_t i = 0; i < 4; ++i) {
    run(1, kWithoutSelf);
    ask(now_ + milliseconds(29), 0, sequence_, 0b0101);
    ask(now_ + milliseconds(29), 1, sequence_, 0b1101);
  }
  EXPECT_EQ(suspected(), ServerSet::only(ServerId(1)));
}

TEST_F(HubDutyTest, who_is_in_no_first_set_is_not_suspected_and_begins_anew) {
  run(16, ServerSet::from_bits(0b0101));
  EXPECT_EQ(suspected(), ServerSet::only(ServerId(1)));
  const std::vector<Digest> encoding(4);
  for (std::size_t i = 0; i < 5; ++i) {
    sender_.submit({.traffic = TrafficClass::bounded,
                    .sequence = SeqNum(++sequence_),
                    .first_set = ServerSet::from_bits(0b1101),
                    .again = false,
                    .bytes = part_,
                    .handle = sequence_,
                    .encoding = encoding});
    EXPECT_EQ(suspected().empty(), i == 4) << "after more than a rotation";
  }
}

class FollowingHubSenderTest : public HubSenderTest {
 protected:
  FollowingHubSenderTest() : HubSenderTest(milliseconds(25), milliseconds(100)) {}
};

TEST_F(FollowingHubSenderTest, the_timeout_follows_how_late_the_first_set_is_heard) {
  Instant now = kStart;
  for (std::uint64_t sequence = 1; sequence <= 20; ++sequence, now = now + seconds(1)) {
    submit(sequence, true);
    EXPECT_EQ(sent(now), Sequences{sequence});
    overhear(sequence, 0, TrafficClass::bounded, now + milliseconds(5));
    overhear(sequence, 1, TrafficClass::bounded, now + milliseconds(60));
    overhear(sequence, 2, TrafficClass::bounded, now + milliseconds(1));  // not in it
  }
  EXPECT_EQ(sender_.local_timeout(), milliseconds(25)) << "one of the others may be faulty";
  for (std::uint64_t sequence = 21; sequence <= 40; ++sequence, now = now + seconds(1)) {
    submit(sequence, false);
    EXPECT_EQ(sent(now), Sequences{});
    for (const std::uint8_t index : std::initializer_list<std::uint8_t>{0, 1, 2}) {
      overhear(sequence, index, TrafficClass::bounded, now + milliseconds(index == 0 ? 5 : 60));
    }
  }
  ASSERT_TRUE(sender_.local_timeout().has_value());
  EXPECT_GE(*sender_.local_timeout(), milliseconds(60));
  EXPECT_LT(*sender_.local_timeout(), milliseconds(90));
  submit(41, false);
  EXPECT_EQ(sent(now), Sequences{});
  EXPECT_EQ(sent(now + milliseconds(59)), Sequences{});
  EXPECT_EQ(sent(now + milliseconds(100)), Sequences{41});
}

TEST_F(FollowingHubSenderTest, whoever_is_never_heard_counts_as_late_as_can_be) {
  Instant now = kStart;
  for (std::uint64_t sequence = 1; sequence <= 20; ++sequence, now = now + seconds(1)) {
    submit(sequence, false);
    static_cast<void>(sent(now));
    overhear(sequence, 0, TrafficClass::bounded, now);
    sender_.acknowledged(SeqNum(sequence));
  }
  EXPECT_EQ(sender_.local_timeout(), milliseconds(100)) << "two of the three others are silent";
}

TEST_F(FollowingHubSenderTest, who_is_heard_before_ones_own_turn_is_not_late) {
  Instant now = kStart;
  for (std::uint64_t sequence = 1; sequence <= 20; ++sequence, now = now + seconds(1)) {
    submit(sequence, true);
    for (const auto index : std::initializer_list<std::uint8_t>{0, 1}) {
      overhear(sequence, index, TrafficClass::bounded, now);
    }
    EXPECT_EQ(sent(now), Sequences{sequence});
  }
  EXPECT_EQ(sender_.local_timeout(), milliseconds(25));
}

TEST_F(FollowingHubSenderTest, what_a_window_of_newer_ones_has_pushed_out_is_nobody_s_fault) {
  for (std::uint64_t sequence = 1; sequence <= 20; ++sequence) {
    submit(sequence, false);
    EXPECT_EQ(sent(kStart), Sequences{});
  }
  EXPECT_EQ(sender_.local_timeout(), milliseconds(25));
}

TEST_F(FollowingHubSenderTest, what_was_not_waited_for_yet_is_nobody_s_fault) {
  for (std::uint64_t sequence = 1; sequence <= 20; ++sequence) {
    submit(sequence, false);
    sender_.acknowledged(SeqNum(sequence));
  }
  EXPECT_EQ(sender_.local_timeout(), milliseconds(25));
}

}  // namespace
}  // namespace garrison::link
