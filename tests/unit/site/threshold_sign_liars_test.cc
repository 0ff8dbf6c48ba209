// THRESHOLD-SIGN with f servers that lie: correct ones sign all the same, are never expelled, and spend a bounded
// amount of work on it.
#include <gtest/gtest.h>

#include "control/site/threshold_sign.h"
#include "tests/unit/site/signing_site.h"

namespace garrison::site {
namespace {

using message::SigComplete;
using message::SigEvidence;
using message::SigRequest;
using message::SigShare;

const std::multiset<DropReason> kNone;
std::multiset<DropReason> one(DropReason reason) { return {reason}; }

Bytes negated(Bytes share) {
  for (std::uint8_t& byte : share) byte = static_cast<std::uint8_t>(~byte);
  return share;
}

enum class Lie : std::uint8_t {
  wrong_share,          // and no proof, ever
  wrong_proof,          // a wrong share, and on demand a proof that fails
  volunteered,          // a wrong share with such a proof at once
  replayed,             // the share of the root before
  malleated,            // N - x
  two_shares,           // one after the other
  by_receiver,          // correct to some, wrong to others, proofs of the correct one
  other_statement,      // a correct share of something else
  good_with_bad_proof,  // a correct share, and a proof that fails
};
constexpr Lie kLies[] = {Lie::wrong_share, Lie::wrong_proof,     Lie::volunteered,
                         Lie::replayed,    Lie::malleated,       Lie::two_shares,
                         Lie::by_receiver, Lie::other_statement, Lie::good_with_bad_proof};

// f liars, and what they do.
class LyingSite : public SigningSite {
 public:
  LyingSite(std::size_t n, Lie lie, std::uint64_t seed) : SigningSite(n, seed), lie_(lie) {
    while (liars.size() < f()) liars.insert(server(rng().below(n)));
    on_liar = [this](ServerId liar, const message::VerifiedMessage& message) {
      if (message.type() == SigRequest::kType) answer(liar, message.server(), message.as<SigRequest>());
    };
  }
  // Ahead of the correct servers' shares, so that lies are looked at.
  void lie(std::uint64_t batch) {
    liars.for_each([&](ServerId liar) { tell(liar, batch); });
  }
  // Whether each liar is found out by whoever gets its messages, without a combination.
  [[nodiscard]] bool obvious() const { return lie_ == Lie::malleated || lie_ == Lie::two_shares; }
  [[nodiscard]] bool spoils_combinations() const {
    return lie_ == Lie::wrong_share || lie_ == Lie::wrong_proof || lie_ == Lie::volunteered || lie_ == Lie::replayed ||
           lie_ == Lie::by_receiver;
  }

 private:
  void tell(ServerId liar, std::uint64_t batch) {
    const Bytes good = share(liar, batch);
    const Bytes wrong = share(liar, lie_ == Lie::replayed ? batch - 1 : batch + 1000);
    switch (lie_) {
      case Lie::wrong_share:
      case Lie::wrong_proof:
      case Lie::replayed:
        return say(liar, batch, wrong, {}, correct());
      case Lie::volunteered:
        return say(liar, batch, wrong, proof(liar, batch, wrong), correct());
      case Lie::malleated:
        return say(liar, batch, negated(good), {}, correct());
      case Lie::two_shares:
        say(liar, batch, good, {}, correct());
        return say(liar, batch, wrong, {}, correct());
      case Lie::by_receiver:
        return correct().for_each([&](ServerId id) {
          say(liar, batch, (id.value() + batch) % 2 == 0 ? good : wrong, {}, ServerSet::only(id));
        });
      case Lie::other_statement: {
        const Bytes other = statement(batch + 1000);
        return send(liar, SigShare{batch, other, wrong, {}}, correct());
      }
      case Lie::good_with_bad_proof:
        return say(liar, batch, good, proof(liar, batch, wrong), correct());
    }
  }
  void answer(ServerId liar, ServerId asker, const SigRequest& request) {
    if (!request.proof || lie_ == Lie::wrong_share || lie_ == Lie::replayed) return;
    const Bytes told = share(liar, lie_ == Lie::wrong_proof ? request.batch + 1000 : request.batch);
    say(liar, request.batch, told, proof(liar, request.batch, told), ServerSet::only(asker));
  }
  void say(ServerId liar, std::uint64_t batch, const Bytes& told, const Bytes& with, ServerSet to) {
    const Bytes signed_statement = statement(batch);
    send(liar, SigShare{batch, signed_statement, told, with}, to);
  }

