// THRESHOLD-SIGN among correct servers, silent ones and a lossy network, and its bounds.
#include "control/site/threshold_sign.h"

#include <gtest/gtest.h>

#include "tests/unit/site/signing_site.h"

namespace garrison::site {
namespace {

using message::SigComplete;
using message::SigRequest;
using message::SigShare;

const std::multiset<DropReason> kNone;
std::multiset<DropReason> one(DropReason reason) { return {reason}; }

SigShare share_message(std::uint64_t batch, const Bytes& statement, const Bytes& share) {
  return {batch, statement, share, {}};
}

class ThresholdSignTest : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Sizes, ThresholdSignTest, ::testing::Values(4, 7, 16));

TEST_P(ThresholdSignTest, correct_servers_sign_eight_roots_at_once_in_any_order_without_a_proof) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SigningSite site(GetParam(), seed);
    for (std::uint64_t batch = 1; batch <= 8; ++batch) site.begin(batch);
    site.run();
    EXPECT_EQ(site.signed_everywhere(1, 8), 8U) << "seed " << seed;
    site.all().for_each([&](ServerId id) {
      EXPECT_EQ(site.at(id).signatures.at(3), site.signature(3));
      EXPECT_EQ(site.at(id).combiner->combined, 8U);
      EXPECT_EQ(site.at(id).combiner->failed, 0U);
      EXPECT_EQ(site.at(id).combiner->proofs_checked, 0U);
      EXPECT_EQ(site.at(id).proofs_made, 0U);
      EXPECT_TRUE(site.at(id).core->doubted().empty() && site.at(id).core->expelled().empty());
      EXPECT_EQ(site.at(id).drops, kNone);
    });
  }
}

TEST_P(ThresholdSignTest, f_silent_servers_keep_nobody_waiting) {
  SigningSite site(GetParam(), 7);
  for (std::size_t i = 0; i < site.f(); ++i) site.liars.insert(server(i));
  for (std::uint64_t batch = 1; batch <= 8; ++batch) site.begin(batch);
  site.run();
  EXPECT_EQ(site.signed_everywhere(1, 8), 8U);
}

TEST_P(ThresholdSignTest, fewer_than_k_shares_make_no_signature) {
  SigningSite site(GetParam());
  site.liars = ServerSet::all(site.n() - site.f());
  site.begin(1);
  site.run();
  EXPECT_EQ(site.signed_everywhere(1, 1), 0U);
}

TEST_P(ThresholdSignTest, lost_messages_are_made_up_for) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SigningSite site(GetParam(), seed);
    site.liars.insert(server(1));
    site.loss_millionths = 400'000;
    for (std::uint64_t batch = 1; batch <= 8; ++batch) site.begin(batch);
    site.run();
    for (int round = 0; round < 40 && site.signed_everywhere(1, 8) < 8; ++round) site.pass(milliseconds(200));
    EXPECT_EQ(site.signed_everywhere(1, 8), 8U) << "seed " << seed;
    site.correct().for_each([&](ServerId id) { EXPECT_TRUE(site.at(id).core->expelled().empty()); });
  }
}

TEST_P(ThresholdSignTest, a_server_that_heard_nothing_gets_the_signature_for_one_request) {
  SigningSite site(GetParam());
  const ServerId late = server(site.n() - 1);
  site.liars.insert(late);  // until now it has lost everything
  site.begin(1);
  site.run();
  site.liars = {};
  site.begin_at(late, 1);
  site.make_shares = false;
  site.run();
  EXPECT_FALSE(site.at(late).signatures.contains(1));
  site.pass(milliseconds(200));
  EXPECT_EQ(site.at(late).signatures.at(1), site.signature(1));
  EXPECT_EQ(site.at(late).combiner->verified, 1U);
  EXPECT_EQ(site.at(late).combiner->combined, 0U);
}

