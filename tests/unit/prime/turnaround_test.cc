// What starts and what stops the measurement of the leader's turnaround time [PRIME] 5.4.2, A.3.3.
#include "tests/unit/prime/rules_fixture.h"

namespace garrison::prime {
namespace {

using message::MessageType;

class TurnaroundTest : public RulesTest {
 protected:
  std::vector<SummaryVector> vectors(std::uint64_t two, std::uint64_t three) {
    return {{}, {}, vector({0, 0, two, 0}), vector({0, 0, 0, three})};
  }
  // Server 1 has told the leader that servers 2 and 3 count one request.
  void report(Core& core) {
    core.settle(summary(2, {0, 0, 1, 0}));
    core.settle(summary(3, {0, 0, 1, 0}));
    ASSERT_EQ(count(core.settle_after(core.prime().config().matrix_period), MessageType::SummaryMatrix), 1U);
  }
  // Whether what the core says of its leader keeps growing.
  static bool measures(Core& core) {
    core.settle_after(milliseconds(10));  // the end of what may have ended just now
    return count(core.settle_after(milliseconds(10)), MessageType::TatMeasure) > 0;
  }
};

TEST_F(TurnaroundTest, it_runs_from_the_oldest_matrix_that_is_not_covered) {
  const PrimeConfig config = this->config();
  SuspectLeader suspect(config);
  Instant now(1'000'000);
  suspect.matrix_sent(now, vectors(1, 0));
  suspect.matrix_sent(now + milliseconds(3), vectors(1, 1));
  suspect.on_pre_prepare(now + milliseconds(4), vectors(0, 1), {});
  EXPECT_EQ(suspect.max_tat(now + milliseconds(10)), milliseconds(10)) << "covers neither";
  suspect.on_pre_prepare(now + milliseconds(11), vectors(2, 0), {});
  EXPECT_EQ(suspect.max_tat(now + milliseconds(12)), milliseconds(11)) << "covers the first";
  EXPECT_EQ(suspect.max_tat(now + milliseconds(20)), milliseconds(17)) << "the second runs on";
  suspect.on_pre_prepare(now + milliseconds(21), vectors(1, 1), {});
  EXPECT_EQ(suspect.max_tat(now + seconds(1)), milliseconds(18));
}

TEST_F(TurnaroundTest, a_shorter_one_does_not_hide_the_longest) {
  const PrimeConfig config = this->config();
  SuspectLeader suspect(config);
  suspect.matrix_sent(Instant(0), vectors(1, 0));
  suspect.on_pre_prepare(Instant(20), vectors(1, 0), {});
  suspect.matrix_sent(Instant(30), vectors(2, 0));
  suspect.on_pre_prepare(Instant(33), vectors(2, 0), {});
  EXPECT_EQ(suspect.max_tat(Instant(40)), Duration(20));
}

TEST_F(TurnaroundTest, it_is_no_longer_than_what_can_be_said) {
  const PrimeConfig config = this->config();
  SuspectLeader suspect(config);
  suspect.matrix_sent(Instant(), vectors(1, 0));
  EXPECT_EQ(suspect.max_tat(Instant() + message::kLongestMeasured + seconds(1)), message::kLongestMeasured);
}

TEST_F(TurnaroundTest, a_vc_proof_is_measured_until_a_replay_comes) {
  const PrimeConfig config = this->config();
  SuspectLeader suspect(config);
  suspect.on_replay(Instant(5));
  EXPECT_EQ(suspect.max_tat(Instant(9)), Duration()) << "no VC-PROOF was sent";
  suspect.proof_sent(Instant(10));
  suspect.on_pre_prepare(Instant(12), vectors(9, 9), {});
  EXPECT_EQ(suspect.max_tat(Instant(14)), Duration(4));
  suspect.on_replay(Instant(15));
  EXPECT_EQ(suspect.max_tat(Instant(99)), Duration(5));
}

TEST_F(TurnaroundTest, rows_of_blacklisted_servers_need_not_be_covered) {
  const PrimeConfig config = this->config();
  SuspectLeader suspect(config);
  suspect.matrix_sent(Instant(), vectors(1, 1));
  suspect.on_pre_prepare(Instant(3), vectors(1, 0), ServerSet::only(server(2)));
  EXPECT_EQ(suspect.max_tat(Instant(5)), Duration(5));
  suspect.on_pre_prepare(Instant(6), vectors(1, 0), ServerSet::only(server(3)));
  EXPECT_EQ(suspect.max_tat(Instant(9)), Duration(6));
}

TEST_F(TurnaroundTest, a_silent_leader_is_measured) {
  Core core(keys_, config());
  report(core);
  EXPECT_TRUE(measures(core));
  EXPECT_TRUE(measures(core));
}

TEST_F(TurnaroundTest, the_expected_pre_prepare_that_covers_stops_it) {
  Core core(keys_, config());
  report(core);
  core.settle(pre_prepare(1, {nullptr, nullptr, summary(2, {0, 0, 1, 0}), summary(3, {0, 0, 1, 0})}));
  EXPECT_FALSE(measures(core));
}

TEST_F(TurnaroundTest, a_pre_prepare_with_a_later_sequence_does_not_stop_it) {
  Core core(keys_, config());
  report(core);
  core.settle(pre_prepare(2, {nullptr, nullptr, summary(2, {0, 0, 1, 0}), summary(3, {0, 0, 1, 0})}));
  EXPECT_TRUE(measures(core));
  core.settle(pre_prepare(1, {nullptr, nullptr, nullptr, nullptr}));
  EXPECT_FALSE(measures(core)) << "with the one before it, it is next";
}

TEST_F(TurnaroundTest, a_pre_prepare_with_older_rows_does_not_stop_it) {
  Core core(keys_, config());
  report(core);
  core.settle(pre_prepare(1, {nullptr, nullptr, summary(2, {0, 0, 1, 0}), nullptr}));
  EXPECT_TRUE(measures(core));
}

TEST_F(TurnaroundTest, a_blacklisted_server_in_the_matrix_does_not_prolong_it) {
  Core core(keys_, config());
  report(core);
  core.settle(summary(2, {0, 1, 0, 0}));  // contradicts what it said
  ASSERT_TRUE(core.prime().status().blacklist.contains(server(2)));
  core.settle(pre_prepare(1, {nullptr, nullptr, nullptr, summary(3, {0, 0, 1, 0})}));
  EXPECT_FALSE(measures(core));
}

TEST_F(TurnaroundTest, what_the_leader_has_shown_already_is_not_reported) {
  Core core(keys_, config());
  core.settle(pre_prepare(1, {nullptr, nullptr, summary(2, {0, 0, 1, 0}), summary(3, {0, 0, 1, 0})}));
  const ordering::Output output = core.settle_after(core.prime().config().matrix_period);
  EXPECT_EQ(count(output, MessageType::SummaryMatrix), 0U);
  EXPECT_FALSE(measures(core));
}

TEST_F(TurnaroundTest, a_leader_measures_nothing) {
  Core core(keys_, config(0));
  core.settle(summary(2, {0, 0, 1, 0}));
  core.settle(summary(3, {0, 0, 1, 0}));
  EXPECT_EQ(count(core.settle_after(core.prime().config().matrix_period), MessageType::SummaryMatrix), 0U);
  EXPECT_FALSE(measures(core));
}

}  // namespace
}  // namespace garrison::prime
