// What convicts: against Shoup's RSA itself, where proofs are made with randomness.
#include "control/site/share_evidence.h"

#include <gtest/gtest.h>

#include "crypto/threshold/known_primes.h"
#include "tests/support/site_keys.h"

namespace garrison::site {
namespace {

using message::SigEvidence;
using message::SigShare;

constexpr ServerId kOne{1};

class ShareEvidenceTest : public ::testing::Test {
 protected:
  static crypto::DealtThresholdKey deal() {
    const auto scheme = crypto::ThresholdScheme::shoup_rsa1024;
    return crypto::deal_shoup_key(scheme, 2, 4, crypto::known_primes(scheme)).value();
  }
  [[nodiscard]] bool convicts(const std::vector<SigShare>& shares, ServerId of = kOne) {
    return site::convicts(*combiner_, Accusation{of, shares});
  }

  crypto::DealtThresholdKey dealt_ = deal();
  std::unique_ptr<crypto::ThresholdSigner> signer_ = crypto::make_signer(dealt_.key, kOne, dealt_.secrets[1]).value();
  std::unique_ptr<crypto::ShareCombiner> combiner_ = crypto::make_combiner(dealt_.key).value();
  Bytes statement_ = Bytes(68, 1);
  Bytes other_ = Bytes(68, 2);
  Bytes share_ = signer_->share(statement_);
  Bytes wrong_ = signer_->share(other_);
};

TEST_F(ShareEvidenceTest, nothing_that_a_correct_server_signs_convicts_it) {
  const Bytes first_proof = signer_->prove(statement_, share_);
  const Bytes second_proof = signer_->prove(statement_, share_);
  EXPECT_NE(first_proof, second_proof);
  const SigShare plain{1, statement_, share_, {}};
  const SigShare proven{1, statement_, share_, first_proof};
  const SigShare again{1, statement_, share_, second_proof};
  const SigShare next{2, other_, wrong_, {}};
  for (const auto& shares :
       std::vector<std::vector<SigShare>>{{plain}, {proven}, {plain, proven}, {proven, again}, {plain, next}}) {
    EXPECT_FALSE(convicts(shares));
  }
}

TEST_F(ShareEvidenceTest, a_share_or_proof_that_cannot_be_one_convicts) {
  Bytes high = share_;
  high[0] |= 0x80;
  const Bytes short_proof(combiner_->proof_bytes() - 1);
  EXPECT_TRUE(convicts({{1, statement_, high, {}}}));
  EXPECT_TRUE(convicts({{1, statement_, ByteView(share_).first(20), {}}}));
  EXPECT_TRUE(convicts({{1, statement_, share_, short_proof}}));
}

TEST_F(ShareEvidenceTest, a_proof_that_does_not_hold_convicts_and_a_wrong_share_alone_does_not) {
  const Bytes attempt = signer_->prove(statement_, wrong_);
  const Bytes elsewhere = signer_->prove(other_, wrong_);
  EXPECT_TRUE(convicts({{1, statement_, wrong_, attempt}}));
  EXPECT_TRUE(convicts({{1, statement_, wrong_, elsewhere}}));
  EXPECT_TRUE(convicts({{1, statement_, share_, elsewhere}}));
  EXPECT_FALSE(convicts({{1, statement_, wrong_, {}}}));
}

TEST_F(ShareEvidenceTest, two_shares_of_one_statement_convict_whatever_their_batch) {
  EXPECT_TRUE(convicts({{1, statement_, share_, {}}, {1, statement_, wrong_, {}}}));
  EXPECT_TRUE(convicts({{1, statement_, share_, {}}, {2, statement_, wrong_, {}}}));
}

TEST_F(ShareEvidenceTest, an_accusation_is_of_one_server) {
  testing::SiteKeys keys(4);
  const Bytes first = keys.sign(kOne, SigShare{1, statement_, share_, {}});
  const Bytes second = keys.sign(kOne, SigShare{1, statement_, wrong_, {}});
  const Bytes of_other = keys.sign(ServerId(2), SigShare{1, statement_, wrong_, {}});
  const auto accusation = [&](const std::vector<ByteView>& shares) {
    const auto evidence = keys.verified(ServerId(0), SigEvidence{shares});
    const std::optional<Accusation> made = accusation_of(evidence->get());
    return made ? std::optional(std::pair(made->accused, made->shares.size())) : std::nullopt;
  };
  EXPECT_EQ(accusation({first}), std::pair(kOne, std::size_t{1}));
  EXPECT_EQ(accusation({first, second}), std::pair(kOne, std::size_t{2}));
  EXPECT_EQ(accusation({first, of_other}), std::nullopt);
}

}  // namespace
}  // namespace garrison::site