// Whoever asks gets one answer from each server, and answers cause nothing.
TEST_P(ThresholdSignTest, answers_are_not_answered) {
  SigningSite site(GetParam());
  site.begin(1);
  site.run();
  site.all().for_each([&](ServerId id) { site.at(id).said = 0; });
  site.all().for_each([&](ServerId id) { site.send(id, SigRequest{1, false}, site.all().without(id)); });
  site.run();
  site.all().for_each([&](ServerId id) { EXPECT_EQ(site.at(id).said, site.n() - 1); });

  SigningSite waiting(GetParam());
  waiting.liars = ServerSet::all(waiting.n() - waiting.f());
  waiting.begin(1);
  waiting.run();  // too few for a signature, so that shares are the answer
  waiting.correct().for_each([&](ServerId id) { waiting.at(id).said = 0; });
  waiting.pass(milliseconds(200));
  waiting.correct().for_each([&](ServerId id) {
    EXPECT_EQ(waiting.at(id).said, waiting.n() - 1 + waiting.f() - 1) << "its request, and its share for each other";
  });
}

TEST(ThresholdSignBoundsTest, repeated_requests_are_answered_once_in_a_period) {
  SigningSite site(4);
  site.begin(1);
  site.run();
  EXPECT_EQ(site.hand(server(1), server(0), SigRequest{1, false}), kNone);
  EXPECT_EQ(site.hand(server(1), server(0), SigRequest{1, false}), one(DropReason::share_over_quota));
  EXPECT_EQ(site.hand(server(2), server(0), SigRequest{1, false}), kNone);
  EXPECT_EQ(site.hand(server(1), server(0), SigRequest{2, false}), one(DropReason::share_unknown));
  site.pass(milliseconds(100));
  EXPECT_EQ(site.hand(server(1), server(0), SigRequest{1, false}), kNone);
}

TEST(ThresholdSignBoundsTest, proofs_are_made_once_per_batch_and_so_many_because_one_server_asks) {
  SigningSite site(4, 1, [](auto& config) { config.window = 64; });
  for (std::uint64_t batch = 1; batch <= 20; ++batch) site.begin(batch);
  site.run();
  std::size_t refused = 0;
  for (std::uint64_t batch = 1; batch <= 20; ++batch) {
    refused += site.hand(server(3), server(0), SigRequest{batch, true}).count(DropReason::share_over_quota);
  }
  site.run();
  EXPECT_EQ(site.at(server(0)).proofs_made, 2 * site.f());
  EXPECT_EQ(refused, 20 - 2 * site.f());
  // Another one that asks for the same costs nothing, and has a quota of its own.
  EXPECT_EQ(site.hand(server(2), server(0), SigRequest{1, true}), kNone);
  site.run();
  EXPECT_EQ(site.at(server(0)).proofs_made, 2 * site.f());
  EXPECT_EQ(site.hand(server(2), server(0), SigRequest{20, true}), kNone);
  site.run();
  EXPECT_EQ(site.at(server(0)).proofs_made, 2 * site.f() + 1);
  site.pass(seconds(10));
  EXPECT_EQ(site.hand(server(3), server(0), SigRequest{19, true}), kNone);
}

TEST(ThresholdSignBoundsTest, shares_that_come_before_their_batch_count_and_are_bounded) {
  SigningSite site(4, 1, [](auto& config) { config.window = 8; });
  ThresholdSign& core = site.core(0);
  for (std::uint64_t batch = 1; batch <= 100; ++batch) {
    const Bytes statement = SigningSite::statement(batch);
    const Bytes share = site.share(server(1), batch);
    const auto drops = site.hand(server(1), server(0), share_message(batch, statement, share));
    EXPECT_EQ(drops, batch <= 8 ? kNone : one(DropReason::share_beyond_window)) << batch;
  }
  EXPECT_EQ(core.shares_held(), 8U);
  const Bytes statement = SigningSite::statement(2);
  const Bytes share = site.share(server(1), 2);
  EXPECT_EQ(site.hand(server(1), server(0), share_message(2, statement, share)), one(DropReason::share_duplicate));
  site.make_shares = false;
  site.begin_at(server(0), 2);  // 1 is skipped
  EXPECT_EQ(core.shares_held(), 7U);
  const Bytes third = site.share(server(3), 2);
  site.hand(server(3), server(0), share_message(2, statement, third));
  EXPECT_EQ(site.at(server(0)).signatures.at(2), site.signature(2));
  EXPECT_EQ(core.shares_held(), 6U);
}

