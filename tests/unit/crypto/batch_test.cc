#include "crypto/batch.h"

#include <gtest/gtest.h>

#include "crypto/merkle.h"
#include "tests/unit/crypto/fixture.h"

namespace garrison::crypto {
namespace {

constexpr SystemId kSystem{77};
constexpr KeyEpoch kEpoch{3};
const Principal kAlice = Principal::server(SiteId(1), ServerId(2));
const Principal kBob = Principal::server(SiteId(1), ServerId(3));
const Principal kClient = Principal::client(ClientId(2));

std::vector<Digest> leaves(std::size_t count, std::uint8_t salt = 0) {
  std::vector<Digest> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(leaf_digest(Bytes{salt, static_cast<std::uint8_t>(i)}));
  return out;
}

std::vector<Bytes> sign(BatchSigner& signer, std::span<const Digest> of) {
  std::vector<Bytes> blocks(of.size(), Bytes(signer.block_bytes(of.size())));
  std::vector<MutableBytes> views(blocks.begin(), blocks.end());
  std::vector<std::size_t> sizes(of.size());
  signer.sign(of, views, sizes);
  for (std::size_t i = 0; i < of.size(); ++i) blocks[i].resize(sizes[i]);
  return blocks;
}

// Alice, Bob and a client sign with the same key pair, so that only what a signature covers tells them apart.
struct BatchTest : ::testing::Test {
  static KeyDirectory directory_of(Scheme scheme) {
    KeyDirectory made(kSystem, kEpoch);
    for (const Principal& principal : {kAlice, kBob, kClient}) {
      EXPECT_TRUE(made.add(principal, public_keys(scheme)).ok());
    }
    return made;
  }
  static BatchSigner signer_of(Scheme scheme, Principal self = kAlice, KeyEpoch epoch = kEpoch,
                               SystemId system = kSystem) {
    return {system, self, epoch, private_key(scheme)};
  }
  KeyDirectory directory = directory_of(Scheme::ed25519);
  BatchSigner alice = signer_of(Scheme::ed25519);
  BatchVerifier verifier{kSystem, directory};
};

TEST_F(BatchTest, every_message_of_every_batch_size_verifies_under_one_signature) {
  const KeyDirectory modelled = directory_of(Scheme::modelled);
  BatchSigner signer = signer_of(Scheme::modelled);
  for (std::size_t count = 1; count <= kMaxMerkleLeaves; ++count) {
    BatchVerifier fresh(kSystem, modelled);
    const std::vector<Digest> all = leaves(count);
    const std::vector<Bytes> blocks = sign(signer, all);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_LE(blocks[i].size(), signer.block_bytes(count));
      EXPECT_EQ(fresh.verify(kAlice, kEpoch, all[i], blocks[i]), Verdict::good);
    }
    EXPECT_EQ(fresh.signatures_checked(), 1U);
    EXPECT_EQ(fresh.roots_from_cache(), count - 1);
  }
}

TEST_F(BatchTest, works_with_every_scheme) {
  for (const Scheme scheme : kAllSchemes) {
    const KeyDirectory keys = directory_of(scheme);
    BatchVerifier fresh(kSystem, keys);
    BatchSigner signer = signer_of(scheme);
    const std::vector<Digest> all = leaves(5);
    const std::vector<Bytes> blocks = sign(signer, all);
    EXPECT_LE(blocks[0].size(), kMaxSignatureBlockBytes);
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(fresh.verify(kAlice, kEpoch, all[i], blocks[i]), Verdict::good);
      EXPECT_NE(fresh.verify(kAlice, kEpoch, all[(i + 1) % 5], blocks[i]), Verdict::good);
    }
  }
}

TEST_F(BatchTest, refuses_every_altered_byte_with_a_cold_and_with_a_warm_cache) {
  const std::vector<Digest> all = leaves(6);
  const Bytes good = sign(alice, all)[2];
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= 1;
    BatchVerifier cold(kSystem, directory);
    const Verdict verdict = cold.verify(kAlice, kEpoch, all[2], bad);
    EXPECT_EQ(verdict, at < kSignatureBlockHeaderBytes && at != 2 && at != 4 ? Verdict::malformed : verdict) << at;
    EXPECT_NE(verdict, Verdict::good) << at;
    BatchVerifier warm(kSystem, directory);
    ASSERT_EQ(warm.verify(kAlice, kEpoch, all[2], good), Verdict::good);
    EXPECT_EQ(warm.verify(kAlice, kEpoch, all[2], bad), verdict) << at;
  }
}

