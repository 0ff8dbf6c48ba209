// Rules of the Leader Election sub-protocol [PRIME] A.2.
#include "tests/unit/prime/rules_fixture.h"

namespace garrison::prime {
namespace {

using message::MessageType;
using message::NewLeader;
using message::NewLeaderProof;

class LeaderElectionTest : public RulesTest {
 protected:
  Stored vote(std::size_t from, std::uint64_t view) { return keys_.verified(server(from), NewLeader{View(view)}); }
  Stored proof(std::size_t from, std::uint64_t view, const std::vector<Stored>& votes) {
    NewLeaderProof proof{View(view), {}};
    for (const Stored& vote : votes) proof.votes.push_back(vote->get().bytes());
    return keys_.verified(server(from), proof);
  }
  // Everyone else reports that the leader takes a second, and that 30 ms would do.
  ordering::Output make_suspect(Core& core) {
    ordering::Output last;
    for (const std::size_t from : {0U, 2U, 3U}) core.settle(from, message::TatUb{View(0), milliseconds(30)});
    for (const std::size_t from : {0U, 2U, 3U}) last = core.settle(from, message::TatMeasure{View(0), seconds(1)});
    return last;
  }
  static View view(Core& core) { return core.prime().status().view; }
};

TEST_F(LeaderElectionTest, a_quorum_of_votes_for_one_view_preinstalls_it_and_is_passed_on) {
  Core core(keys_, config());
  core.settle(vote(2, 1));
  core.settle(vote(0, 2));
  core.settle(vote(3, 1));
  EXPECT_EQ(view(core), View(0)) << "two votes for view 1, one for view 2";
  const ordering::Output output = core.settle(vote(0, 1));
  EXPECT_TRUE(dropped(output, DropReason::prime_stale)) << "a correct server's votes only rise";
  EXPECT_EQ(view(core), View(0));

  Core other(keys_, config());
  for (const std::size_t from : {0U, 2U}) other.settle(vote(from, 1));
  const ordering::Output elected = other.settle(vote(3, 1));
  EXPECT_EQ(view(other), View(1));
  EXPECT_EQ(other.prime().status().leader, server(1));
  ASSERT_EQ(count(elected, MessageType::NewLeaderProof), 1U);
  for (const ordering::Sign& sign : elected.sign) {
    if (sign.type != MessageType::NewLeaderProof) continue;
    EXPECT_EQ(sign.to, ServerSet::all(4).without(server(1)));
    EXPECT_EQ(message::decode<NewLeaderProof>(sign.content)->votes.size(), 3U);
  }
}

TEST_F(LeaderElectionTest, a_server_counts_once_however_often_it_votes) {
  Core core(keys_, config());
  core.settle(vote(2, 1));
  EXPECT_TRUE(dropped(core.settle(vote(2, 1)), DropReason::prime_duplicate));
  core.settle(vote(3, 1));
  core.settle(vote(2, 1));
  EXPECT_EQ(view(core), View(0));
}

TEST_F(LeaderElectionTest, the_proof_of_another_server_preinstalls_the_view_and_is_passed_on) {
  Core core(keys_, config());
  const ordering::Output output = core.settle(proof(3, 5, {vote(0, 5), vote(2, 5), vote(3, 5)}));
  EXPECT_EQ(view(core), View(5));
  const auto passed_on = last_signed<NewLeaderProof>(output);
  ASSERT_TRUE(passed_on.has_value());
  EXPECT_EQ(passed_on->view, View(5));
  EXPECT_EQ(passed_on->votes.size(), 3U);
  EXPECT_TRUE(dropped(core.settle(proof(2, 5, {vote(0, 5), vote(2, 5), vote(3, 5)})), DropReason::prime_duplicate));
  EXPECT_TRUE(dropped(core.settle(proof(2, 4, {vote(0, 4), vote(2, 4), vote(3, 4)})), DropReason::prime_stale));
  EXPECT_EQ(view(core), View(5));
}

TEST_F(LeaderElectionTest, a_proof_without_a_quorum_of_matching_votes_is_refused) {
  Core core(keys_, config());
  for (const Stored& bad : {proof(3, 1, {vote(0, 1), vote(3, 1)}),                 // too few
                            proof(3, 1, {vote(0, 1), vote(3, 1), vote(3, 1)}),     // repeated
                            proof(3, 1, {vote(0, 1), vote(2, 2), vote(3, 1)}),     // for another view
                            proof(3, 9, {vote(0, 1), vote(2, 1), vote(3, 1)})}) {  // for none of them
    const ordering::Output output = core.settle(bad);
    EXPECT_TRUE(dropped(output, DropReason::prime_bad_proof));
    EXPECT_EQ(count(output, MessageType::NewLeaderProof), 0U);
    EXPECT_EQ(view(core), View(0));
  }
}

TEST_F(LeaderElectionTest, a_suspecting_server_votes_once_and_repeats_its_vote_once_a_period) {
  Core core(keys_, config());
  const ordering::Output suspected = make_suspect(core);
  EXPECT_TRUE(core.prime().status().leader_suspected);
  EXPECT_EQ(count(suspected, MessageType::NewLeader), 1U);
  EXPECT_EQ(last_signed<NewLeader>(suspected)->view, View(1));
  EXPECT_EQ(count(core.settle(0, message::TatMeasure{View(0), seconds(2)}), MessageType::NewLeader), 0U);

  const auto repeated = [](const ordering::Output& output) {
    return std::count_if(output.forward.begin(), output.forward.end(), [](const ordering::Forward& forward) {
      return forward.message->get().type() == MessageType::NewLeader;
    });
  };
  EXPECT_EQ(repeated(core.settle_after(core.prime().config().retransmit_period)), 1);
  EXPECT_EQ(repeated(core.settle_after(milliseconds(10))), 0);
}

TEST_F(LeaderElectionTest, its_own_vote_counts) {
  Core core(keys_, config());
  make_suspect(core);
  core.settle(vote(2, 1));
  EXPECT_EQ(view(core), View(0));
  core.settle(vote(3, 1));
  EXPECT_EQ(view(core), View(1));
}

TEST_F(LeaderElectionTest, a_suspecting_server_keeps_taking_part) {
  Core core(keys_, config());
  preorder(core, request(2, 1));
  make_suspect(core);
  const Stored pp = pre_prepare(1, three_rows({0, 0, 1, 0}));
  EXPECT_EQ(count(core.settle(pp), MessageType::Prepare), 1U);
  EXPECT_EQ(count(core.settle(prepare(2, 1, matrix(pp))), MessageType::Commit), 1U);
  for (const std::size_t from : {0U, 2U}) core.settle(commit(from, 1, matrix(pp)));
  EXPECT_EQ(core.prime().status().updates_delivered, 1U);
  EXPECT_EQ(count(core.settle(3, message::RttPing{View(0), 5, SeqNum(0)}), MessageType::RttPong), 1U);
}

TEST_F(LeaderElectionTest, a_preinstalled_view_ends_the_one_before_it) {
  Core core(keys_, config());
  core.settle(proof(3, 1, {vote(0, 1), vote(2, 1), vote(3, 1)}));
  const ordering::Output output = core.settle(pre_prepare(1, three_rows({0, 0, 1, 0})));
  EXPECT_EQ(count(output, MessageType::Prepare), 0U);
  EXPECT_TRUE(dropped(output, DropReason::prime_stale));
}

TEST_F(LeaderElectionTest, a_server_in_an_earlier_view_is_told_at_most_once_per_half_a_period) {
  Core core(keys_, config());
  EXPECT_EQ(count(core.settle(3, message::RttPing{View(0), 0, SeqNum(0)}), MessageType::NewLeaderProof), 0U);
  core.settle(proof(2, 5, {vote(0, 5), vote(2, 5), vote(3, 5)}));
  const auto told = [&](std::size_t from, std::uint64_t view) {
    const ordering::Output output = core.settle(from, message::RttPing{View(view), 1, SeqNum(0)});
    for (const ordering::Sign& sign : output.sign) {
      if (sign.type != MessageType::NewLeaderProof) continue;
      EXPECT_EQ(sign.to, ServerSet::only(server(from)));
      return true;
    }
    return false;
  };
  EXPECT_FALSE(told(3, 5));
  EXPECT_TRUE(told(3, 4));
  EXPECT_FALSE(told(3, 4));
  EXPECT_TRUE(told(0, 0)) << "another server has its own turn";
  core.settle_after(core.prime().config().retransmit_period / 2 - nanoseconds(1));
  EXPECT_FALSE(told(3, 4));
  core.settle_after(nanoseconds(1));
  EXPECT_TRUE(told(3, 4));
}

}  // namespace
}  // namespace garrison::prime
