// PRE-PREPAREs that go to who lacks them and asks (docs/adr/0019), in the place of PRE-PREPARE flooding [PRIME] 5.2.
#include "tests/unit/prime/rules_fixture.h"

namespace garrison::prime {
namespace {

using message::MessageType;

class FloodOnRequestTest : public RulesTest {
 protected:
  FloodOnRequestTest() : core_(keys_, on_request()) {}

  PrimeConfig on_request() {
    PrimeConfig made = config();
    made.flood_on_request = true;
    return made;
  }
  Stored asks(std::size_t from, std::uint64_t sequence, const Digest& matrix, std::uint64_t view = 0) {
    return keys_.verified(server(from), message::PrePrepareRequest{View(view), SeqNum(sequence), matrix});
  }
  // Who is asked for a PRE-PREPARE in `output`.
  static ServerSet asked(const ordering::Output& output) {
    ServerSet to;
    for (const ordering::Sign& sign : output.sign) {
      if (sign.type == MessageType::PrePrepareRequest) sign.to.for_each([&](ServerId each) { to.insert(each); });
    }
    return to;
  }

  Stored pre_prepare_ = pre_prepare(1, three_rows({0, 0, 1, 0}));
  Core core_;
};

TEST_F(FloodOnRequestTest, a_pre_prepare_is_answered_and_not_flooded) {
  const ordering::Output output = core_.settle(pre_prepare_);
  EXPECT_EQ(count(output, MessageType::Prepare), 1U);
  EXPECT_TRUE(output.forward.empty());
}

TEST_F(FloodOnRequestTest, whoever_votes_for_one_that_is_not_held_is_asked_for_it_once) {
  const ordering::Output first = core_.settle(prepare(2, 1, matrix(pre_prepare_)));
  EXPECT_EQ(asked(first), ServerSet::only(server(2)));
  const auto request = last_signed<message::PrePrepareRequest>(first);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->view, View(0));
  EXPECT_EQ(request->sequence, SeqNum(1));
  EXPECT_EQ(request->matrix_digest, matrix(pre_prepare_));
  EXPECT_TRUE(asked(core_.settle(prepare(2, 1, matrix(pre_prepare_)))).empty());
  EXPECT_TRUE(asked(core_.settle(commit(2, 1, matrix(pre_prepare_)))).empty());
}

// The first one may be faulty and never answer.
TEST_F(FloodOnRequestTest, every_voter_is_asked_until_it_is_held) {
  core_.settle(prepare(2, 1, matrix(pre_prepare_)));
  EXPECT_EQ(asked(core_.settle(commit(3, 1, matrix(pre_prepare_)))), ServerSet::only(server(3)));
  core_.settle(pre_prepare_);
  EXPECT_TRUE(asked(core_.settle(commit(0, 1, matrix(pre_prepare_)))).empty());
}

TEST_F(FloodOnRequestTest, a_vote_for_what_is_held_asks_for_nothing) {
  core_.settle(pre_prepare_);
  EXPECT_TRUE(asked(core_.settle(prepare(2, 1, matrix(pre_prepare_)))).empty());
}

TEST_F(FloodOnRequestTest, the_proof_that_the_leader_equivocates_is_asked_for_and_sent_to_all) {
  core_.settle(pre_prepare_);
  const Stored other = pre_prepare(1, {nullptr, nullptr, summary(2, {0, 0, 1, 0}), nullptr});
  EXPECT_EQ(asked(core_.settle(prepare(2, 1, matrix(other)))), ServerSet::only(server(2)));
  const ordering::Output output = core_.settle(other);
  ASSERT_EQ(output.blame.size(), 1U);
  EXPECT_EQ(output.blame[0].server, server(0));
  ASSERT_EQ(output.forward.size(), 2U) << "nobody else need have either";
  EXPECT_EQ(output.forward[0].message->get().digest(), pre_prepare_->get().digest());
  EXPECT_EQ(output.forward[1].message->get().digest(), other->get().digest());
  for (const ordering::Forward& each : output.forward) {
    EXPECT_EQ(each.to, ServerSet::only(server(2)).insert(server(3)));
  }
  EXPECT_TRUE(asked(core_.settle(prepare(3, 1, matrix(pre_prepare(1, {}))))).empty()) << "there is proof enough";
}

TEST_F(FloodOnRequestTest, who_asks_gets_it_once) {
  core_.settle(pre_prepare_);
  const ordering::Output output = core_.settle(asks(3, 1, matrix(pre_prepare_)));
  ASSERT_EQ(output.forward.size(), 1U);
  EXPECT_EQ(output.forward[0].message->get().digest(), pre_prepare_->get().digest());
  EXPECT_EQ(output.forward[0].to, ServerSet::only(server(3)));
  const ordering::Output again = core_.settle(asks(3, 1, matrix(pre_prepare_)));
  EXPECT_TRUE(again.forward.empty());
  EXPECT_TRUE(dropped(again, DropReason::prime_duplicate));
  EXPECT_EQ(core_.settle(asks(2, 1, matrix(pre_prepare_))).forward.size(), 1U);
}

TEST_F(FloodOnRequestTest, what_is_not_held_is_not_answered) {
  EXPECT_TRUE(dropped(core_.settle(asks(3, 1, matrix(pre_prepare_))), DropReason::prime_stale));
  core_.settle(pre_prepare_);
  EXPECT_TRUE(dropped(core_.settle(asks(3, 2, matrix(pre_prepare_))), DropReason::prime_stale));
  EXPECT_TRUE(dropped(core_.settle(asks(3, 1, matrix(pre_prepare(1, {})))), DropReason::prime_stale));
  EXPECT_TRUE(dropped(core_.settle(asks(3, 1, matrix(pre_prepare_), 1)), DropReason::prime_stale));
  EXPECT_TRUE(dropped(core_.settle(asks(3, 1U << 20U, matrix(pre_prepare_))), DropReason::prime_stale));
}

TEST_F(FloodOnRequestTest, nobody_asks_for_what_is_ordered) {
  order(core_, pre_prepare_);
  EXPECT_TRUE(asked(core_.settle(prepare(2, 1, matrix(pre_prepare(1, {}))))).empty());
}

// A leader that sends its PRE-PREPAREs to one correct server alone.
TEST(FloodOnRequestNetworkTest, one_correct_server_that_holds_it_is_enough) {
  Network network(4, 1, 0, [](PrimeConfig& config) {
    config.flood_on_request = true;
    config.retransmit_period = seconds(1000);
  });
  network.lose = [](std::size_t from, std::size_t to, const message::VerifiedMessage& message) {
    return message.type() == MessageType::PrePrepare && from == 0 && to != 1;
  };
  network.submit(1, 0);
  network.run(milliseconds(60));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(network.log(i).size(), 1U) << i;
}

}  // namespace
}  // namespace garrison::prime
