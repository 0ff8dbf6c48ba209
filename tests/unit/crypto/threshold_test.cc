#include "crypto/threshold/threshold.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <numeric>

#include "crypto/evp.h"
#include "dataplane/base/rng.h"
#include "tests/unit/crypto/threshold_fixture.h"

namespace garrison::crypto {
namespace {

const Bytes kMessage = ascii("garrison-test-1 the site says so");
const Bytes kOther = ascii("garrison-test-1 the site says no");

// A combiner that believes in another threshold than the key was dealt with.
ThresholdPublicKey with_threshold(ThresholdPublicKey key, std::uint16_t k) {
  key.k = k;
  return key;
}

TEST(ThresholdTest, every_k_servers_make_the_same_signature) {
  for (const auto& [k, n] : {std::pair(2U, 4U), {3U, 4U}, {3U, 7U}, {5U, 7U}, {2U, 2U}, {4U, 4U}}) {
    const ThresholdSite site(k, n);
    const std::vector<Bytes> shares = site.shares(kMessage);
    std::optional<Bytes> first;
    for (const auto& chosen : subsets(k, n)) {
      const std::optional<Bytes> signature = site.combiner->combine(kMessage, pick(shares, chosen));
      ASSERT_TRUE(signature.has_value());
      if (!first) first = signature;
      EXPECT_EQ(*signature, *first);
    }
    EXPECT_TRUE(site.verifier->verify(kMessage, *first));
    EXPECT_FALSE(site.verifier->verify(kOther, *first));
  }
}

TEST(ThresholdTest, the_largest_sites_sign_and_shares_come_in_any_order) {
  for (const auto& [k, n] : {std::pair(6U, 16U), {11U, 16U}, {16U, 16U}, {2U, 16U}}) {
    const ThresholdSite site(k, n);
    const std::vector<Bytes> shares = site.shares(kMessage);
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    std::optional<Bytes> first;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      Rng rng(seed);
      for (std::size_t i = n - 1; i > 0; --i) std::swap(order[i], order[rng.below(i + 1)]);
      const std::vector<std::size_t> chosen(order.begin(), order.begin() + k);
      const std::optional<Bytes> signature = site.combiner->combine(kMessage, pick(shares, chosen));
      ASSERT_TRUE(signature.has_value()) << k << " of " << n << ", seed " << seed;
      if (!first) first = signature;
      EXPECT_EQ(*signature, *first);
    }
  }
}

// As somebody who knows nothing of thresholds: modulus and exponent into OpenSSL, PKCS#1 v1.5 with SHA-256.
TEST(ThresholdTest, openssl_verifies_the_signature_as_plain_rsa) {
  for (const ThresholdScheme scheme : kThresholdSchemes) {
    const ThresholdSite site(dealt(scheme, 3, 4));
    const Bytes signature = *site.combiner->combine(kMessage, pick(site.shares(kMessage), {0, 2, 3}));
    Bytes modulus(site.key.encoded.begin(), site.key.encoded.begin() + static_cast<std::ptrdiff_t>(site.bytes()));
    std::ranges::reverse(modulus);  // parameters are in the machine's order
    unsigned exponent = 65537;
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, modulus.data(), modulus.size()),
                               OSSL_PARAM_construct_uint(OSSL_PKEY_PARAM_RSA_E, &exponent), OSSL_PARAM_construct_end()};
    const KeyContext maker(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    EVP_PKEY* raw = nullptr;
    ASSERT_EQ(EVP_PKEY_fromdata_init(maker.get()), 1);
    ASSERT_EQ(EVP_PKEY_fromdata(maker.get(), &raw, EVP_PKEY_PUBLIC_KEY, parameters), 1);
    const KeyHandle key(raw);
    const DigestContext context(EVP_MD_CTX_new());
    ASSERT_EQ(EVP_DigestVerifyInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr, key.get(), nullptr), 1);
    EXPECT_EQ(EVP_DigestVerify(context.get(), signature.data(), signature.size(), kMessage.data(), kMessage.size()), 1)
        << name(scheme);
  }
}

