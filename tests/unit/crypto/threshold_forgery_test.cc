// What f servers of a site try, who keep their secrets, see everything that others send and follow no rule. Sites of
// 3f + 1 servers, any f + 1 of whom sign.
#include <gtest/gtest.h>

#include <utility>

#include "crypto/threshold/share_collection.h"
#include "tests/unit/crypto/threshold_fixture.h"

namespace garrison::crypto {
namespace {

const Bytes kRoot = ascii("garrison-test-1 root that no correct server signed");
const Bytes kSigned = ascii("garrison-test-1 root that the whole site signed");
const Bytes kEarlier = ascii("garrison-test-1 root of the batch before it");

class ThresholdForgeryTest : public ::testing::Test {
 protected:
  // Arithmetic on what is sent, as anybody can do it.
  [[nodiscard]] Bytes product(ByteView a, ByteView b) const {
    return number_bytes(modulus_.multiply(read_number(a), read_number(b)), site_.bytes());
  }
  [[nodiscard]] Bytes inverse(ByteView a) const {
    return number_bytes(*modulus_.inverse(read_number(a)), site_.bytes());
  }
  [[nodiscard]] Bytes as_sent(ByteView residue) const {
    return number_bytes(canonical(read_number(residue), key_), site_.bytes());
  }
  [[nodiscard]] bool combines(const std::vector<SignatureShare>& shares) const {
    return site_.combiner->combine(kRoot, shares).has_value();
  }

