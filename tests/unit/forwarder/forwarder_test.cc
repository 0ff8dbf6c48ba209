#include "dataplane/forwarder/forwarder.h"

#include <gtest/gtest.h>

#include <string>

namespace garrison::forwarder {
namespace {

using Offer = LocalMessages::Offer;
using Sequences = std::vector<std::uint64_t>;

Forwarder::Config config(Role role) {
  return {.role = role,
          .local = {.n = 4, .f = 1, .threshold = 2, .window = 4},
          .remote = {.n = 4, .f = 1, .collect_after = 2, .sites = 2, .queue = 4}};
}

class ForwarderTest : public ::testing::Test {
 protected:
  Offer present(Forwarder& to, std::uint64_t sequence, TrafficClass traffic = TrafficClass::bounded) {
    const Bytes message = to_bytes(as_bytes("message " + std::to_string(sequence)));
    for (std::uint16_t server = 0; server < 2; ++server) {
      if (to.offer(ServerId(server), {SeqNum(sequence), 2, traffic}, message) == Offer::later) return Offer::later;
    }
    return Offer::taken;
  }
  void present_both(std::uint64_t sequence) {
    present(primary, sequence);
    present(backup, sequence);
  }
  Sequences sent(Forwarder& by, Instant now) {
    Sequences sequences;
    while (const auto departure = by.next_departure(now)) sequences.push_back(departure->header.sequence.value());
    return sequences;
  }
  void tell(Instant now) {
    while (const auto notice = primary.next_notice(now)) backup.on_notice(now, *notice);
  }

  Instant start{seconds(100).ns()};
  Forwarder primary{config(Role::primary), start};
  Forwarder backup{config(Role::backup), start};
};

TEST_F(ForwarderTest, the_backup_sends_nothing_while_it_hears_of_the_primary) {
  for (std::uint64_t i = 1; i <= 10; ++i) {
    const Instant now = start + milliseconds(100) * static_cast<std::int64_t>(i);
    present_both(i);
    EXPECT_EQ(sent(primary, now), Sequences({i}));
    tell(now);
    EXPECT_EQ(sent(backup, now), Sequences());
  }
}

TEST_F(ForwarderTest, the_backup_goes_on_where_the_primary_fell_silent) {
  for (const std::uint64_t i : {1, 2, 3}) present_both(i);
  EXPECT_EQ(primary.next_departure(start)->header.sequence, SeqNum(1));
  tell(start);
  const Instant later = start + config(Role::backup).takeover;
  EXPECT_EQ(backup.next_wakeup(), later);
  EXPECT_EQ(sent(backup, later - nanoseconds(1)), Sequences());
  EXPECT_EQ(sent(backup, later), Sequences({2, 3}));
  present(backup, 4);
  EXPECT_EQ(sent(backup, later), Sequences({4}));
}

TEST_F(ForwarderTest, the_backup_gives_way_when_the_primary_is_back) {
  present_both(1);
  const Instant later = start + config(Role::backup).takeover;
  EXPECT_EQ(sent(backup, later), Sequences({1}));
  tell(later);
  present(backup, 2);
  EXPECT_EQ(sent(backup, later), Sequences());
}

TEST_F(ForwarderTest, the_backup_keeps_a_bounded_number_and_slows_its_servers_down) {
  for (std::uint64_t i = 1; i <= 8; ++i) EXPECT_EQ(present(backup, i), Offer::taken);
  EXPECT_EQ(present(backup, 9), Offer::later);
  backup.on_notice(start, SeqNum(1));
  EXPECT_EQ(present(backup, 9), Offer::taken);
}

TEST_F(ForwarderTest, a_backup_that_is_behind_sends_nothing_that_is_gone) {
  backup.on_notice(start, SeqNum(2));
  for (const std::uint64_t i : {1, 2, 3}) present(backup, i);
  EXPECT_EQ(sent(backup, start + seconds(10)), Sequences({3}));
}

TEST_F(ForwarderTest, timely_messages_leave_first) {
  present(primary, 1, TrafficClass::bounded);
  present(primary, 2, TrafficClass::timely);
  present(primary, 3, TrafficClass::bounded);
  EXPECT_EQ(sent(primary, start), Sequences({2, 1, 3}));
}

TEST_F(ForwarderTest, the_backup_is_told_only_of_what_all_before_is_gone) {
  tell(start);
  present_both(1);
  present(primary, 2, TrafficClass::timely);
  present(backup, 2, TrafficClass::timely);
  EXPECT_EQ(primary.next_departure(start)->header.sequence, SeqNum(2));
  EXPECT_EQ(primary.next_notice(start), std::nullopt);
  EXPECT_EQ(sent(primary, start), Sequences({1}));
  EXPECT_EQ(primary.next_notice(start), SeqNum(2));
}

TEST_F(ForwarderTest, the_primary_tells_its_backup_that_it_lives_when_nothing_is_sent) {
  EXPECT_EQ(primary.next_notice(start), SeqNum(0));
  EXPECT_EQ(primary.next_notice(start), std::nullopt);
  const Instant due = start + config(Role::primary).notice_period;
  EXPECT_EQ(primary.next_wakeup(), due);
  EXPECT_EQ(primary.next_notice(due), SeqNum(0));
}

}  // namespace
}  // namespace garrison::forwarder
