// Fig. 4 of [PRIME] line by line, at one server.
#include <optional>
#include <type_traits>

#include "tests/unit/prime/rules_fixture.h"

namespace garrison::prime {
namespace {

using message::kLongestMeasured;
using message::RttMeasure;
using message::RttPing;
using message::RttPong;
using message::TatMeasure;
using message::TatUb;

// Server 1 of 3f + 1, in view 0.
class Judge {
 public:
  explicit Judge(std::size_t f = 1, Duration clock_step = Duration())
      : keys_(3 * f + 1),
        config_(with_step(config_of(keys_, 1, 3 * f + 1, f), clock_step)),
        suspect_(config_),
        promises_(config_.envelope) {
    suspect_.start_view(now, View(0));
  }

  template <typename Message>
  ordering::Output hear(std::size_t from, const Message& said) {
    ordering::Output output;
    const Stored stored = keys_.verified(server(from), said);
    const message::VerifiedMessage& message = stored->get();
    if constexpr (std::is_same_v<Message, RttPing>) suspect_.on_ping(message, promises_, output);
    if constexpr (std::is_same_v<Message, RttPong>) suspect_.on_pong(now, message, promises_, output);
    if constexpr (std::is_same_v<Message, RttMeasure>) suspect_.on_rtt_measure(message, output);
    if constexpr (std::is_same_v<Message, TatUb>) suspect_.on_tat_ub(message, output);
    if constexpr (std::is_same_v<Message, TatMeasure>) suspect_.on_tat_measure(message, output);
    return output;
  }
  ordering::Output run(Duration later = Duration()) {
    now = now + later;
    ordering::Output output;
    suspect_.run(now, SeqNum(7), promises_, output);
    return output;
  }
  SuspectLeader& operator*() { return suspect_; }
  SuspectLeader* operator->() { return &suspect_; }
  [[nodiscard]] const PrimeConfig& config() const { return config_; }

