// The lab's stand-in shows from outside what Shoup's RSA shows: the same tests run against both.
#include <gtest/gtest.h>

#include <set>

#include "crypto/threshold/modelled.h"
#include "crypto/threshold/share_collection.h"
#include "tests/unit/crypto/threshold_fixture.h"

namespace garrison::crypto {
namespace {

const Bytes kMessage = ascii("garrison-test-1 the site says so");
const Bytes kOther = ascii("garrison-test-1 the site says no");
constexpr ThresholdScheme kModelled[] = {ThresholdScheme::modelled_rsa1024, ThresholdScheme::modelled_rsa2048};

DealtThresholdKey modelled(ThresholdScheme scheme, std::size_t k = 3, std::size_t n = 7, std::uint64_t system = 1,
                           std::uint16_t site = 2, SiteKeyKind kind = SiteKeyKind::one_correct) {
  return deal_modelled_key(scheme, k, n, SystemId(system), SiteId(site), kind).value();
}

class AnyThresholdSchemeTest : public ::testing::TestWithParam<ThresholdScheme> {
 protected:
  static DealtThresholdKey key_of(ThresholdScheme scheme) {
    return is_modelled(scheme) ? modelled(scheme) : dealt(scheme, 3, 7);
  }
  ThresholdSite site_{key_of(GetParam())};
  std::vector<Bytes> good_ = site_.shares(kMessage);
};
INSTANTIATE_TEST_SUITE_P(Schemes, AnyThresholdSchemeTest,
                         ::testing::Values(ThresholdScheme::shoup_rsa1024, ThresholdScheme::modelled_rsa1024,
                                           ThresholdScheme::modelled_rsa2048));

TEST_P(AnyThresholdSchemeTest, any_k_servers_make_the_same_signature_of_a_message) {
  std::set<Bytes> signatures;
  for (const auto& chosen : subsets(3, 7)) {
    const auto signature = site_.combiner->combine(kMessage, pick(good_, chosen));
    ASSERT_TRUE(signature.has_value());
    signatures.insert(*signature);
  }
  ASSERT_EQ(signatures.size(), 1U);
  EXPECT_EQ(signatures.begin()->size(), site_.bytes());
  EXPECT_TRUE(site_.verifier->verify(kMessage, *signatures.begin()));
  EXPECT_TRUE(site_.combiner->verify(kMessage, *signatures.begin()));
  EXPECT_FALSE(site_.combiner->verify(kOther, *signatures.begin()));
  EXPECT_FALSE(site_.verifier->verify(kOther, *signatures.begin()));
  Bytes altered = *signatures.begin();
  altered.back() ^= 1;
  EXPECT_FALSE(site_.verifier->verify(kMessage, altered));
  EXPECT_FALSE(site_.verifier->verify(kMessage, {}));
}

TEST_P(AnyThresholdSchemeTest, a_wrong_share_looks_like_any_other_until_it_is_combined) {
  const Bytes wrong[] = {site_.signers[0]->share(kOther), good_[1], site_.as_share(2)};
  for (const Bytes& share : wrong) {
    EXPECT_TRUE(site_.combiner->well_formed(share));
    std::vector<SignatureShare> three = pick(good_, {0, 1, 2});
    three[0].bytes = share;
    EXPECT_FALSE(site_.combiner->combine(kMessage, three).has_value());
    EXPECT_FALSE(site_.combiner->proven(kMessage, server(0), share, site_.signers[0]->prove(kMessage, share)));
  }
}

TEST_P(AnyThresholdSchemeTest, shares_of_two_servers_do_not_do_whatever_the_third_one_is) {
  for (const Bytes& third : {good_[0], good_[1], site_.signers[2]->share(kOther)}) {
    const std::vector<SignatureShare> three = {{server(0), good_[0]}, {server(1), good_[1]}, {server(2), third}};
    EXPECT_FALSE(site_.combiner->combine(kMessage, three).has_value());
  }
}

TEST_P(AnyThresholdSchemeTest, a_share_has_one_encoding) {
  for (const Bytes& good : good_) {
    EXPECT_TRUE(site_.combiner->well_formed(good));
    Bytes high = good;
    for (std::uint8_t& byte : high) byte = static_cast<std::uint8_t>(~byte);  // above half the modulus, as N - x is
    EXPECT_FALSE(site_.combiner->well_formed(high));
    EXPECT_FALSE(site_.combiner->well_formed(ByteView(good).first(good.size() - 1)));
  }
  EXPECT_FALSE(site_.combiner->well_formed({}));
  for (const std::uint64_t number : {0U, 1U}) EXPECT_FALSE(site_.combiner->well_formed(site_.as_share(number)));
  EXPECT_EQ(site_.signers[3]->share(kMessage), good_[3]);
  EXPECT_EQ(std::set<Bytes>(good_.begin(), good_.end()).size(), good_.size());
}

TEST_P(AnyThresholdSchemeTest, a_proof_serves_one_server_one_message_and_one_share) {
  const Bytes proof = site_.signers[1]->prove(kMessage, good_[1]);
  EXPECT_EQ(proof.size(), site_.combiner->proof_bytes());
  EXPECT_TRUE(site_.combiner->proven(kMessage, server(1), good_[1], proof));
  EXPECT_FALSE(site_.combiner->proven(kOther, server(1), good_[1], proof));
  EXPECT_FALSE(site_.combiner->proven(kMessage, server(2), good_[2], proof));
  EXPECT_FALSE(site_.combiner->proven(kMessage, server(1), good_[2], proof));
  EXPECT_FALSE(site_.combiner->proven(kMessage, server(1), good_[1], {}));
  EXPECT_FALSE(site_.combiner->proven(kMessage, server(7), good_[1], proof));
  Bytes altered = proof;
  altered.back() ^= 1;
  EXPECT_FALSE(site_.combiner->proven(kMessage, server(1), good_[1], altered));
}

TEST_P(AnyThresholdSchemeTest, a_collection_suspends_names_the_liar_and_signs_all_the_same) {
  ShareCollection collection(*site_.combiner, kMessage);
  collection.add(server(0), good_[4], {});
  for (const std::size_t i : {1U, 2U}) collection.add(server(i), good_[i], {});
  EXPECT_EQ(collection.suspended(), ServerSet::all(3));
  collection.add(server(0), good_[4], site_.signers[0]->prove(kMessage, good_[4]));
  EXPECT_EQ(collection.blamed(), ServerSet::only(server(0)));
  for (const std::size_t i : {1U, 2U}) {
    collection.add(server(i), good_[i], site_.signers[i]->prove(kMessage, good_[i]));
  }
  EXPECT_FALSE(collection.signature().has_value());
  collection.add(server(3), good_[3], {});
  ASSERT_TRUE(collection.signature().has_value());
  EXPECT_TRUE(site_.verifier->verify(kMessage, *collection.signature()));
}

TEST_P(AnyThresholdSchemeTest, parts_serve_their_own_server_and_key_only) {
  const DealtThresholdKey own = key_of(GetParam());
  EXPECT_TRUE(make_signer(own.key, server(1), own.secrets[1]).ok());
  EXPECT_FALSE(make_signer(own.key, server(2), own.secrets[1]).ok());
  EXPECT_FALSE(make_signer(own.key, server(7), own.secrets[1]).ok());
  EXPECT_FALSE(make_signer(own.key, server(1), SecretBytes(own.secrets[1].view().first(20))).ok());
  const auto refused = [&](const auto& change) {
    ThresholdPublicKey key = own.key;
    change(key);
    return !make_verifier(key).ok() && !make_combiner(key).ok() && !make_signer(key, server(1), own.secrets[1]).ok();
  };
  EXPECT_TRUE(refused([](auto& key) { key.encoded.pop_back(); }));
  EXPECT_TRUE(refused([](auto& key) { key.encoded.clear(); }));
  EXPECT_TRUE(refused([](auto& key) { key.k = 1; }));
  EXPECT_TRUE(refused([](auto& key) { key.k = 8; }));
  EXPECT_TRUE(refused([](auto& key) { key.n = 6; }));
  EXPECT_TRUE(refused([](auto& key) { key.n = 17; }));
}

TEST(ModelledThresholdTest, has_the_sizes_of_shoups_rsa) {
  const std::pair<ThresholdScheme, ThresholdScheme> pairs[] = {
      {ThresholdScheme::modelled_rsa1024, ThresholdScheme::shoup_rsa1024},
      {ThresholdScheme::modelled_rsa2048, ThresholdScheme::shoup_rsa2048}};
  for (const auto& [model, real] : pairs) {
    EXPECT_EQ(signature_bytes(model), signature_bytes(real));
    EXPECT_EQ(proof_bytes(model), proof_bytes(real));
    const DealtThresholdKey mine = modelled(model, 2, 4);
    EXPECT_EQ(mine.key.encoded.size(), dealt(real, 2, 4).key.encoded.size());
    EXPECT_EQ(mine.secrets[0].size(), dealt(real, 2, 4).secrets[0].size());
    EXPECT_EQ(threshold_scheme_from_name(name(model)), model);
  }
}

TEST(ModelledThresholdTest, dealing_draws_nothing_and_gives_every_site_and_kind_a_key_of_its_own) {
  const ThresholdScheme scheme = kModelled[1];
  const DealtThresholdKey first = modelled(scheme);
  const DealtThresholdKey again = modelled(scheme);
  EXPECT_EQ(first.key, again.key);
  for (std::size_t i = 0; i < 7; ++i) EXPECT_TRUE(equal(first.secrets[i].view(), again.secrets[i].view()));
  const Bytes share = ThresholdSite(first).shares(kMessage)[0];
  for (const DealtThresholdKey& other :
       {modelled(scheme, 3, 7, 2), modelled(scheme, 3, 7, 1, 3), modelled(scheme, 3, 7, 1, 2, SiteKeyKind::quorum)}) {
    EXPECT_NE(ThresholdSite(other).shares(kMessage)[0], share);
    EXPECT_FALSE(make_signer(other.key, server(0), first.secrets[0]).ok());
  }
}

TEST(ModelledThresholdTest, impossible_sizes_and_dealing_for_a_deployment_are_refused) {
  const auto deals = [](std::size_t k, std::size_t n) {
    return deal_modelled_key(kModelled[0], k, n, SystemId(1), SiteId(0), SiteKeyKind::quorum).ok();
  };
  EXPECT_TRUE(deals(2, 2));
  EXPECT_FALSE(deals(1, 4));
  EXPECT_FALSE(deals(5, 4));
  EXPECT_FALSE(deals(2, 17));
  for (const ThresholdScheme scheme : kModelled) EXPECT_FALSE(deal_threshold_key(scheme, 2, 4).ok());
}

TEST(ModelledThresholdTest, a_key_that_was_not_dealt_is_refused_whichever_byte_is_changed) {
  const ThresholdPublicKey good = modelled(kModelled[0], 2, 2).key;
  for (std::size_t at = 0; at < good.encoded.size(); ++at) {
    ThresholdPublicKey bad = good;
    bad.encoded[at] ^= 1;
    ASSERT_FALSE(make_verifier(bad).ok()) << at;
  }
}

}  // namespace
}  // namespace garrison::crypto