  Lie lie_;
};

class LiarsTest : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Sizes, LiarsTest, ::testing::Values(4, 7, 16));

TEST_P(LiarsTest, f_of_them_neither_stop_the_others_nor_have_them_expelled_nor_cost_more_than_f_slow_paths) {
  constexpr std::uint64_t kBatches = 40;
  constexpr std::uint64_t kAtOnce = 8;
  for (const Lie lie : kLies) {
    std::size_t failed = 0;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      LyingSite site(GetParam(), lie, seed);
      for (std::uint64_t first = 1; first <= kBatches; first += kAtOnce) {
        for (std::uint64_t batch = first; batch < first + kAtOnce; ++batch) site.lie(batch);
        for (std::uint64_t batch = first; batch < first + kAtOnce; ++batch) site.begin(batch);
        site.run();
        if (seed % 2 == 0) site.pass(milliseconds(200));
        EXPECT_EQ(site.signed_everywhere(first, first + kAtOnce - 1), kAtOnce);
        site.forget_below(first + kAtOnce);
      }
      const auto what = ::testing::Message() << "lie " << static_cast<int>(lie) << ", seed " << seed;
      site.correct().for_each([&](ServerId id) {
        const SigningSite::Server& own = site.at(id);
        EXPECT_EQ(own.core->expelled().bits() & ~site.liars.bits(), 0U) << what;
        EXPECT_EQ(own.core->doubted().bits() & ~site.liars.bits(), 0U) << what << ": proofs clear who is correct";
        if (site.obvious()) {
          EXPECT_EQ(own.core->expelled(), site.liars) << what;
        }
        EXPECT_LE(own.combiner->failed, site.f()) << what;
        EXPECT_LE(own.combiner->combined, kBatches + site.f()) << what;
        // Those in a combination that failed, but itself; and what others say of each liar.
        EXPECT_LE(own.combiner->proofs_checked, site.f() * (site.f() + 1) + site.f()) << what;
        EXPECT_LE(own.proofs_made, site.f() * (site.n() - site.f())) << what;
        failed += own.combiner->failed;
      });
      if (site.spoils_combinations()) {
        EXPECT_GT(failed, 0U) << what << ": the lie was not looked at";
      }
    }
  }
}

TEST_P(LiarsTest, lies_on_a_lossy_network_are_survived_too) {
  for (const Lie lie : kLies) {
    LyingSite site(GetParam(), lie, 11);
    site.loss_millionths = 250'000;
    for (std::uint64_t batch = 1; batch <= 8; ++batch) site.lie(batch);
    for (std::uint64_t batch = 1; batch <= 8; ++batch) site.begin(batch);
    site.run();
    for (int round = 0; round < 60 && site.signed_everywhere(1, 8) < 8; ++round) site.pass(milliseconds(200));
    EXPECT_EQ(site.signed_everywhere(1, 8), 8U) << static_cast<int>(lie);
    site.correct().for_each(
        [&](ServerId id) { EXPECT_EQ(site.at(id).core->expelled().bits() & ~site.liars.bits(), 0U); });
  }
}

// Server 1 of four spoils a combination of server 0.
class SpoiledTest : public ::testing::Test {
 protected:
  SpoiledTest() { site_.liars.insert(kLiar); }
  void spoil(std::uint64_t batch) {
    const Bytes statement = SigningSite::statement(batch);
    const Bytes wrong = site_.share(kLiar, batch + 1000);
    site_.hand(kLiar, kServer, SigShare{batch, statement, wrong, {}});
  }
  void prove(std::uint64_t batch, const Bytes& share) {
    const Bytes statement = SigningSite::statement(batch);
    const Bytes proof = site_.proof(kLiar, batch, share);
    site_.hand(kLiar, kServer, SigShare{batch, statement, share, proof});
  }
  void give(ServerId of, std::uint64_t batch) {
    const Bytes statement = SigningSite::statement(batch);
    const Bytes share = site_.share(of, batch);
    site_.hand(of, kServer, SigShare{batch, statement, share, {}});
  }