TEST(ThresholdTest, random_messages_sign_with_random_servers_and_prove) {
  const ThresholdSite site(3, 7);
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Rng rng(seed);
    Bytes message(rng.below(300));
    for (std::uint8_t& byte : message) byte = static_cast<std::uint8_t>(rng.next());
    const auto chosen = subsets(3, 7)[rng.below(35)];
    std::vector<Bytes> shares(7);
    for (const std::size_t i : chosen) {
      shares[i] = site.signers[i]->share(message);
      ASSERT_TRUE(site.combiner->well_formed(shares[i])) << "seed " << seed;
    }
    const std::size_t i = chosen[rng.below(3)];
    EXPECT_TRUE(site.combiner->proven(message, server(i), shares[i], site.signers[i]->prove(message, shares[i])))
        << "seed " << seed;
    const std::optional<Bytes> signature = site.combiner->combine(message, pick(shares, chosen));
    ASSERT_TRUE(signature.has_value()) << "seed " << seed;
    EXPECT_TRUE(site.verifier->verify(message, *signature)) << "seed " << seed;
  }
}

// Past the point where the blinding pair is drawn anew.
TEST(ThresholdTest, a_server_makes_the_same_share_of_a_message_every_time) {
  const ThresholdSite site(2, 4);
  const Bytes first = site.signers[1]->share(kMessage);
  for (int i = 0; i < 140; ++i) ASSERT_EQ(site.signers[1]->share(kMessage), first) << i;
  EXPECT_NE(site.signers[2]->share(kMessage), first);
  EXPECT_NE(site.signers[1]->share(kOther), first);
}

TEST(ThresholdTest, fewer_than_k_servers_make_no_signature) {
  const ThresholdSite site(3, 4);
  const std::vector<Bytes> shares = site.shares(kMessage);
  const auto two = make_combiner(with_threshold(site.key, 2)).value();
  for (const auto& chosen : subsets(2, 4)) {
    EXPECT_FALSE(two->combine(kMessage, pick(shares, chosen)).has_value());
    // Nor with a third share that was made for another message, or by one of the two.
    std::size_t third = 0;
    while (std::ranges::find(chosen, third) != chosen.end()) ++third;
    for (const Bytes& wrong : {site.signers[third]->share(kOther), shares[chosen[0]]}) {
      std::vector<SignatureShare> three = pick(shares, chosen);
      three.push_back({server(third), wrong});
      EXPECT_FALSE(site.combiner->combine(kMessage, three).has_value());
    }
  }
}

TEST(ThresholdTest, a_signature_of_one_key_means_nothing_under_another) {
  const ThresholdSite site(2, 4);
  const DealtThresholdKey fresh = deal_threshold_key(ThresholdScheme::shoup_rsa1024, 2, 4).value();
  const ThresholdSite other(fresh);
  const Bytes signature = *site.combiner->combine(kMessage, pick(site.shares(kMessage), {0, 1}));
  EXPECT_FALSE(other.verifier->verify(kMessage, signature));
  const Bytes others = *other.combiner->combine(kMessage, pick(other.shares(kMessage), {2, 3}));
  EXPECT_TRUE(other.verifier->verify(kMessage, others));
  EXPECT_FALSE(site.verifier->verify(kMessage, others));
}

TEST(ThresholdTest, a_damaged_signature_does_not_verify) {
  const ThresholdSite site(2, 4);
  const Bytes good = *site.combiner->combine(kMessage, pick(site.shares(kMessage), {0, 1}));
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 1;
    EXPECT_FALSE(site.verifier->verify(kMessage, bad));
  }
  EXPECT_FALSE(site.verifier->verify(kMessage, ByteView(good).first(good.size() - 1)));
  EXPECT_FALSE(site.verifier->verify(kMessage, {}));
  EXPECT_FALSE(site.verifier->verify(kMessage, site.negated(good)));
}

TEST(ThresholdTest, bytes_that_no_correct_server_sends_are_no_share) {
  const ThresholdSite site(2, 4);
  const Bytes good = site.signers[0]->share(kMessage);
  const ShareCombiner& combiner = *site.combiner;
  EXPECT_TRUE(combiner.well_formed(good));
  EXPECT_TRUE(combiner.well_formed(site.as_share(2)));
  EXPECT_FALSE(combiner.well_formed(site.as_share(0)));
  EXPECT_FALSE(combiner.well_formed(site.as_share(1)));
  EXPECT_FALSE(combiner.well_formed(site.negated(site.as_share(1))));
  EXPECT_FALSE(combiner.well_formed(site.negated(site.as_share(0))));
  EXPECT_FALSE(combiner.well_formed(site.negated(good)));
  EXPECT_FALSE(combiner.well_formed(Bytes(site.bytes(), 0xff)));
  EXPECT_FALSE(combiner.well_formed(ByteView(good).first(good.size() - 1)));
  EXPECT_FALSE(combiner.well_formed({}));
  Bytes longer = good;
  longer.insert(longer.begin(), 0);
  EXPECT_FALSE(combiner.well_formed(longer));
}