  ThresholdSite site_{3, 7};
  ShoupKey key_ = ShoupKey::parse(site_.key).value();
  Modulus modulus_{site_.modulus()};
  // Servers 0 and 1 are faulty.
  Bytes first_ = site_.signers[0]->share(kRoot);
  Bytes second_ = site_.signers[1]->share(kRoot);
  std::vector<Bytes> signed_ = site_.shares(kSigned);
  std::vector<Bytes> earlier_ = site_.shares(kEarlier);
};

// The control: with one correct server's share it is a signature.
TEST_F(ThresholdForgeryTest, one_correct_server_more_and_they_sign) {
  EXPECT_TRUE(combines({{server(0), first_}, {server(1), second_}, {server(2), site_.signers[2]->share(kRoot)}}));
}

TEST_F(ThresholdForgeryTest, f_servers_do_not_sign_as_a_site_of_a_lower_threshold) {
  ThresholdPublicKey lower = site_.key;
  lower.k = 2;
  const auto combiner = make_combiner(lower).value();
  EXPECT_FALSE(combiner->combine(kRoot, pick({first_, second_}, {0, 1})).has_value());
}

TEST_F(ThresholdForgeryTest, nothing_that_f_servers_compute_passes_for_a_third_share) {
  const std::pair<const char*, Bytes> tries[] = {
      {"one of their own", first_},
      {"their product", product(first_, second_)},
      {"their quotient", product(first_, inverse(second_))},
      {"the line through both", product(product(second_, second_), inverse(first_))},
      {"a square", product(first_, first_)},
      {"the message itself", number_bytes(encode_message(kRoot, site_.bytes()), site_.bytes())},
      {"a small number", site_.as_share(2)}};
  for (const auto& [what, residue] : tries) {
    const Bytes third = as_sent(residue);
    ASSERT_TRUE(site_.combiner->well_formed(third)) << what;
    for (const std::size_t whose : {2U, 6U}) {
      EXPECT_FALSE(combines({{server(0), first_}, {server(1), second_}, {server(whose), third}})) << what;
      EXPECT_FALSE(site_.combiner->proven(kRoot, server(whose), third, site_.signers[0]->prove(kRoot, third))) << what;
    }
  }
}

TEST_F(ThresholdForgeryTest, shares_of_other_roots_sign_nothing_else) {
  for (std::size_t whose = 2; whose < 7; ++whose) {
    EXPECT_FALSE(combines({{server(0), first_}, {server(1), second_}, {server(whose), signed_[whose]}})) << whose;
  }
  EXPECT_FALSE(combines(pick(signed_, {2, 3, 4})));
  // Shares multiply like the signatures they are parts of. The product belongs to no message's encoding.
  std::vector<Bytes> products;
  for (std::size_t i = 0; i < 7; ++i) products.push_back(as_sent(product(signed_[i], earlier_[i])));
  for (const Bytes& message : {kRoot, kSigned, kEarlier}) {
    EXPECT_FALSE(site_.combiner->combine(message, pick(products, {2, 3, 4})).has_value());
  }
}

// A correct server's share of an earlier root, sent again as its share of this one, or as somebody else's.
TEST_F(ThresholdForgeryTest, a_collection_takes_no_replayed_share_and_names_who_replays) {
  ShareCollection collection(*site_.combiner, kRoot);
  const Bytes proof = site_.signers[0]->prove(kSigned, signed_[0]);
  collection.add(server(0), signed_[0], proof);
  collection.add(server(1), second_, {});
  const Bytes stolen = site_.signers[2]->share(kRoot);
  collection.add(server(3), site_.signers[3]->share(kRoot), {});
  EXPECT_FALSE(collection.signature().has_value());
  EXPECT_EQ(collection.blamed(), ServerSet::only(server(0)));

  ShareCollection other(*site_.combiner, kRoot);
  other.add(server(0), stolen, site_.signers[2]->prove(kRoot, stolen));
  other.add(server(1), second_, {});
  other.add(server(2), stolen, {});
  EXPECT_FALSE(other.signature().has_value());
  EXPECT_EQ(other.blamed(), ServerSet::only(server(0)));
}

// -x_i has the square of x_i, which is all that combining and proofs look at. Were it a share, a correct server's one
// would have two encodings, and whoever passes it on could make them look like two.
TEST_F(ThresholdForgeryTest, the_negative_of_a_share_is_none_and_combines_to_nothing_new) {
  const Bytes third = site_.signers[2]->share(kRoot);
  const Bytes negative = site_.negated(third);
  EXPECT_FALSE(site_.combiner->well_formed(negative));
  ShareCollection collection(*site_.combiner, kRoot);
  collection.add(server(0), site_.negated(first_), site_.signers[0]->prove(kRoot, first_));
  EXPECT_EQ(collection.blamed(), ServerSet::only(server(0)));
  // A combiner that does not care gets the site's one signature.
  const auto plain = site_.combiner->combine(kRoot, {{{server(0), first_}, {server(1), second_}, {server(2), third}}});
  const auto careless =
      site_.combiner->combine(kRoot, {{{server(0), first_}, {server(1), second_}, {server(2), negative}}});
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain, careless);
}

TEST_F(ThresholdForgeryTest, a_byzantine_combiner_makes_no_signature_out_of_signatures) {
  const Bytes signature = *site_.combiner->combine(kSigned, pick(signed_, {2, 3, 4}));
  const Bytes before = *site_.combiner->combine(kEarlier, pick(earlier_, {2, 3, 4}));
  const Bytes made[] = {signature,
                        site_.negated(signature),
                        product(signature, before),
                        product(signature, inverse(before)),
                        product(signature, signature),
                        inverse(signature),
                        product(signature, first_),
                        signed_[2],
                        site_.as_share(0),
                        site_.as_share(1),
                        site_.negated(site_.as_share(1))};
  for (const Bytes& candidate : made) {
    EXPECT_FALSE(site_.verifier->verify(kRoot, candidate));
    EXPECT_EQ(site_.verifier->verify(kSigned, candidate), candidate == signature);
  }
  // The same residue, written differently.
  Bytes longer = signature;
  longer.insert(longer.begin(), 0);
  EXPECT_FALSE(site_.verifier->verify(kSigned, longer));
  const Number sum = read_number(signature);
  ASSERT_EQ(BN_add(sum.get(), sum.get(), site_.modulus().get()), 1);
  if (BN_num_bytes(sum.get()) <= static_cast<int>(site_.bytes())) {
    EXPECT_FALSE(site_.verifier->verify(kSigned, number_bytes(sum, site_.bytes())));
  }
}

// Its word is not needed: share and proof are public, and everybody comes to the same verdict.
TEST_F(ThresholdForgeryTest, a_byzantine_combiner_cannot_frame_a_correct_server) {
  const Bytes share = site_.signers[2]->share(kRoot);
  const Bytes proof = site_.signers[2]->prove(kRoot, share);
  for (int i = 0; i < 2; ++i) {
    const auto anybody = make_combiner(site_.key).value();
    EXPECT_TRUE(anybody->proven(kRoot, server(2), share, proof));
    EXPECT_FALSE(anybody->proven(kRoot, server(0), share, proof));
  }
  // Mixed with wrong shares of f others, it is suspended at most.
  ShareCollection collection(*site_.combiner, kRoot);
  collection.add(server(2), share, {});
  collection.add(server(0), signed_[0], {});
  collection.add(server(1), signed_[1], {});
  EXPECT_TRUE(collection.suspended().contains(server(2)));
  collection.add(server(2), share, proof);
  EXPECT_FALSE(collection.suspended().contains(server(2)));
  EXPECT_TRUE(collection.blamed().empty());
}

}  // namespace
}  // namespace garrison::crypto