  static constexpr ServerId kServer{0};
  static constexpr ServerId kLiar{1};
  SigningSite site_{4, 1, [](auto& config) { config.window = 8, config.kept = 16; }};
  SigningSite::Server& server_ = site_.at(kServer);
};

TEST_F(SpoiledTest, who_was_in_a_failed_combination_is_used_nowhere_before_it_has_proven_its_share) {
  site_.make_shares = false;
  for (std::uint64_t batch = 1; batch <= 3; ++batch) site_.begin_at(kServer, batch);
  give(server(2), 3);  // waits for a second one
  spoil(1);
  give(server(2), 1);
  EXPECT_EQ(server_.core->doubted(), ServerSet::only(kLiar).insert(server(2)));
  EXPECT_EQ(server_.combiner->failed, 1U);
  for (const std::uint64_t batch : {2U, 3U}) {
    spoil(batch);
    give(server(2), batch);
    give(server(3), batch);
    EXPECT_FALSE(server_.signatures.contains(batch));
  }
  EXPECT_EQ(server_.combiner->combined, 1U);
  const Bytes statement = SigningSite::statement(1);
  const Bytes share = site_.share(server(2), 1);
  const Bytes proof = site_.proof(server(2), 1, share);
  site_.hand(server(2), kServer, SigShare{1, statement, share, proof});
  EXPECT_EQ(server_.core->doubted(), ServerSet::only(kLiar));
  EXPECT_TRUE(server_.signatures.contains(2) && server_.signatures.contains(3));
  EXPECT_EQ(server_.combiner->failed, 1U);
  give(server(3), 1);
  EXPECT_TRUE(server_.signatures.contains(1));
}

TEST_F(SpoiledTest, a_proof_that_fails_has_its_sender_expelled_wherever_the_evidence_comes) {
  site_.begin(1);
  spoil(1);
  site_.run();
  EXPECT_EQ(server_.core->doubted(), ServerSet::only(kLiar));
  EXPECT_TRUE(server_.signatures.contains(1));
  prove(1, site_.share(kLiar, 1001));
  EXPECT_EQ(server_.core->expelled(), ServerSet::only(kLiar));
  EXPECT_TRUE(server_.core->doubted().empty());
  EXPECT_TRUE(site_.core(2).expelled().empty());
  site_.run();
  site_.correct().for_each([&](ServerId id) {
    EXPECT_EQ(site_.at(id).core->expelled(), ServerSet::only(kLiar));
    // Where the combination failed it may have had a second share of another server.
    EXPECT_LE(site_.at(id).combiner->proofs_checked, id == kServer ? 2U : 1U);
    EXPECT_GE(site_.at(id).combiner->proofs_checked, 1U);
  });
  const Bytes statement = SigningSite::statement(2);
  const Bytes share = site_.share(kLiar, 2);
  EXPECT_EQ(site_.hand(kLiar, kServer, SigShare{2, statement, share, {}}), one(DropReason::share_expelled));
}

TEST_F(SpoiledTest, a_correct_share_instead_of_the_wrong_one_convicts_its_sender) {
  site_.begin(1);
  spoil(1);
  site_.run();
  prove(1, site_.share(kLiar, 1));
  site_.run();
  site_.correct().for_each([&](ServerId id) {
    EXPECT_EQ(site_.at(id).core->expelled(), ServerSet::only(kLiar));
    EXPECT_LE(site_.at(id).combiner->proofs_checked, id == kServer ? 1U : 0U);
  });
}

TEST_F(SpoiledTest, a_debt_outlives_its_batch) {
  site_.begin(1);
  spoil(1);
  site_.run();
  site_.forget_below(9);
  EXPECT_EQ(server_.core->doubted(), ServerSet::only(kLiar));
  prove(1, site_.share(kLiar, 1001));
  EXPECT_EQ(server_.core->expelled(), ServerSet::only(kLiar));
}

