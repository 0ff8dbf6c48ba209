// Batches that a site signs: MerkleBatch in its two steps, and blocks of sites at a BatchVerifier.
#include <gtest/gtest.h>

#include "crypto/batch.h"
#include "tests/unit/crypto/threshold_fixture.h"

namespace garrison::crypto {
namespace {

constexpr SystemId kSystem{77};
constexpr KeyEpoch kEpoch{3};
const Principal kSite = Principal::of_site(SiteId(2));

std::vector<Digest> leaves(std::size_t count, std::uint8_t salt = 0) {
  std::vector<Digest> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(leaf_digest(Bytes{salt, static_cast<std::uint8_t>(i)}));
  return out;
}

class SiteBatchTest : public ::testing::Test {
 protected:
  SiteBatchTest() {
    EXPECT_TRUE(directory_.add_site_key({kSite.site, SiteKeyKind::one_correct}, site_.key).ok());
    EXPECT_TRUE(directory_.add(Principal::server(kSite.site, ServerId(0)), public_keys(Scheme::ed25519)).ok());
  }
  static Bytes signed_by(const ThresholdSite& site, const MerkleBatch& batch) {
    const std::vector<Bytes> shares = site.shares(batch.statement());
    std::vector<std::size_t> first(site.key.k);
    for (std::size_t i = 0; i < first.size(); ++i) first[i] = i;
    return site.combiner->combine(batch.statement(), pick(shares, first)).value();
  }
  static std::vector<Bytes> blocks(const ThresholdSite& site, const MerkleBatch& batch) {
    const Bytes signature = signed_by(site, batch);
    std::vector<Bytes> made;
    for (std::uint16_t i = 0; i < batch.leaf_count(); ++i) {
      made.emplace_back(batch.block_bytes(i, signature.size()));
      EXPECT_EQ(batch.write_block(i, block_scheme(site.key.scheme), signature, made.back()), made.back().size());
    }
    return made;
  }