// (N - 1) / 2 is the largest residue that is not above its negative.
TEST(ThresholdTest, shares_reach_up_to_half_of_the_modulus_and_no_further) {
  const ThresholdSite site(2, 4);
  const Number half = site.modulus();
  ASSERT_EQ(BN_rshift1(half.get(), half.get()), 1);
  EXPECT_TRUE(site.combiner->well_formed(number_bytes(half, site.bytes())));
  ASSERT_EQ(BN_add_word(half.get(), 1), 1);
  EXPECT_FALSE(site.combiner->well_formed(number_bytes(half, site.bytes())));
}

TEST(ThresholdTest, a_share_with_a_factor_of_the_modulus_combines_to_nothing_and_has_no_proof) {
  const ThresholdSite site(2, 4);
  const Bytes factor = number_bytes(known_primes(ThresholdScheme::shoup_rsa1024).p, site.bytes());
  ASSERT_TRUE(site.combiner->well_formed(factor));
  for (const auto& order : {std::pair(1, 2), {2, 1}}) {  // once above and once below the fraction bar
    const Bytes good = site.signers[static_cast<std::size_t>(order.second)]->share(kMessage);
    const std::vector<SignatureShare> shares = {{server(static_cast<std::size_t>(order.first)), factor},
                                                {server(static_cast<std::size_t>(order.second)), good}};
    EXPECT_FALSE(site.combiner->combine(kMessage, shares).has_value());
  }
  EXPECT_FALSE(site.combiner->proven(kMessage, server(1), factor, site.signers[1]->prove(kMessage, factor)));
}

TEST(ThresholdTest, keys_that_no_dealer_makes_are_refused) {
  const ThresholdPublicKey good = dealt(ThresholdScheme::shoup_rsa1024, 2, 4).key;
  ASSERT_TRUE(make_combiner(good).ok());
  const auto refused = [&](const auto& change) {
    ThresholdPublicKey bad = good;
    change(bad);
    return !make_combiner(bad).ok() && !make_verifier(bad).ok();
  };
  EXPECT_TRUE(refused([](auto& key) { key.k = 0; }));
  EXPECT_TRUE(refused([](auto& key) { key.k = 1; }));
  EXPECT_TRUE(refused([](auto& key) { key.k = 5; }));
  EXPECT_TRUE(refused([](auto& key) { key.n = 5; }));
  EXPECT_TRUE(refused([](auto& key) { key.n = 3; }));
  EXPECT_TRUE(refused([](auto& key) { key.n = 17, key.encoded.resize(128 * 19, 1); }));
  EXPECT_TRUE(refused([](auto& key) { key.scheme = ThresholdScheme::shoup_rsa2048; }));
  EXPECT_TRUE(refused([](auto& key) { key.encoded.pop_back(); }));
  EXPECT_TRUE(refused([](auto& key) { key.encoded.clear(); }));
  EXPECT_TRUE(refused([](auto& key) { key.encoded[127] ^= 1; }));   // an even modulus
  EXPECT_TRUE(refused([](auto& key) { key.encoded[0] &= 0x7f; }));  // a shorter one
  const auto with_value = [&](std::size_t at, ByteView value) {
    return refused([&](auto& key) { std::ranges::copy(value, key.encoded.begin() + static_cast<std::ptrdiff_t>(at)); });
  };
  for (const std::size_t at : {128U, 256U, 5 * 128U}) {  // v, v_1, v_4
    EXPECT_TRUE(with_value(at, Bytes(128, 0)));
    EXPECT_TRUE(with_value(at, number_bytes(make_number(1), 128)));
    EXPECT_TRUE(with_value(at, ByteView(good.encoded).first(128)));
    EXPECT_TRUE(with_value(at, number_bytes(known_primes(good.scheme).q, 128)));
  }
}