TEST_F(SpoiledTest, it_is_asked_again_and_more_and_more_rarely) {
  std::size_t asked = 0;
  site_.on_liar = [&](ServerId, const message::VerifiedMessage& message) {
    if (message.server() == kServer && message.type() == SigRequest::kType) asked += message.as<SigRequest>().proof;
  };
  site_.begin(1);
  spoil(1);
  site_.run();
  EXPECT_EQ(asked, 1U);
  for (int i = 0; i < 300; ++i) site_.pass(milliseconds(200));  // a minute
  EXPECT_GE(asked, 8U);
  EXPECT_LE(asked, 12U);
}

// Its share is asked for a proof 16 batches, then 32, then 64, ... before it is used again.
TEST_F(SpoiledTest, a_silent_liar_spoils_as_many_combinations_as_the_logarithm_of_the_batches) {
  for (std::uint64_t batch = 1; batch <= 500; ++batch) {
    spoil(batch);  // comes first
    site_.begin(batch);
    site_.run();
    ASSERT_TRUE(server_.signatures.contains(batch));
    site_.forget_below(batch + 1);
  }
  EXPECT_EQ(server_.combiner->failed, 6U);  // batches 1, 17, 49, 113, 241, 497
}

TEST_F(SpoiledTest, a_share_of_another_statement_is_not_used_and_convicts_nobody) {
  site_.make_shares = false;
  site_.begin_at(kServer, 1);
  const Bytes other = SigningSite::statement(2);
  const Bytes share = site_.share(kLiar, 2);
  EXPECT_EQ(site_.hand(kLiar, kServer, SigShare{1, other, share, {}}), one(DropReason::share_other_statement));
  give(server(2), 1);
  EXPECT_EQ(server_.combiner->combined, 0U);
  EXPECT_TRUE(server_.core->expelled().empty());
}

TEST_F(SpoiledTest, what_cannot_be_a_share_or_a_proof_convicts_its_sender_in_every_phase_of_a_batch) {
  const Bytes statement = SigningSite::statement(5);
  const Bytes good = site_.share(kLiar, 5);
  const Bytes high = negated(good);
  const Bytes short_proof(7, 1);
  const SigShare bad[] = {{5, statement, high, {}},
                          {5, statement, ByteView(good).first(good.size() - 1), {}},
                          {5, statement, good, short_proof}};
  for (const SigShare& share : bad) {
    for (const bool begun : {false, true}) {
      SigningSite site(4);
      if (begun) site.begin_at(kServer, 5);
      EXPECT_EQ(site.hand(kLiar, kServer, share), one(DropReason::share_bad));
      EXPECT_EQ(site.core(0).expelled(), ServerSet::only(kLiar));
      EXPECT_EQ(site.core(2).expelled(), ServerSet());
      site.run();
      EXPECT_EQ(site.core(2).expelled(), ServerSet::only(kLiar));
    }
  }
}

TEST_F(SpoiledTest, two_shares_of_a_batch_to_come_convict_their_sender) {
  const Bytes statement = SigningSite::statement(5);
  const Bytes good = site_.share(kLiar, 5);
  const Bytes wrong = site_.share(kLiar, 6);
  site_.hand(kLiar, kServer, SigShare{5, statement, good, {}});
  EXPECT_EQ(site_.hand(kLiar, kServer, SigShare{5, statement, wrong, {}}), one(DropReason::share_bad));
  EXPECT_EQ(server_.core->expelled(), ServerSet::only(kLiar));
  EXPECT_EQ(server_.core->shares_held(), 0U);
}

TEST_F(SpoiledTest, who_hands_out_a_wrong_signature_is_expelled_and_nothing_is_signed) {
  site_.make_shares = false;
  site_.begin_at(kServer, 1);
  const Bytes other = site_.signature(2);
  EXPECT_EQ(site_.hand(kLiar, kServer, SigComplete{1, other}), one(DropReason::share_bad_signature));
  EXPECT_FALSE(server_.signatures.contains(1));
  EXPECT_EQ(server_.core->expelled(), ServerSet::only(kLiar));
  EXPECT_EQ(site_.hand(kLiar, kServer, SigComplete{1, other}), one(DropReason::share_expelled));
  EXPECT_EQ(server_.combiner->verified, 1U);
  EXPECT_EQ(site_.hand(server(2), kServer, SigComplete{1, site_.signature(1)}), kNone);
  EXPECT_EQ(server_.signatures.at(1), site_.signature(1));
  EXPECT_EQ(site_.hand(server(3), kServer, SigComplete{1, other}), one(DropReason::share_unasked));
}