  Instant now{1'000'000'000};

 private:
  static PrimeConfig with_step(PrimeConfig config, Duration clock_step) {
    config.clock_step = clock_step;
    return config;
  }

  testing::SiteKeys keys_;
  PrimeConfig config_;
  SuspectLeader suspect_;
  Promises promises_;
};

// Row 2 counts `requests` of server 2; the others count nothing.
std::vector<SummaryVector> row_two(std::uint64_t requests) {
  std::vector<SummaryVector> rows(4);
  rows[2] = {SeqNum(0), SeqNum(0), SeqNum(requests), SeqNum(0)};
  return rows;
}

TEST(SuspectLeaderTest, a_view_starts_with_fresh_measurements_of_leader_and_network) {
  Judge judge;
  judge->matrix_sent(judge.now, row_two(1));
  judge->proof_sent(judge.now);
  for (std::size_t i = 0; i < 4; ++i) {
    judge.hear(i, TatMeasure{View(0), seconds(1)});
    judge.hear(i, TatUb{View(0), milliseconds(30)});
    judge.hear(i, RttMeasure{View(0), milliseconds(1)});
  }
  judge.run(milliseconds(50));
  judge.run(milliseconds(50));
  ASSERT_TRUE(judge->suspects());
  ASSERT_GT(judge->max_tat(judge.now), Duration());

  judge->start_view(judge.now, View(1));
  EXPECT_EQ(judge->tat_leader(), Duration());
  EXPECT_EQ(judge->tat_acceptable(), SuspectLeader::kNoBound);
  EXPECT_EQ(judge->max_tat(judge.now + seconds(1)), Duration());
  const ordering::Output output = judge.run();
  EXPECT_EQ(count(output, message::MessageType::TatUb), 0U) << "round trips of the view before count no more";
  const auto ping = last_signed<RttPing>(output);
  ASSERT_TRUE(ping.has_value());
  EXPECT_EQ(ping->view, View(1));
  EXPECT_EQ(ping->ping_seq, 0U);
}

// Of a core whose time moves a tick at a time: the tick must cost no leader its office.
TEST(SuspectLeaderTest, a_coarse_clock_makes_round_trips_longer_and_turnarounds_shorter) {
  const Duration step = milliseconds(10);
  Judge judge(1, step);
  const auto ping = last_signed<RttPing>(judge.run());
  ASSERT_TRUE(ping.has_value());
  judge.now = judge.now + milliseconds(20);
  const auto measure = last_signed<RttMeasure>(judge.hear(2, RttPong{View(0), ping->ping_seq}));
  ASSERT_TRUE(measure.has_value());
  EXPECT_EQ(measure->rtt, milliseconds(30));

  judge->matrix_sent(judge.now, row_two(1));
  EXPECT_EQ(judge->max_tat(judge.now + milliseconds(5)), Duration());
  EXPECT_EQ(judge->max_tat(judge.now + milliseconds(25)), milliseconds(15));
  judge->on_pre_prepare(judge.now + milliseconds(25), row_two(1), {});
  EXPECT_EQ(judge->max_tat(judge.now + milliseconds(100)), milliseconds(15));
  judge->proof_sent(judge.now);
  EXPECT_EQ(judge->max_tat(judge.now + milliseconds(40)), milliseconds(30));
}

TEST(SuspectLeaderTest, what_belongs_to_another_view_is_refused) {
  Judge judge;
  judge.run();
  EXPECT_TRUE(dropped(judge.hear(2, RttPing{View(1), 0, SeqNum(0)}), DropReason::prime_stale));
  EXPECT_TRUE(judge.hear(2, RttPing{View(1), 0, SeqNum(0)}).sign.empty());
  EXPECT_TRUE(dropped(judge.hear(2, RttPong{View(1), 0}), DropReason::prime_stale));
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(dropped(judge.hear(i, RttMeasure{View(1), milliseconds(1)}), DropReason::prime_stale), i != 1);
    EXPECT_TRUE(dropped(judge.hear(i, TatUb{View(1), milliseconds(1)}), DropReason::prime_stale));
    EXPECT_TRUE(dropped(judge.hear(i, TatMeasure{View(1), seconds(1)}), DropReason::prime_stale));
  }
  EXPECT_EQ(judge->tat_leader(), Duration());
  EXPECT_EQ(judge->tat_acceptable(), SuspectLeader::kNoBound);
  EXPECT_EQ(count(judge.run(milliseconds(5)), message::MessageType::TatUb), 0U);
}

TEST(SuspectLeaderTest, B1_B3_the_longest_turnaround_is_said_while_it_grows) {
  Judge judge;
  EXPECT_EQ(count(judge.run(), message::MessageType::TatMeasure), 0U) << "there is nothing to say";
  judge->matrix_sent(judge.now, row_two(1));
  for (int i = 1; i <= 3; ++i) {
    const auto said = last_signed<TatMeasure>(judge.run(milliseconds(5)));
    ASSERT_TRUE(said.has_value());
    EXPECT_EQ(said->max_tat, milliseconds(5 * i)) << "a measurement that is still running counts with its age";
  }
  judge->on_pre_prepare(judge.now, row_two(1), {});
  EXPECT_EQ(count(judge.run(milliseconds(5)), message::MessageType::TatMeasure), 0U);
  judge->matrix_sent(judge.now, row_two(2));
  EXPECT_EQ(count(judge.run(milliseconds(10)), message::MessageType::TatMeasure), 0U) << "shorter than the longest";
  const auto again = last_signed<TatMeasure>(judge.run(judge.config().retransmit_period));
  ASSERT_TRUE(again.has_value()) << "said again once a retransmit period";
}

TEST(SuspectLeaderTest, B5_B6_reported_turnaround_only_rises) {
  Judge judge;
  for (std::size_t i = 0; i < 4; ++i) judge.hear(i, TatMeasure{View(0), milliseconds(40)});
  EXPECT_EQ(judge->tat_leader(), milliseconds(40));
  for (std::size_t i = 0; i < 4; ++i) judge.hear(i, TatMeasure{View(0), milliseconds(30)});
  EXPECT_EQ(judge->tat_leader(), milliseconds(40));
  for (std::size_t i = 0; i < 4; ++i) judge.hear(i, TatMeasure{View(0), milliseconds(50)});
  EXPECT_EQ(judge->tat_leader(), milliseconds(50));
}

// Correct servers say 10, 20, 30 ms ...; the last f say what they like.
TEST(SuspectLeaderTest, B7_tat_leader_is_the_f_plus_first_lowest_report) {
  for (std::size_t f = 1; f <= 2; ++f) {
    for (const bool high : {false, true}) {
      Judge judge(f);
      const std::size_t correct = judge.config().n - f;
      for (std::size_t i = 0; i < correct; ++i) {
        EXPECT_EQ(judge->tat_leader(), Duration()) << "zero until a quorum has said something";
        judge.hear(i, TatMeasure{View(0), milliseconds(10) * static_cast<std::int64_t>(i + 1)});
      }
      for (std::size_t i = correct; i < judge.config().n; ++i) {
        judge.hear(i, TatMeasure{View(0), high ? kLongestMeasured : Duration()});
      }
      const auto nth = static_cast<std::int64_t>(high ? f + 1 : 1);
      EXPECT_EQ(judge->tat_leader(), milliseconds(10) * nth) << "f " << f << (high ? " high" : " low");
    }
  }
}

TEST(SuspectLeaderTest, C1_C3_pings_go_to_the_others_often_at_first_and_then_once_a_period) {
  Judge judge;
  std::uint64_t expected = 0;
  Duration gap = judge.config().tat_measure_period;
  ordering::Output output = judge.run();
  while (gap < judge.config().rtt_ping_period) {
    const auto ping = last_signed<RttPing>(output);
    ASSERT_TRUE(ping.has_value());
    EXPECT_EQ(ping->ping_seq, expected++);
    EXPECT_EQ(ping->executed, SeqNum(7));
    EXPECT_EQ(count(judge.run(gap - nanoseconds(1)), message::MessageType::RttPing), 0U);
    output = judge.run(nanoseconds(1));
    gap = std::min(gap * 2, judge.config().rtt_ping_period);
  }
  EXPECT_EQ(count(judge.run(judge.config().rtt_ping_period - nanoseconds(1)), message::MessageType::RttPing), 0U);
  EXPECT_EQ(count(judge.run(nanoseconds(1)), message::MessageType::RttPing), 1U);
}

TEST(SuspectLeaderTest, C4_C5_a_ping_is_answered_to_its_sender_alone) {
  Judge judge;
  const ordering::Output output = judge.hear(3, RttPing{View(0), 12, SeqNum(0)});
  const auto pong = last_signed<RttPong>(output);
  ASSERT_TRUE(pong.has_value());
  EXPECT_EQ(pong->ping_seq, 12U);
  EXPECT_EQ(output.sign[0].to, ServerSet::only(server(3)));
  EXPECT_TRUE(judge.hear(1, RttPing{View(0), 12, SeqNum(0)}).sign.empty()) << "one's own";
}

TEST(SuspectLeaderTest, C6_C8_the_round_trip_is_told_to_the_server_that_answered) {
  Judge judge;
  judge.run();  // ping 0
  judge.now = judge.now + microseconds(700);
  const ordering::Output output = judge.hear(2, RttPong{View(0), 0});
  const auto measure = last_signed<RttMeasure>(output);
  ASSERT_TRUE(measure.has_value());
  EXPECT_EQ(measure->rtt, microseconds(700));
  EXPECT_EQ(output.sign[0].to, ServerSet::only(server(2)));

  EXPECT_TRUE(judge.hear(2, RttPong{View(0), 0}).sign.empty()) << "answered already";
  EXPECT_TRUE(dropped(judge.hear(2, RttPong{View(0), 0}), DropReason::prime_stale));
  EXPECT_TRUE(judge.hear(2, RttPong{View(0), 1}).sign.empty()) << "never sent";
  EXPECT_EQ(judge.hear(3, RttPong{View(0), 0}).sign.size(), 1U) << "another server answers the same ping";
}

TEST(SuspectLeaderTest, C10_D2_D3_the_bound_on_oneself_as_leader_is_the_f_plus_first_highest) {
  for (std::size_t f = 1; f <= 2; ++f) {
    for (const bool high : {false, true}) {
      Judge judge(f);
      const PrimeConfig& config = judge.config();
      // Of n - f correct servers one is the judge, whose round trip to itself is zero.
      std::vector<std::size_t> peers;
      for (std::size_t i = 0; i < config.n; ++i) {
        if (i != 1) peers.push_back(i);
      }
      for (std::size_t k = 0; k < peers.size(); ++k) {
        const bool lies = k >= peers.size() - f;
        const Duration rtt = lies ? (high ? kLongestMeasured : Duration()) : milliseconds(1) * (std::int64_t(k) + 1);
        const bool said = count(judge.run(), message::MessageType::TatUb) > 0;
        if (k <= 2 * f) {
          EXPECT_EQ(said, k == 2 * f) << "f " << f << ": n - f with the judge itself";
        }
        judge.hear(peers[k], RttMeasure{View(0), rtt});
      }
      const auto said = last_signed<TatUb>(judge.run());
      // Highest of the correct is 2f ms.
      const auto rtt_ms = static_cast<std::int64_t>(high ? 2 * f : f);
      if (high) {
        EXPECT_FALSE(said.has_value()) << "said before, and nothing has fallen";
        EXPECT_EQ(last_signed<TatUb>(judge.run(config.retransmit_period))->tat_ub,
                  milliseconds(rtt_ms) * config.k_lat + config.delta_pp);
      } else {
        ASSERT_TRUE(said.has_value());
        EXPECT_EQ(said->tat_ub, milliseconds(rtt_ms) * config.k_lat + config.delta_pp);
      }
    }
  }
}

TEST(SuspectLeaderTest, C11_C12_only_the_shortest_round_trip_counts) {
  Judge judge;
  const auto bound = [&](Duration rtt) {
    for (const std::size_t i : {0U, 2U, 3U}) judge.hear(i, RttMeasure{View(0), rtt});
    return last_signed<TatUb>(judge.run(judge.config().retransmit_period))->tat_ub;
  };
  const Duration first = bound(milliseconds(4));
  EXPECT_EQ(first, milliseconds(4) * judge.config().k_lat + judge.config().delta_pp);
  EXPECT_EQ(bound(milliseconds(9)), first);
  EXPECT_EQ(bound(milliseconds(3)), milliseconds(3) * judge.config().k_lat + judge.config().delta_pp);
}

TEST(SuspectLeaderTest, D5_D6_upper_bounds_only_fall) {
  Judge judge;
  for (std::size_t i = 0; i < 4; ++i) judge.hear(i, TatUb{View(0), milliseconds(40)});
  EXPECT_EQ(judge->tat_acceptable(), milliseconds(40));
  for (std::size_t i = 0; i < 4; ++i) judge.hear(i, TatUb{View(0), milliseconds(50)});
  EXPECT_EQ(judge->tat_acceptable(), milliseconds(40));
  for (std::size_t i = 0; i < 4; ++i) judge.hear(i, TatUb{View(0), milliseconds(30)});
  EXPECT_EQ(judge->tat_acceptable(), milliseconds(30));
}

TEST(SuspectLeaderTest, D7_tat_acceptable_is_the_f_plus_first_highest_bound) {
  for (std::size_t f = 1; f <= 2; ++f) {
    for (const bool high : {false, true}) {
      Judge judge(f);
      const std::size_t correct = judge.config().n - f;
      for (std::size_t i = 0; i < correct; ++i) {
        EXPECT_EQ(judge->tat_acceptable(), SuspectLeader::kNoBound) << "none until a quorum has said something";
        judge.hear(i, TatUb{View(0), milliseconds(10) * static_cast<std::int64_t>(i + 1)});
      }
      for (std::size_t i = correct; i < judge.config().n; ++i) {
        judge.hear(i, TatUb{View(0), high ? kLongestMeasured : Duration()});
      }
      const auto nth = static_cast<std::int64_t>(high ? correct : correct - f);
      EXPECT_EQ(judge->tat_acceptable(), milliseconds(10) * nth) << "f " << f << (high ? " high" : " low");
    }
  }
}

TEST(SuspectLeaderTest, E2_the_leader_is_suspected_above_what_is_acceptable_and_not_at_it) {
  Judge judge;
  for (std::size_t i = 0; i < 4; ++i) judge.hear(i, TatMeasure{View(0), milliseconds(30)});
  EXPECT_FALSE(judge->suspects()) << "no bound is known";
  for (std::size_t i = 0; i < 4; ++i) judge.hear(i, TatUb{View(0), milliseconds(30)});
  EXPECT_FALSE(judge->suspects());
  for (std::size_t i = 0; i < 4; ++i) judge.hear(i, TatMeasure{View(0), milliseconds(30) + nanoseconds(1)});
  EXPECT_TRUE(judge->suspects());
}

}  // namespace
}  // namespace garrison::prime
