#include <gtest/gtest.h>

#include "crypto/threshold/shoup_proof.h"
#include "dataplane/base/rng.h"
#include "tests/unit/crypto/threshold_fixture.h"

namespace garrison::crypto {
namespace {

const Bytes kMessage = ascii("garrison-test-1 the site says so");
const Bytes kOther = ascii("garrison-test-1 the site says no");

class ThresholdProofTest : public ::testing::Test {
 protected:
  [[nodiscard]] bool proven(ByteView message, std::size_t signer, ByteView share, ByteView proof) const {
    return site_.combiner->proven(message, server(signer), share, proof);
  }

  ThresholdSite site_{2, 4};
  Bytes share_ = site_.signers[1]->share(kMessage);
  Bytes proof_ = site_.signers[1]->prove(kMessage, share_);
};

TEST_F(ThresholdProofTest, a_correct_share_is_proven) {
  EXPECT_TRUE(proven(kMessage, 1, share_, proof_));
  const Bytes again = site_.signers[1]->prove(kMessage, share_);
  EXPECT_NE(again, proof_);  // the secret exponent is fresh each time
  EXPECT_TRUE(proven(kMessage, 1, share_, again));
}

TEST_F(ThresholdProofTest, a_proof_serves_no_other_server_message_share_or_key) {
  EXPECT_FALSE(proven(kMessage, 0, share_, proof_));
  EXPECT_FALSE(proven(kMessage, 4, share_, proof_));
  EXPECT_FALSE(proven(kMessage, 65535, share_, proof_));
  EXPECT_FALSE(proven(kOther, 1, share_, proof_));
  EXPECT_FALSE(proven(kMessage, 1, site_.signers[2]->share(kMessage), proof_));
  EXPECT_FALSE(proven(kMessage, 1, site_.signers[1]->share(kOther), proof_));
  // The same primes and sizes, another polynomial.
  const ThresholdSite other(dealt(ThresholdScheme::shoup_rsa1024, 2, 4, 1));
  EXPECT_FALSE(other.combiner->proven(kMessage, server(1), share_, proof_));
  // The same polynomial with another v for one server: the hash covers the whole key.
  ThresholdPublicKey changed = site_.key;
  std::copy_n(changed.encoded.begin() + 128, 128, changed.encoded.begin() + 5 * 128);
  EXPECT_FALSE(make_combiner(changed).value()->proven(kMessage, server(1), share_, proof_));
  ThresholdPublicKey threshold = site_.key;
  threshold.k = 3;
  EXPECT_FALSE(make_combiner(threshold).value()->proven(kMessage, server(1), share_, proof_));
}

TEST_F(ThresholdProofTest, wrong_shares_cannot_be_proven_by_the_one_who_holds_the_secret) {
  const Bytes wrong[] = {site_.signers[1]->share(kOther), site_.signers[0]->share(kMessage), site_.as_share(2),
                         site_.as_share(4)};
  for (const Bytes& share : wrong) {
    EXPECT_FALSE(proven(kMessage, 1, share, site_.signers[1]->prove(kMessage, share)));
  }
}

TEST_F(ThresholdProofTest, a_proof_of_the_negated_share_does_not_make_it_a_share) {
  const Bytes negated = site_.negated(share_);
  EXPECT_FALSE(proven(kMessage, 1, negated, site_.signers[1]->prove(kMessage, negated)));
}

TEST_F(ThresholdProofTest, every_flipped_bit_is_noticed) {
  for (std::size_t bit = 0; bit < proof_.size() * 8; bit += 5) {
    Bytes bad = proof_;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(proven(kMessage, 1, share_, bad)) << bit;
  }
}

TEST_F(ThresholdProofTest, proofs_of_other_sizes_and_of_zeros_are_refused) {
  EXPECT_FALSE(proven(kMessage, 1, share_, {}));
  EXPECT_FALSE(proven(kMessage, 1, share_, ByteView(proof_).first(proof_.size() - 1)));
  Bytes longer = proof_;
  longer.push_back(0);
  EXPECT_FALSE(proven(kMessage, 1, share_, longer));
  Bytes padded = proof_;
  padded.insert(padded.begin() + kChallengeBytes, 0);  // the same z
  EXPECT_FALSE(proven(kMessage, 1, share_, padded));
  EXPECT_FALSE(proven(kMessage, 1, share_, Bytes(proof_.size(), 0)));
  EXPECT_FALSE(proven(kMessage, 1, share_, Bytes(proof_.size(), 0xff)));
}

TEST_F(ThresholdProofTest, random_bytes_prove_nothing) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Rng rng(seed);
    Bytes proof(proof_.size());
    for (std::uint8_t& byte : proof) byte = static_cast<std::uint8_t>(rng.next());
    EXPECT_FALSE(proven(kMessage, 1, share_, proof)) << "seed " << seed;
  }
}

// Whatever a proof is about goes into its challenge, also what the equations would tell apart.
TEST_F(ThresholdProofTest, challenges_differ_by_server_message_share_and_key) {
  const ShoupKey key = ShoupKey::parse(site_.key).value();
  const ShoupKey other = ShoupKey::parse(dealt(ThresholdScheme::shoup_rsa1024, 2, 4, 1).key).value();
  const Modulus modulus(copy(key.modulus));
  const Number commitment = make_number(5);
  const auto challenge = [&](const ShoupKey& of, ByteView message, std::size_t signer, ByteView share) {
    const ShoupStatement statement(of, modulus, message, server(signer), share);
    return number_bytes(statement.challenge(commitment, commitment), kChallengeBytes);
  };
  const Bytes plain = challenge(key, kMessage, 1, share_);
  EXPECT_EQ(challenge(key, kMessage, 1, share_), plain);
  EXPECT_NE(challenge(key, kMessage, 2, share_), plain);
  EXPECT_NE(challenge(key, kOther, 1, share_), plain);
  EXPECT_NE(challenge(key, kMessage, 1, site_.signers[2]->share(kMessage)), plain);
  EXPECT_NE(challenge(other, kMessage, 1, share_), plain);
}

// Somebody without the secret solves the first equation for its commitment: then the hash must not come out right.
TEST_F(ThresholdProofTest, a_simulated_proof_is_refused) {
  const ShoupKey key = ShoupKey::parse(site_.key).value();
  const Modulus modulus(copy(key.modulus));
  const ShoupStatement statement(key, modulus, kMessage, server(1), share_);
  const Number c = make_number(12'345);
  const Number z = make_number(67'890);
  const Number v_commitment = modulus.power_product(key.v, z, key.v_of[1], c);
  const Number x_commitment = modulus.power_product(statement.x_tilde, z, statement.share_square, c);
  Bytes proof(proof_.size());
  write_number(c, MutableBytes(proof).first(kChallengeBytes));
  write_number(z, MutableBytes(proof).subspan(kChallengeBytes));
  EXPECT_FALSE(proven(kMessage, 1, share_, proof));
  write_number(statement.challenge(v_commitment, x_commitment), MutableBytes(proof).first(kChallengeBytes));
  EXPECT_FALSE(proven(kMessage, 1, share_, proof));
}

}  // namespace
}  // namespace garrison::crypto