  ThresholdSite site_{2, 4};
  KeyDirectory directory_{kSystem, kEpoch};
  BatchVerifier verifier_{kSystem, directory_};
};

TEST_F(SiteBatchTest, every_message_verifies_under_the_one_signature_that_servers_made_together) {
  for (const std::size_t count : {1U, 2U, 3U, 100U, 255U, 256U}) {
    BatchVerifier fresh(kSystem, directory_);
    const std::vector<Digest> all = leaves(count);
    const std::vector<Bytes> made = blocks(site_, MerkleBatch(kSystem, kSite, kEpoch, all));
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_LE(made[i].size(), kMaxSignatureBlockBytes);
      EXPECT_EQ(fresh.verify(kSite, kEpoch, all[i], made[i]), Verdict::good);
      EXPECT_NE(fresh.verify(kSite, kEpoch, leaves(1, 9)[0], made[i]), Verdict::good);
    }
    EXPECT_EQ(fresh.roots_from_cache(), count - 1);
    EXPECT_EQ(fresh.site_signatures_checked(), fresh.signatures_checked());
    EXPECT_GE(fresh.site_signatures_checked(), 1U);
    EXPECT_EQ(fresh.client_signatures_checked(), 0U);
  }
}

TEST_F(SiteBatchTest, blocks_are_what_a_lone_signer_of_the_same_statement_would_write) {
  const std::vector<Digest> all = leaves(5);
  const MerkleBatch batch(kSystem, kSite, kEpoch, all);
  BatchSigner alone(kSystem, kSite, kEpoch, private_key(Scheme::modelled));
  std::vector<Bytes> expected(all.size(), Bytes(alone.block_bytes(all.size())));
  const std::vector<MutableBytes> views(expected.begin(), expected.end());
  std::vector<std::size_t> sizes(all.size());
  alone.sign(all, views, sizes);
  Bytes signature(signature_bytes(Scheme::modelled));
  private_key(Scheme::modelled).sign(batch.statement(), signature);
  for (std::uint16_t i = 0; i < batch.leaf_count(); ++i) {
    expected[i].resize(sizes[i]);
    Bytes block(batch.block_bytes(i, signature.size()));
    batch.write_block(i, block_scheme(Scheme::modelled), signature, block);
    EXPECT_EQ(block, expected[i]);
  }
}

TEST_F(SiteBatchTest, the_statement_names_system_site_epoch_size_and_root) {
  const std::vector<Digest> all = leaves(2);
  const MerkleBatch batch(kSystem, kSite, kEpoch, all);
  const RootStatement statement = batch.statement();
  EXPECT_EQ(statement, root_statement(kSystem, kSite, kEpoch, 2, MerkleTree(all).root()));
  EXPECT_NE(statement, MerkleBatch(SystemId(78), kSite, kEpoch, all).statement());
  EXPECT_NE(statement, MerkleBatch(kSystem, Principal::of_site(SiteId(3)), kEpoch, all).statement());
  EXPECT_NE(statement, MerkleBatch(kSystem, Principal::server(SiteId(2), ServerId(0)), kEpoch, all).statement());
  EXPECT_NE(statement, MerkleBatch(kSystem, kSite, KeyEpoch(4), all).statement());
  EXPECT_NE(statement, MerkleBatch(kSystem, kSite, kEpoch, leaves(2, 1)).statement());
  EXPECT_NE(statement, MerkleBatch(kSystem, kSite, kEpoch, leaves(3)).statement());
}

TEST_F(SiteBatchTest, the_quorum_key_and_keys_of_servers_do_not_speak_for_the_site) {
  const std::vector<Digest> all = leaves(2);
  const Principal other = Principal::of_site(SiteId(1));
  EXPECT_TRUE(directory_.add_site_key({other.site, SiteKeyKind::quorum}, site_.key).ok());
  const MerkleBatch batch(kSystem, other, kEpoch, all);
  EXPECT_EQ(verifier_.verify(other, kEpoch, all[0], blocks(site_, batch)[0]), Verdict::unknown_signer);

  BatchSigner server(kSystem, kSite, kEpoch, private_key(Scheme::ed25519));
  Bytes block(server.block_bytes(1));
  const MutableBytes view(block);
  std::size_t size = 0;
  server.sign(std::span(all).first(1), std::span(&view, 1), std::span(&size, 1));
  EXPECT_EQ(verifier_.verify(kSite, kEpoch, all[0], block), Verdict::malformed);
}

TEST_F(SiteBatchTest, the_scheme_byte_tells_threshold_schemes_from_those_of_one_signer) {
  const std::vector<Digest> all = leaves(1);
  Bytes block = blocks(site_, MerkleBatch(kSystem, kSite, kEpoch, all))[0];
  EXPECT_EQ(block[0], 65);
  for (unsigned scheme = 0; scheme < 256; ++scheme) {
    block[0] = static_cast<std::uint8_t>(scheme);
    EXPECT_EQ(verifier_.verify(kSite, kEpoch, all[0], block), scheme == 65 ? Verdict::good : Verdict::malformed);
  }
  for (const Scheme scheme : kAllSchemes) {
    EXPECT_EQ(scheme_from_number(block_scheme(scheme)), scheme);
    for (const ThresholdScheme other : kThresholdSchemes) EXPECT_NE(block_scheme(scheme), block_scheme(other));
  }
}

TEST_F(SiteBatchTest, refuses_every_altered_byte_with_a_cold_and_with_a_warm_cache) {
  const std::vector<Digest> all = leaves(3);
  const Bytes good = blocks(site_, MerkleBatch(kSystem, kSite, kEpoch, all))[0];
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= 1;
    BatchVerifier fresh(kSystem, directory_);
    EXPECT_NE(fresh.verify(kSite, kEpoch, all[0], bad), Verdict::good) << at;
    ASSERT_EQ(fresh.verify(kSite, kEpoch, all[0], good), Verdict::good);
    EXPECT_NE(fresh.verify(kSite, kEpoch, all[0], bad), Verdict::good) << at;
  }
}

TEST_F(SiteBatchTest, a_site_without_a_key_another_epoch_and_an_impossible_site_are_unknown) {
  const std::vector<Digest> all = leaves(1);
  const Bytes block = blocks(site_, MerkleBatch(kSystem, kSite, kEpoch, all))[0];
  const Principal indexed{.kind = Principal::Kind::site, .site = kSite.site, .index = 1};
  EXPECT_EQ(verifier_.verify(Principal::of_site(SiteId(3)), kEpoch, all[0], block), Verdict::unknown_signer);
  EXPECT_EQ(verifier_.verify(kSite, KeyEpoch(4), all[0], block), Verdict::unknown_signer);
  EXPECT_EQ(verifier_.verify(indexed, kEpoch, all[0], block), Verdict::unknown_signer);
  EXPECT_FALSE(directory_.add(kSite, public_keys(Scheme::ed25519)).ok());
}

}  // namespace
}  // namespace garrison::crypto