TEST(ThresholdTest, a_secret_of_another_server_or_key_is_refused) {
  const DealtThresholdKey& own = dealt(ThresholdScheme::shoup_rsa1024, 2, 4);
  const DealtThresholdKey& other = dealt(ThresholdScheme::shoup_rsa1024, 2, 4, 1);
  EXPECT_TRUE(make_signer(own.key, server(1), own.secrets[1]).ok());
  EXPECT_FALSE(make_signer(own.key, server(1), own.secrets[2]).ok());
  EXPECT_FALSE(make_signer(own.key, server(1), other.secrets[1]).ok());
  EXPECT_FALSE(make_signer(own.key, server(4), own.secrets[1]).ok());
  EXPECT_FALSE(make_signer(own.key, server(1), SecretBytes(own.secrets[1].view().first(127))).ok());
  EXPECT_FALSE(make_signer(own.key, server(1), SecretBytes(std::size_t{128})).ok());
  EXPECT_FALSE(make_signer(own.key, server(1), SecretBytes()).ok());
}

TEST(ThresholdTest, a_known_key_follows_from_its_name) {
  const ThresholdScheme scheme = ThresholdScheme::shoup_rsa1024;
  const DealtThresholdKey dealt = deal_known_key(scheme, 2, 4, "one").value();
  const DealtThresholdKey again = deal_known_key(scheme, 2, 4, "one").value();
  EXPECT_EQ(dealt.key, again.key);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(equal(dealt.secrets[i].view(), again.secrets[i].view()));
  const auto modulus = [&](const DealtThresholdKey& of) { return to_bytes(ByteView(of.key.encoded).first(128)); };
  EXPECT_NE(modulus(dealt), modulus(deal_known_key(scheme, 2, 4, "two").value()));
}

TEST(ThresholdTest, the_dealer_refuses_what_the_scheme_has_not) {
  const ThresholdScheme scheme = ThresholdScheme::shoup_rsa1024;
  for (const auto& [k, n] : {std::pair(1U, 4U), {0U, 4U}, {5U, 4U}, {6U, 17U}}) {
    EXPECT_FALSE(deal_shoup_key(scheme, k, n, known_primes(scheme)).ok()) << k << " of " << n;
  }
  const auto deals = [&](SafePrimes primes) { return deal_shoup_key(scheme, 2, 4, primes).ok(); };
  EXPECT_TRUE(deals(known_primes(scheme)));
  EXPECT_FALSE(deals(known_primes(ThresholdScheme::shoup_rsa2048)));
  EXPECT_FALSE(deals({known_primes(scheme).p, known_primes(scheme).p}));
  // A prime that is not safe: the next one above a safe one.
  Number plain = known_primes(scheme).p;
  const NumberScratch scratch = make_scratch();
  do {
    ASSERT_EQ(BN_add_word(plain.get(), 2), 1);
  } while (BN_check_prime(plain.get(), scratch.get(), nullptr) != 1);
  EXPECT_FALSE(deals({std::move(plain), known_primes(scheme).q}));
  Number composite = known_primes(scheme).p;
  ASSERT_EQ(BN_sub_word(composite.get(), 4), 1);
  ASSERT_NE(BN_check_prime(composite.get(), scratch.get(), nullptr), 1);
  EXPECT_FALSE(deals({known_primes(scheme).q, std::move(composite)}));
}

TEST(ThresholdTest, names_and_sizes_are_those_of_the_key) {
  for (const ThresholdScheme scheme : kThresholdSchemes) {
    EXPECT_EQ(threshold_scheme_from_name(name(scheme)), scheme);
    const ThresholdSite site(dealt(scheme, 2, 4));
    const Bytes share = site.signers[0]->share(kMessage);
    EXPECT_EQ(share.size(), signature_bytes(scheme));
    EXPECT_EQ(site.signers[0]->prove(kMessage, share).size(), proof_bytes(scheme));
    EXPECT_LE(proof_bytes(scheme), kMaxThresholdProofBytes);
  }
  EXPECT_FALSE(threshold_scheme_from_name("shoup-rsa512").has_value());
}

}  // namespace
}  // namespace garrison::crypto
