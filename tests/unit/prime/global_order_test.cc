// Rules of the Global Ordering sub-protocol and of the total order [PRIME] 5.2.
#include "tests/unit/prime/rules_fixture.h"

namespace garrison::prime {
namespace {

using message::MessageType;

class GlobalOrderTest : public RulesTest {};

TEST_F(GlobalOrderTest, a_pre_prepare_is_answered_and_flooded_once) {
  Core core(keys_, config());
  const Stored pp = pre_prepare(1, three_rows({0, 0, 1, 0}));
  const ordering::Output output = core.settle(pp);
  const auto vote = last_signed<message::Prepare>(output);
  ASSERT_TRUE(vote.has_value());
  EXPECT_EQ(vote->matrix_digest, matrix(pp));
  ASSERT_EQ(output.forward.size(), 1U);
  EXPECT_EQ(output.forward[0].message->get().digest(), pp->get().digest());
  EXPECT_EQ(output.forward[0].to, ServerSet::only(server(2)).insert(server(3)));
  EXPECT_EQ(output.forward[0].traffic, TrafficClass::bounded);

  const ordering::Output again = core.settle(pp);
  EXPECT_TRUE(again.sign.empty() && again.forward.empty());
  EXPECT_TRUE(dropped(again, DropReason::prime_duplicate));
}

TEST_F(GlobalOrderTest, a_conflicting_pre_prepare_is_blamed_flooded_and_not_answered) {
  Core core(keys_, config());
  const Stored first = pre_prepare(1, three_rows({0, 0, 1, 0}));
  const Stored second = pre_prepare(1, {nullptr, nullptr, summary(2, {0, 0, 1, 0}), nullptr});
  core.settle(first);
  const ordering::Output output = core.settle(second);
  EXPECT_EQ(count(output, MessageType::Prepare), 0U);
  ASSERT_EQ(output.blame.size(), 1U);
  EXPECT_EQ(output.blame[0].server, server(0));
  EXPECT_EQ(output.blame[0].first->get().digest(), first->get().digest());
  EXPECT_EQ(output.blame[0].second->get().digest(), second->get().digest());
  ASSERT_EQ(output.forward.size(), 1U);
  EXPECT_EQ(output.forward[0].message->get().digest(), second->get().digest());
  EXPECT_TRUE(core.prime().status().blacklist.contains(server(0)));

  const ordering::Output third = core.settle(pre_prepare(1, {}));
  EXPECT_TRUE(third.forward.empty()) << "a faulty leader must not make us flood without bound";
}

TEST_F(GlobalOrderTest, the_commits_of_a_quorum_decide_between_conflicting_pre_prepares) {
  Core core(keys_, config());
  preorder(core, request(2, 1));
  const Stored answered = pre_prepare(1, {});
  const Stored committed = pre_prepare(1, three_rows({0, 0, 1, 0}));
  core.settle(answered);
  for (const std::size_t from : {0U, 2U, 3U})
    EXPECT_TRUE(core.settle(commit(from, 1, matrix(committed))).deliver.empty());
  EXPECT_EQ(core.settle(committed).deliver.size(), 1U);
}

TEST_F(GlobalOrderTest, only_the_leader_of_the_view_proposes) {
  Core core(keys_, config());
  EXPECT_TRUE(dropped(core.settle(pre_prepare(1, {}, 0, 2)), DropReason::prime_not_leader));
  const ordering::Output later = core.settle(pre_prepare(1, {}, 1, 1));  // kept until the view comes
  EXPECT_TRUE(later.drops.empty() && later.sign.empty() && later.forward.empty());
  for (std::uint64_t s = 2; s <= 100; ++s) core.settle(pre_prepare(s, {}, 1, 1));
  EXPECT_TRUE(dropped(core.settle(pre_prepare(101, {}, 1, 1)), DropReason::prime_too_early));
}

TEST_F(GlobalOrderTest, sequences_beyond_the_window_are_refused) {
  PrimeConfig small = config();
  small.global_window = 4;
  small.preprepare_pipeline = 4;
  Core core(keys_, small);
  EXPECT_EQ(count(core.settle(pre_prepare(4, {})), MessageType::Prepare), 1U);
  EXPECT_TRUE(dropped(core.settle(pre_prepare(5, {})), DropReason::prime_beyond_window));
  EXPECT_TRUE(dropped(core.settle(commit(2, 5, {})), DropReason::prime_beyond_window));
  EXPECT_TRUE(dropped(core.settle(commit(2, UINT64_MAX, {})), DropReason::prime_beyond_window));
  for (std::uint64_t s = 1; s <= 3; ++s) order(core, pre_prepare(s, {}));
  EXPECT_EQ(core.prime().status().globally_ordered, SeqNum(3));
  EXPECT_EQ(count(core.settle(pre_prepare(7, {})), MessageType::Prepare), 0U);
  executed_by_all(core, 3);  // the window ends behind what a quorum has executed
  EXPECT_EQ(count(core.settle(pre_prepare(7, {})), MessageType::Prepare), 1U);
}

TEST_F(GlobalOrderTest, sequences_that_are_over_are_stale) {
  PrimeConfig small = config();
  small.kept_sequences = 1;
  Core core(keys_, small);
  for (std::uint64_t s = 1; s <= 300; ++s) {
    order(core, pre_prepare(s, {}));
    executed_by_all(core, s);
  }
  EXPECT_TRUE(dropped(core.settle(pre_prepare(1, {})), DropReason::prime_stale));
  EXPECT_TRUE(dropped(core.settle(commit(2, 1, {})), DropReason::prime_stale));
}

TEST_F(GlobalOrderTest, commit_needs_a_prepare_certificate_in_which_the_leader_counts_once) {
  Core core(keys_, config());
  const Stored pp = pre_prepare(1, {});
  ordering::Output output = core.settle(pp);  // with this server's own PREPARE: one of two
  EXPECT_EQ(count(output, MessageType::Commit), 0U);
  output = core.settle(prepare(0, 1, matrix(pp)));
  EXPECT_EQ(count(output, MessageType::Commit), 0U);
  output = core.settle(prepare(2, 1, Digest{}));
  EXPECT_EQ(count(output, MessageType::Commit), 0U);
  output = core.settle(prepare(3, 1, matrix(pp)));
  EXPECT_EQ(count(output, MessageType::Commit), 1U);
}

TEST_F(GlobalOrderTest, commits_of_another_digest_do_not_count) {
  Core core(keys_, config());
  const Stored pp = pre_prepare(1, {});
  core.settle(pp);
  core.settle(commit(0, 1, matrix(pp)));
  core.settle(commit(2, 1, matrix(pp)));
  core.settle(commit(3, 1, Digest{}));
  EXPECT_EQ(core.prime().status().globally_ordered, SeqNum(0));
  core.settle(prepare(2, 1, matrix(pp)));  // this server's own COMMIT
  EXPECT_EQ(core.prime().status().globally_ordered, SeqNum(1));
}

TEST_F(GlobalOrderTest, a_server_that_votes_twice_is_blamed_and_its_first_vote_counts) {
  Core core(keys_, config());
  const Stored pp = pre_prepare(1, {});
  core.settle(pp);
  core.settle(prepare(3, 1, Digest{}));
  ordering::Output output = core.settle(prepare(3, 1, matrix(pp)));
  EXPECT_EQ(count(output, MessageType::Commit), 0U);
  ASSERT_EQ(output.blame.size(), 1U);
  EXPECT_EQ(output.blame[0].server, server(3));
  core.settle(commit(3, 1, matrix(pp)));
  output = core.settle(commit(3, 1, Digest{}));
  ASSERT_EQ(output.blame.size(), 1U);
  EXPECT_TRUE(dropped(output, DropReason::prime_equivocation));
}

TEST_F(GlobalOrderTest, what_f_plus_one_servers_have_ordered_is_ordered_here) {
  Core core(keys_, config());
  const Stored pp = pre_prepare(1, {});
  core.settle(pp);
  core.settle(0, message::Ordered{{{SeqNum(1), matrix(pp)}}});
  core.settle(2, message::Ordered{{{SeqNum(1), Digest{}}}});
  EXPECT_EQ(core.prime().status().globally_ordered, SeqNum(0)) << "one of them may lie";
  core.settle(3, message::Ordered{{{SeqNum(1), matrix(pp)}}});
  EXPECT_EQ(core.prime().status().globally_ordered, SeqNum(1));
}

// A server that went on from a checkpoint holds sequences that it never ordered itself.
TEST_F(GlobalOrderTest, what_servers_say_of_a_sequence_that_is_over_is_what_they_said) {
  const PrimeConfig prime = config();
  GlobalOrder order(prime);
  Summaries summaries(prime);
  Promises promises(prime.envelope);
  ordering::Output output;
  const Stored pp = pre_prepare(1, {});
  const auto say = [&](std::size_t from) {
    order.on_ordered(keys_.verified(server(from), message::Ordered{{{SeqNum(1), matrix(pp)}}})->get(), output);
  };
  say(0);
  order.jump_to(SeqNum(1), SummaryVector(kN));
  order.stop();
  say(2);
  say(3);
  order.on_pre_prepare(pp->get(), summaries, promises, output);
  EXPECT_TRUE(order.held(SeqNum(1)).ordered);
  EXPECT_EQ(order.held(SeqNum(1)).matrix, matrix(pp)) << "not a No-op";
}

TEST_F(GlobalOrderTest, votes_that_come_before_the_pre_prepare_count) {
  Core core(keys_, config());
  const Stored pp = pre_prepare(1, {});
  for (const std::size_t from : {2U, 3U}) core.settle(prepare(from, 1, matrix(pp)));
  for (const std::size_t from : {0U, 2U, 3U}) core.settle(commit(from, 1, matrix(pp)));
  EXPECT_EQ(core.prime().status().globally_ordered, SeqNum(0));
  EXPECT_EQ(count(core.settle(pp), MessageType::Commit), 1U);
  EXPECT_EQ(core.prime().status().globally_ordered, SeqNum(1));
}

TEST_F(GlobalOrderTest, execution_follows_the_global_sequence) {
  Core core(keys_, config());
  preorder(core, request(2, 1));
  preorder(core, request(3, 1));
  EXPECT_TRUE(order(core, pre_prepare(2, three_rows({0, 0, 1, 1}))).deliver.empty());
  const auto both = delivered(order(core, pre_prepare(1, three_rows({0, 0, 0, 1}))));
  EXPECT_EQ(both, (std::vector<std::pair<std::uint16_t, std::uint64_t>>{{3, 1}, {2, 1}}));
}

TEST_F(GlobalOrderTest, one_matrix_orders_by_introducer_and_then_by_sequence) {
  Core core(keys_, config());
  for (const auto& [from, sequence] :
       std::vector<std::pair<std::size_t, std::uint64_t>>{{3, 1}, {2, 1}, {3, 2}, {2, 2}}) {
    preorder(core, request(from, sequence));
  }
  const auto order_of = delivered(order(core, pre_prepare(1, three_rows({0, 0, 2, 2}))));
  EXPECT_EQ(order_of, (std::vector<std::pair<std::uint16_t, std::uint64_t>>{{2, 1}, {2, 2}, {3, 1}, {3, 2}}));
}

TEST_F(GlobalOrderTest, an_older_matrix_executes_nothing_and_what_follows_it_nothing_again) {
  Core core(keys_, config());
  preorder(core, request(2, 1));
  preorder(core, request(2, 2));
  EXPECT_EQ(order(core, pre_prepare(1, three_rows({0, 0, 1, 0}))).deliver.size(), 1U);
  EXPECT_TRUE(order(core, pre_prepare(2, {})).deliver.empty());
  EXPECT_EQ(count(core.settle(pre_prepare(2, {})), MessageType::Prepare), 0U);
  const auto rest = delivered(order(core, pre_prepare(3, three_rows({0, 0, 2, 0}))));
  EXPECT_EQ(rest, (std::vector<std::pair<std::uint16_t, std::uint64_t>>{{2, 2}}));
}

TEST_F(GlobalOrderTest, a_regressing_leader_is_answered) {
  Core core(keys_, config());
  order(core, pre_prepare(1, three_rows({0, 0, 1, 0})));
  EXPECT_EQ(count(core.settle(pre_prepare(2, {})), MessageType::Prepare), 1U);
}

TEST_F(GlobalOrderTest, execution_waits_for_what_is_not_bound_here) {
  Core core(keys_, config());
  const Stored missing = request(2, 1);
  preorder(core, request(3, 1));
  EXPECT_TRUE(order(core, pre_prepare(1, three_rows({0, 0, 1, 1}))).deliver.empty());
  core.settle(missing);
  const auto both = delivered(core.settle(ack(3, missing)));
  EXPECT_EQ(both, (std::vector<std::pair<std::uint16_t, std::uint64_t>>{{2, 1}, {3, 1}}));
}

TEST_F(GlobalOrderTest, the_leader_proposes_at_once_what_makes_requests_eligible_and_the_rest_a_period_later) {
  Core leader(keys_, config(0));
  EXPECT_EQ(count(leader.settle(summary(1, {0, 0, 1, 0})), MessageType::PrePrepare), 1U);  // nothing said before
  EXPECT_EQ(count(leader.settle(summary(2, {0, 0, 1, 0})), MessageType::PrePrepare), 0U);
  const ordering::Output third = leader.settle(summary(3, {0, 0, 1, 0}));
  EXPECT_EQ(count(third, MessageType::PrePrepare), 0U) << "the first one is in flight";
  const auto second = last_signed<message::PrePrepare>(leader.settle_after(milliseconds(5)));
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->sequence, SeqNum(2));
  EXPECT_EQ(count(leader.settle_after(milliseconds(50)), MessageType::PrePrepare), 0U) << "nothing new";
}

TEST_F(GlobalOrderTest, the_leader_sends_no_prepare_and_commits_on_those_of_others) {
  Core leader(keys_, config(0));
  const ordering::Output output = leader.settle(summary(1, {0, 0, 1, 0}));
  const auto proposal = last_signed<message::PrePrepare>(output);
  ASSERT_TRUE(proposal.has_value());
  EXPECT_EQ(count(output, MessageType::Prepare), 0U);
  const Digest matrix = message::matrix_digest(proposal->rows);
  EXPECT_EQ(count(leader.settle(prepare(1, 1, matrix)), MessageType::Commit), 0U);
  EXPECT_EQ(count(leader.settle(prepare(2, 1, matrix)), MessageType::Commit), 1U);
}

TEST_F(GlobalOrderTest, the_leader_keeps_its_pipeline_bounded) {
  PrimeConfig small = config(0);
  small.preprepare_pipeline = 2;
  Core leader(keys_, small);
  std::size_t proposed = 0;
  for (std::uint64_t s = 1; s <= 6; ++s) {
    proposed += count(leader.settle(summary(1, {0, 0, s, 0})), MessageType::PrePrepare);
    proposed += count(leader.settle_after(milliseconds(5)), MessageType::PrePrepare);
  }
  EXPECT_EQ(proposed, 2U);
}

TEST_F(GlobalOrderTest, what_a_quorum_has_executed_makes_room_in_the_pipeline_though_its_commits_are_late) {
  PrimeConfig small = config(0);
  small.preprepare_pipeline = 2;
  Core leader(keys_, small);
  std::size_t proposed = 0;
  for (std::uint64_t s = 1; s <= 6; ++s) {
    proposed += count(leader.settle(summary(1, {0, 0, s, 0})), MessageType::PrePrepare);
    proposed += count(leader.settle_after(milliseconds(5)), MessageType::PrePrepare);
    if (proposed == s) executed_by_all(leader, s);
  }
  EXPECT_EQ(proposed, 6U);
  EXPECT_EQ(leader.prime().status().globally_ordered, SeqNum(0));
}

TEST_F(GlobalOrderTest, a_repeated_vote_for_an_ordered_sequence_is_answered_but_not_without_end) {
  Core core(keys_, config());
  const Stored pp = pre_prepare(1, {});
  order(core, pp);
  core.settle(prepare(2, 1, matrix(pp)));
  const ordering::Output output = core.settle(commit(3, 1, matrix(pp)));
  ASSERT_GE(output.forward.size(), 2U);
  for (const ordering::Forward& forward : output.forward) {
    EXPECT_EQ(forward.to, ServerSet::only(server(3)));
    EXPECT_NE(forward.after, 0U) << "a vote leaves only once it is durable";
  }
  std::size_t answers = 0;
  for (int i = 0; i < 1000; ++i) answers += core.settle(commit(3, 1, matrix(pp))).forward.size();
  EXPECT_LE(answers, 100U);
}

}  // namespace
}  // namespace garrison::prime