TEST_F(BatchTest, refuses_truncated_blocks_and_bytes_left_over) {
  const std::vector<Digest> all = leaves(6);
  Bytes block = sign(alice, all)[5];
  for (std::size_t size = 0; size < block.size(); ++size) {
    EXPECT_EQ(verifier.verify(kAlice, kEpoch, all[5], ByteView(block).first(size)), Verdict::malformed);
  }
  block.push_back(0);
  EXPECT_EQ(verifier.verify(kAlice, kEpoch, all[5], block), Verdict::malformed);
  EXPECT_EQ(verifier.signatures_checked(), 0U);
}

TEST_F(BatchTest, refuses_a_block_of_another_scheme_than_the_signers) {
  const std::vector<Digest> all = leaves(2);
  BatchSigner modelled = signer_of(Scheme::modelled);
  const Bytes block = sign(modelled, all)[0];  // as long as an Ed25519 block
  EXPECT_EQ(verifier.verify(kAlice, kEpoch, all[0], block), Verdict::malformed);
  Bytes renamed = block;
  renamed[0] = static_cast<std::uint8_t>(Scheme::ed25519);
  EXPECT_EQ(verifier.verify(kAlice, kEpoch, all[0], renamed), Verdict::bad_signature);
}

// Second preimage: the tree of four, presented as a tree of two whose leaves are inner nodes.
TEST_F(BatchTest, refuses_an_inner_node_offered_as_a_leaf) {
  const std::vector<Digest> all = leaves(4);
  const Bytes good = sign(alice, all)[0];
  const Digest left = node_digest(all[0], all[1]);
  const Digest right = node_digest(all[2], all[3]);
  const auto block = [&](std::uint16_t count) {
    Bytes made(8 + 32 + 64);
    Writer(made).u8(good[0]).u8(1).u16(0).u16(count).u16(64).bytes(right).bytes(ByteView(good).last(64));
    return made;
  };
  for (const bool warm : {false, true}) {
    BatchVerifier fresh(kSystem, directory);
    if (warm) {
      ASSERT_EQ(fresh.verify(kAlice, kEpoch, all[0], good), Verdict::good);
    }
    EXPECT_EQ(fresh.verify(kAlice, kEpoch, left, block(2)), Verdict::bad_signature);
    EXPECT_EQ(fresh.verify(kAlice, kEpoch, left, block(4)), Verdict::malformed);
  }
}

// A message cannot be made whose leaf digest is an inner node: the prefixes differ.
TEST_F(BatchTest, the_bytes_of_an_inner_node_are_another_message) {
  const std::vector<Digest> all = leaves(2);
  Bytes children;
  for (const Digest& leaf : all) children.insert(children.end(), leaf.begin(), leaf.end());
  EXPECT_NE(leaf_digest(children), node_digest(all[0], all[1]));
}

TEST_F(BatchTest, a_cached_root_counts_for_its_own_principal_and_epoch_only) {
  const std::vector<Digest> all = leaves(4);
  const std::vector<Bytes> blocks = sign(alice, all);
  ASSERT_EQ(verifier.verify(kAlice, kEpoch, all[0], blocks[0]), Verdict::good);
  EXPECT_EQ(verifier.verify(kBob, kEpoch, all[1], blocks[1]), Verdict::bad_signature);
  EXPECT_EQ(verifier.verify(kClient, kEpoch, all[1], blocks[1]), Verdict::bad_signature);
  EXPECT_EQ(verifier.verify(kAlice, KeyEpoch(4), all[1], blocks[1]), Verdict::unknown_signer);
  EXPECT_EQ(verifier.roots_from_cache(), 0U);
  EXPECT_EQ(verifier.verify(kAlice, kEpoch, all[1], blocks[1]), Verdict::good);
  EXPECT_EQ(verifier.roots_from_cache(), 1U);
}

TEST_F(BatchTest, a_signature_for_another_system_epoch_or_principal_is_refused) {
  const std::vector<Digest> all = leaves(1);
  BatchSigner elsewhere = signer_of(Scheme::ed25519, kAlice, kEpoch, SystemId(78));
  BatchSigner earlier = signer_of(Scheme::ed25519, kAlice, KeyEpoch(2));
  BatchSigner site = signer_of(Scheme::ed25519, Principal::server(SiteId(0), ServerId(2)));
  BatchSigner client = signer_of(Scheme::ed25519, kClient);
  for (BatchSigner* signer : {&elsewhere, &earlier, &site, &client}) {
    EXPECT_EQ(verifier.verify(kAlice, kEpoch, all[0], sign(*signer, all)[0]), Verdict::bad_signature);
  }
}

TEST_F(BatchTest, a_signer_without_a_key_is_unknown) {
  const std::vector<Digest> all = leaves(1);
  const Principal stranger = Principal::server(SiteId(1), ServerId(9));
  EXPECT_EQ(verifier.verify(stranger, kEpoch, all[0], sign(alice, all)[0]), Verdict::unknown_signer);
}