TEST_F(SpoiledTest, evidence_against_a_correct_server_expels_whoever_brings_it) {
  const Bytes statement = SigningSite::statement(1);
  const Bytes other_statement = SigningSite::statement(2);
  const ServerId victim = server(2);
  const Bytes share = site_.share(victim, 1);
  const Bytes other_share = site_.share(victim, 2);
  const Bytes proof = site_.proof(victim, 1, share);
  testing::SiteKeys& keys = site_.keys();
  const Bytes plain = keys.sign(victim, SigShare{1, statement, share, {}});
  const Bytes proven = keys.sign(victim, SigShare{1, statement, share, proof});
  const Bytes next = keys.sign(victim, SigShare{2, other_statement, other_share, {}});
  const Bytes of_liar = keys.sign(kLiar, SigShare{1, statement, other_share, {}});
  const std::vector<std::vector<ByteView>> accusations = {{plain},       {proven},         {plain, proven},
                                                          {plain, next}, {plain, of_liar}, {of_liar, plain}};
  for (const std::vector<ByteView>& accusation : accusations) {
    SigningSite site(4);
    const SigEvidence evidence{accusation};
    EXPECT_EQ(site.hand(kLiar, kServer, evidence), one(DropReason::share_false_evidence));
    EXPECT_EQ(site.core(0).expelled(), ServerSet::only(kLiar));
    EXPECT_LE(site.at(kServer).combiner->proofs_checked, 1U);
    EXPECT_EQ(site.hand(kLiar, kServer, evidence), one(DropReason::share_expelled));
    EXPECT_LE(site.at(kServer).combiner->proofs_checked, 1U);
  }
}

TEST_F(SpoiledTest, what_everybody_says_of_a_liar_is_checked_once) {
  const Bytes statement = SigningSite::statement(1);
  const Bytes wrong = site_.share(kLiar, 2);
  const Bytes bad_proof = site_.proof(kLiar, 1, wrong);
  const Bytes said = site_.keys().sign(kLiar, SigShare{1, statement, wrong, bad_proof});
  const SigEvidence evidence{{said}};
  EXPECT_EQ(site_.hand(server(2), kServer, evidence), kNone);
  EXPECT_EQ(server_.core->expelled(), ServerSet::only(kLiar));
  EXPECT_EQ(site_.hand(server(3), kServer, evidence), kNone);
  EXPECT_EQ(server_.combiner->proofs_checked, 1U);
  EXPECT_EQ(server_.said, 0U) << "who learns it tells nobody";
}

// One liar that sends garbage of every kind, all the time, to a server that signs.
TEST_F(SpoiledTest, work_and_memory_for_one_liar_are_bounded_whatever_it_sends) {
  Rng rng(5);
  for (std::uint64_t batch = 1; batch <= 8; ++batch) {
    for (int i = 0; i < 100; ++i) {
      const std::uint64_t about = rng.between(1, 30);
      const Bytes statement = SigningSite::statement(rng.chance(500'000) ? about : rng.between(1, 30));
      const Bytes share = site_.share(kLiar, about);  // of many statements, but one of each
      const Bytes proof = site_.proof(kLiar, about, share);
      site_.hand(kLiar, kServer, SigShare{about, statement, share, rng.chance(300'000) ? ByteView(proof) : ByteView()});
      site_.hand(kLiar, kServer, SigRequest{about, rng.chance(500'000)});
      EXPECT_LE(server_.core->shares_held(), 8U + 4 * 8U);
    }
    site_.begin(batch);
    site_.run();
    EXPECT_TRUE(server_.signatures.contains(batch));
  }
  EXPECT_LE(server_.combiner->failed, 1U);
  EXPECT_LE(server_.combiner->proofs_checked, 2U);
  EXPECT_LE(server_.proofs_made, 2 * site_.f());
}

}  // namespace
}  // namespace garrison::site