TEST(ThresholdSignBoundsTest, whoever_comes_after_the_signature_is_made_makes_no_share) {
  SigningSite site(4);
  const ServerId late = server(0);
  for (const std::uint64_t batch : {1U, 2U}) {
    site.correct().without(late).for_each([&](ServerId id) { site.begin_at(id, batch); });
  }
  site.run();
  site.begin_at(late, 1);
  site.begin_at(late, 2);
  site.run();
  EXPECT_EQ(site.at(late).shares_made, 0U);
  EXPECT_EQ(site.signed_everywhere(1, 2), 2U);
}

TEST(ThresholdSignBoundsTest, batches_begin_in_order_within_the_window) {
  SigningSite site(4, 1, [](auto& config) { config.window = 3; });
  ThresholdSign& core = site.core(0);
  for (std::uint64_t batch = 1; batch <= 3; ++batch) {
    EXPECT_TRUE(core.has_room());
    site.begin_at(server(0), batch);
  }
  EXPECT_FALSE(core.has_room());
  EXPECT_DEATH(site.begin_at(server(0), 4), "window");
  EXPECT_DEATH(site.begin_at(server(0), 3), "newest");
  core.forget_below(2);
  EXPECT_TRUE(core.has_room());
  site.begin_at(server(0), 4);
  EXPECT_FALSE(core.has_room());
  core.forget_below(40);  // as after state transfer
  EXPECT_TRUE(core.has_room());
  EXPECT_DEATH(site.begin_at(server(0), 39), "floor|newest");
  site.begin_at(server(0), 40);
}

TEST(ThresholdSignBoundsTest, of_batches_that_are_over_the_own_share_stays_for_a_while) {
  SigningSite site(4, 1, [](auto& config) { config.window = 4, config.kept = 8, config.ask_period = Duration(1); });
  for (std::uint64_t batch = 1; batch <= 30; ++batch) {
    site.begin(batch);
    site.run();
    site.forget_below(batch + 1);
  }
  EXPECT_EQ(site.core(0).shares_held(), 8U);
  EXPECT_EQ(site.core(0).next_wakeup(), Instant::never());
  EXPECT_EQ(site.hand(server(1), server(0), SigRequest{30, false}), one(DropReason::share_over));
  EXPECT_EQ(site.hand(server(1), server(0), SigRequest{22, true}), one(DropReason::share_unknown));
  EXPECT_EQ(site.hand(server(1), server(0), SigRequest{23, true}), kNone);
  site.run();
  EXPECT_EQ(site.at(server(0)).proofs_made, 1U);
  const Bytes statement = SigningSite::statement(30);
  const Bytes share = site.share(server(1), 30);
  EXPECT_EQ(site.hand(server(1), server(0), share_message(30, statement, share)), one(DropReason::share_over));
  EXPECT_EQ(site.hand(server(1), server(0), SigComplete{30, site.signature(30)}), one(DropReason::share_unasked));
}

TEST(ThresholdSignBoundsTest, it_wakes_when_a_signature_is_missing_and_sleeps_otherwise) {
  SigningSite site(4);
  ThresholdSign& core = site.core(0);
  EXPECT_EQ(core.next_wakeup(), Instant::never());
  site.begin_at(server(0), 1);
  EXPECT_EQ(core.next_wakeup(), site.now() + milliseconds(200));
  site.run();
  site.pass(milliseconds(200));
  EXPECT_EQ(core.next_wakeup(), site.now() + milliseconds(200));
  site.hand(server(1), server(0), SigComplete{1, site.signature(1)});
  EXPECT_EQ(core.next_wakeup(), Instant::never());
}

}  // namespace
}  // namespace garrison::site