// A part of a link message comes once from its sender, and once from each server that introduces it.
TEST_F(BatchTest, a_single_message_of_a_server_that_comes_again_costs_no_signature) {
  const std::vector<Digest> all = leaves(1);
  const Bytes block = sign(alice, all)[0];
  EXPECT_EQ(verifier.verify(kAlice, kEpoch, all[0], block), Verdict::good);
  EXPECT_EQ(verifier.verify(kAlice, kEpoch, all[0], block), Verdict::good);
  EXPECT_EQ(verifier.signatures_checked(), 1U);
}

TEST_F(BatchTest, roots_of_single_messages_of_clients_are_not_cached) {
  BatchSigner client = signer_of(Scheme::ed25519, kClient);
  const std::vector<Digest> all = leaves(1);
  const Bytes block = sign(client, all)[0];
  EXPECT_EQ(verifier.verify(kClient, kEpoch, all[0], block), Verdict::good);
  EXPECT_EQ(verifier.verify(kClient, kEpoch, all[0], block), Verdict::good);
  EXPECT_EQ(verifier.signatures_checked(), 2U);
}

TEST_F(BatchTest, a_refused_root_is_not_cached) {
  const std::vector<Digest> all = leaves(2);
  Bytes forged = sign(alice, all)[0];
  forged.back() ^= 1;
  EXPECT_EQ(verifier.verify(kAlice, kEpoch, all[0], forged), Verdict::bad_signature);
  EXPECT_EQ(verifier.verify(kAlice, kEpoch, all[0], forged), Verdict::bad_signature);
  EXPECT_EQ(verifier.roots_from_cache(), 0U);
}

TEST_F(BatchTest, the_cache_keeps_the_last_roots_of_each_principal_and_drops_the_oldest) {
  BatchVerifier small(kSystem, directory, 2);
  std::vector<std::vector<Bytes>> batches;
  for (std::uint8_t salt = 0; salt < 3; ++salt) {
    batches.push_back(sign(alice, leaves(3, salt)));
    ASSERT_EQ(small.verify(kAlice, kEpoch, leaves(3, salt)[0], batches[salt][0]), Verdict::good);
  }
  EXPECT_EQ(small.signatures_checked(), 3U);
  EXPECT_EQ(small.verify(kAlice, kEpoch, leaves(3, 2)[1], batches[2][1]), Verdict::good);
  EXPECT_EQ(small.verify(kAlice, kEpoch, leaves(3, 1)[1], batches[1][1]), Verdict::good);
  EXPECT_EQ(small.signatures_checked(), 3U);
  EXPECT_EQ(small.verify(kAlice, kEpoch, leaves(3, 0)[1], batches[0][1]), Verdict::good);
  EXPECT_EQ(small.signatures_checked(), 4U);
}

TEST_F(BatchTest, a_verifier_without_a_cache_checks_every_signature) {
  BatchVerifier none(kSystem, directory, 0);
  const std::vector<Digest> all = leaves(2);
  const std::vector<Bytes> blocks = sign(alice, all);
  EXPECT_EQ(none.verify(kAlice, kEpoch, all[0], blocks[0]), Verdict::good);
  EXPECT_EQ(none.verify(kAlice, kEpoch, all[1], blocks[1]), Verdict::good);
  EXPECT_EQ(none.signatures_checked(), 2U);
}

TEST(KeyDirectoryTest, refuses_a_second_entry_a_bad_key_and_an_impossible_principal) {
  KeyDirectory directory(kSystem, kEpoch);
  EXPECT_TRUE(directory.add(kAlice, public_keys(Scheme::ed25519)).ok());
  EXPECT_FALSE(directory.add(kAlice, public_keys(Scheme::ed25519)).ok());
  PublicKeys keys = public_keys(Scheme::ed25519);
  keys.signing.pop_back();
  EXPECT_FALSE(directory.add(kBob, keys).ok());
  keys = public_keys(Scheme::ed25519);
  keys.agreement.pop_back();
  EXPECT_FALSE(directory.add(kBob, keys).ok());
  const Principal big{.kind = Principal::Kind::server, .site = SiteId(0), .index = 65'536};
  const Principal located{.kind = Principal::Kind::client, .site = SiteId(1), .index = 0};
  const Principal nobody{};
  for (const Principal& bad : {big, located, nobody})
    EXPECT_FALSE(directory.add(bad, public_keys(Scheme::ed25519)).ok());
  EXPECT_EQ(directory.find(kBob), nullptr);
  ASSERT_NE(directory.find(kAlice), nullptr);
  EXPECT_EQ(directory.all().size(), 1U);
}

}  // namespace
}  // namespace garrison::crypto
