// Rules of the View Change sub-protocol [PRIME] A.3.3, at one server whose peers the test plays.
#include "tests/unit/prime/rules_fixture.h"

namespace garrison::prime {
namespace {

using message::MessageType;
using message::Replay;
using message::VcPartialSig;

// The core is server 2; server 1 leads view 1.
class ViewRulesTest : public RulesTest {
 protected:
  static constexpr ServerSet kIds = ServerSet::all(3);

  Stored proof(std::uint64_t view) {
    message::NewLeaderProof proof{View(view), {}};
    std::vector<Stored> votes;
    for (const std::size_t i : {0U, 1U, 3U}) {
      votes.push_back(keys_.verified(server(i), message::NewLeader{View(view)}));
      proof.votes.push_back(votes.back()->get().bytes());
    }
    return keys_.verified(server(1), proof);
  }
  Stored sig(std::size_t from, std::uint64_t start_seq, ServerSet ids = kIds, std::uint64_t view = 1) {
    return keys_.verified(server(from), VcPartialSig{View(view), ids, SeqNum(start_seq)});
  }
  Stored replay(std::size_t from, std::uint64_t start_seq, const std::vector<Stored>& sigs) {
    Replay replay{View(1), kIds, SeqNum(start_seq), {}};
    for (const Stored& sig : sigs) replay.proof.push_back(sig->get().bytes());
    return keys_.verified(server(from), replay);
  }
  // Delivers server `origin`'s REPORT at the core, everyone but the core playing along.
  ordering::Output deliver(Core& core, const Stored& report) {
    core.settle(report);
    ordering::Output last;
    for (const std::size_t from : {0U, 1U, 3U}) {
      last = core.settle(from, message::VcReady{View(1), {{report->get().server(), 0, report->get().digest()}}});
    }
    return last;
  }
  Stored report(std::size_t from, std::uint64_t stable = 0) {
    return keys_.verified(server(from), message::Report{View(1), SeqNum(stable), 0});
  }
  static std::size_t floods(const ordering::Output& output) {
    return static_cast<std::size_t>(
        std::count_if(output.forward.begin(), output.forward.end(),
                      [](const auto& forward) { return forward.message->get().type() == MessageType::Replay; }));
  }
};

TEST_F(ViewRulesTest, messages_of_a_later_view_are_kept_for_it) {
  Core core(keys_, config(2));
  EXPECT_TRUE(core.settle(report(3)).drops.empty());
  const ordering::Output output = core.settle(proof(1));
  const auto echoes_three = [](const ordering::Sign& sign) {
    const auto echo = message::decode<message::VcEcho>(sign.content);
    return echo.has_value() && echo->entries[0].origin == server(3);
  };
  EXPECT_TRUE(std::any_of(output.sign.begin(), output.sign.end(), echoes_three));
}

TEST_F(ViewRulesTest, what_is_kept_for_later_views_is_bounded_for_each_signer) {
  Core core(keys_, config(2));
  constexpr std::uint64_t kRoom = 64;
  for (std::uint64_t i = 0; i < kRoom; ++i) EXPECT_TRUE(core.settle(report(3, i)).drops.empty());
  EXPECT_TRUE(dropped(core.settle(report(3, kRoom)), DropReason::prime_too_early));
  EXPECT_TRUE(core.settle(report(1)).drops.empty()) << "others have their own room";
}

TEST_F(ViewRulesTest, a_replay_with_a_quorum_of_matching_signatures_is_flooded_once) {
  Core core(keys_, config(2));
  core.settle(proof(1));
  const Stored valid = replay(1, 1, {sig(0, 1), sig(1, 1), sig(3, 1)});
  const ordering::Output output = core.settle(valid);
  EXPECT_TRUE(output.drops.empty());
  EXPECT_EQ(floods(output), 1U);
  EXPECT_EQ(floods(core.settle(valid)), 0U);
}

TEST_F(ViewRulesTest, a_replay_without_one_is_refused) {
  Core core(keys_, config(2));
  core.settle(proof(1));
  for (const Stored& bad : {replay(1, 1, {sig(0, 1), sig(1, 1)}),                                // too few
                            replay(1, 1, {sig(0, 1), sig(1, 1), sig(1, 1)}),                     // one signer twice
                            replay(1, 1, {sig(0, 1), sig(1, 1), sig(3, 2)}),                     // another place
                            replay(1, 1, {sig(0, 1), sig(1, 1), sig(3, 1, ServerSet::all(4))}),  // other reports
                            replay(1, 1, {sig(0, 1), sig(1, 1), sig(3, 1, kIds, 2)})}) {         // another view
    const ordering::Output output = core.settle(bad);
    EXPECT_TRUE(dropped(output, DropReason::prime_bad_proof));
    EXPECT_EQ(floods(output), 0U);
  }
  EXPECT_TRUE(dropped(core.settle(replay(3, 1, {sig(0, 1), sig(1, 1), sig(3, 1)})), DropReason::prime_not_leader));
}

TEST_F(ViewRulesTest, a_second_replay_is_proof_and_makes_the_leader_suspected) {
  Core core(keys_, config(2));
  core.settle(proof(1));
  core.settle(replay(1, 1, {sig(0, 1), sig(1, 1), sig(3, 1)}));
  const ordering::Output same = core.settle(replay(1, 1, {sig(0, 1), sig(2, 1), sig(3, 1)}));
  EXPECT_TRUE(same.blame.empty()) << "another proof of the same is no conflict";
  const ordering::Output output = core.settle(replay(1, 2, {sig(0, 2), sig(1, 2), sig(3, 2)}));
  ASSERT_EQ(output.blame.size(), 1U);
  EXPECT_EQ(output.blame[0].server, server(1));
  EXPECT_EQ(floods(output), 1U) << "so that everyone has the proof";
  EXPECT_EQ(last_signed<message::NewLeader>(output)->view, View(2));
  EXPECT_EQ(floods(core.settle(replay(1, 3, {sig(0, 3), sig(1, 3), sig(3, 3)}))), 0U) << "once is enough";
}

// What a server claims that nobody has executed holds up its own list only.
TEST_F(ViewRulesTest, complete_state_gates_list_signature_and_replay_prepare) {
  Core core(keys_, config(2));
  core.settle(proof(1));
  EXPECT_EQ(count(deliver(core, report(0, 1)), MessageType::VcList), 0U);
  const Stored own = report(2);
  EXPECT_EQ(count(deliver(core, own), MessageType::VcList), 0U);
  EXPECT_EQ(count(deliver(core, report(1)), MessageType::VcList), 0U) << "server 0 has executed more";
  EXPECT_EQ(count(core.settle(1, message::VcList{View(1), kIds}), MessageType::VcPartialSig), 0U);
  const Stored valid = replay(1, 2, {sig(0, 2), sig(1, 2), sig(3, 2)});
  EXPECT_EQ(count(core.settle(valid), MessageType::ReplayPrepare), 0U);

  core.settle(0, message::Ordered{{{SeqNum(1), kNoOp}}});
  const ordering::Output output = core.settle(1, message::Ordered{{{SeqNum(1), kNoOp}}});
  EXPECT_EQ(count(output, MessageType::VcList), 1U);
  EXPECT_EQ(count(output, MessageType::VcPartialSig), 1U) << "both lists name the same servers";
  EXPECT_EQ(count(output, MessageType::ReplayPrepare), 1U);
}

TEST_F(ViewRulesTest, tags_that_nobody_is_to_use_are_ignored) {
  Core core(keys_, config(2));
  core.settle(proof(1));
  message::PcSet set{View(1), 0, {}, {}, View(0), kIds, SeqNum(1), {}};
  const Stored vote = keys_.verified(server(3), message::ReplayPrepare{View(0), Digest{}});
  set.votes = {vote->get().bytes()};
  EXPECT_TRUE(dropped(core.settle(3, set), DropReason::message_malformed)) << "the REPORT's tag";
}

// Messages may overtake each other when sessions are reset: others are already views ahead.
TEST_F(ViewRulesTest, a_no_op_of_a_later_view_is_not_overwritten_by_an_older_pre_prepare) {
  Core core(keys_, config(1));
  preorder(core, request(2, 1));
  for (const std::size_t from : {2U, 3U}) core.settle(from, message::Ordered{{{SeqNum(2), kNoOp}}});
  const ordering::Output output = core.settle(pre_prepare(2, three_rows({0, 0, 1, 0})));
  EXPECT_TRUE(dropped(output, DropReason::prime_stale));
  for (const std::size_t from : {2U, 3U}) core.settle(from, message::Ordered{{{SeqNum(1), kNoOp}}});
  EXPECT_EQ(core.prime().status().globally_ordered, SeqNum(2));
  EXPECT_EQ(core.prime().status().updates_delivered, 0U);
}

TEST_F(ViewRulesTest, a_view_can_be_installed_below_what_later_views_have_ordered) {
  Core core(keys_, config(2));
  core.settle(proof(1));
  for (const std::size_t from : {0U, 3U}) {
    core.settle(from, message::Ordered{{{SeqNum(1), kNoOp}, {SeqNum(2), kNoOp}, {SeqNum(4), kNoOp}}});
  }
  for (const std::size_t from : {0U, 1U, 3U}) {
    EXPECT_FALSE(core.prime().status().view_installed);
    core.settle(from, message::ReplayCommit{View(1), Digest{}, SeqNum(2)});
  }
  EXPECT_TRUE(core.prime().status().view_installed);
  EXPECT_EQ(core.prime().status().globally_ordered, SeqNum(2));
}

TEST_F(ViewRulesTest, votes_of_an_earlier_view_count_for_nothing_in_this_one) {
  Core core(keys_, config(2));
  core.settle(proof(1));
  for (const std::size_t from : {0U, 1U, 3U}) core.settle(from, message::ReplayCommit{View(1), Digest{}, SeqNum(1)});
  const Stored pp = pre_prepare(1, three_rows({0, 0, 0, 0}), 1, 1);
  core.settle(pp);
  for (const std::size_t from : {0U, 1U, 3U}) {
    EXPECT_TRUE(dropped(core.settle(prepare(from, 1, matrix(pp))), DropReason::prime_stale));
    EXPECT_TRUE(dropped(core.settle(commit(from, 1, matrix(pp))), DropReason::prime_stale));
  }
  EXPECT_EQ(core.prime().status().globally_ordered, SeqNum(0));
}

// It jumped over a sequence that the old leader had proposed and nobody ordered. The new leader proposes it again.
TEST_F(ViewRulesTest, what_a_server_has_jumped_over_is_forgotten_with_its_view) {
  Core core(keys_, config(2));
  ASSERT_EQ(count(core.settle(pre_prepare(1, three_rows({0, 0, 1, 0}))), MessageType::Prepare), 1U);
  const Bytes nothing_executed(8 * kN);
  core.settle_output(core.step(ordering::Restored{SeqNum(3), nothing_executed}));
  core.settle(proof(1));
  for (const std::size_t from : {0U, 1U, 3U}) core.settle(from, message::ReplayCommit{View(1), Digest{}, SeqNum(1)});
  ASSERT_TRUE(core.prime().status().view_installed);
  const ordering::Output output = core.settle(pre_prepare(1, three_rows({0, 0, 0, 0}), 1, 1));
  EXPECT_TRUE(output.blame.empty());
  EXPECT_FALSE(dropped(output, DropReason::prime_equivocation));
  EXPECT_EQ(count(output, MessageType::Prepare), 1U) << "others may have to order it";
}

}  // namespace
}  // namespace garrison::prime
