#include "crypto/merkle.h"

#include <gtest/gtest.h>

#include "crypto/batch.h"
#include "crypto/digest.h"
#include "tests/unit/crypto/fixture.h"

namespace garrison::crypto {
namespace {

std::vector<Digest> leaves(std::size_t count) {
  std::vector<Digest> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(leaf_digest(Bytes(1, static_cast<std::uint8_t>(i))));
  return out;
}

Bytes flat(const MerklePath& path) {
  Bytes out;
  for (const Digest& digest : path.view()) out.insert(out.end(), digest.begin(), digest.end());
  return out;
}

// RFC 6962 2.1, word by word.
Digest rfc_6962_root(std::span<const Digest> of) {
  if (of.size() == 1) return of[0];
  std::size_t split = 1;
  while (split * 2 < of.size()) split *= 2;
  Bytes node{1};
  for (const Digest& half : {rfc_6962_root(of.first(split)), rfc_6962_root(of.subspan(split))}) {
    node.insert(node.end(), half.begin(), half.end());
  }
  return sha256(node);
}

TEST(MerkleTest, has_the_root_of_rfc_6962_for_every_size) {
  for (std::size_t count = 1; count <= kMaxMerkleLeaves; ++count) {
    EXPECT_EQ(MerkleTree(leaves(count)).root(), rfc_6962_root(leaves(count))) << count;
  }
}

TEST(MerkleTest, leaves_are_hashed_under_prefix_zero) {
  EXPECT_EQ(leaf_digest(ascii("m")), sha256(Bytes{0, 'm'}));
  EXPECT_EQ(leaf_digest({}), sha256(Bytes{0}));
}

TEST(MerkleTest, every_path_of_every_size_leads_to_the_root_from_its_own_leaf_and_place_only) {
  for (std::size_t count = 1; count <= kMaxMerkleLeaves; ++count) {
    const std::vector<Digest> all = leaves(count);
    const MerkleTree tree(all);
    const std::size_t step = count <= 64 ? 1 : 17;  // of large trees some other places, and each one's own
    for (std::size_t index = 0; index < count; ++index) {
      const Bytes path = flat(tree.path(index));
      EXPECT_EQ(tree.path(index).length, path_length(index, count));
      for (std::size_t other = index % step; other < count; other += step) {
        EXPECT_EQ(root_of_path(all[index], other, count, path) == tree.root(), other == index);
        EXPECT_EQ(root_of_path(all[other], index, count, path) == tree.root(), other == index);
      }
    }
  }
}

TEST(MerkleTest, a_path_of_another_length_leads_nowhere) {
  for (std::size_t count = 1; count <= kMaxMerkleLeaves; ++count) {
    const std::vector<Digest> all = leaves(count);
    for (std::size_t index = 0; index < count; ++index) {
      const Bytes path = flat(MerkleTree(all).path(index));
      Bytes longer = path;
      longer.push_back(0);
      EXPECT_FALSE(root_of_path(all[index], index, count, longer));
      longer.insert(longer.end(), 31, 0);
      EXPECT_FALSE(root_of_path(all[index], index, count, longer));
      if (count == 1) continue;
      EXPECT_FALSE(root_of_path(all[index], index, count, ByteView(path).subspan(32)));
      EXPECT_FALSE(root_of_path(all[index], index, count, ByteView(path).subspan(1)));
    }
  }
}

TEST(MerkleTest, a_tree_larger_than_a_signed_batch_proves_its_leaves_to_whoever_allows_its_size) {
  const std::vector<Digest> all = leaves(1000);
  const MerkleTree tree(all);
  for (const std::size_t index : {0U, 1U, 511U, 512U, 998U, 999U}) {
    const Bytes path = tree.siblings(index);
    EXPECT_EQ(root_of_path(all[index], index, all.size(), path, 1000), tree.root());
    EXPECT_NE(root_of_path(all[index], index == 0 ? 1 : 0, all.size(), path, 1000), tree.root());
    EXPECT_FALSE(root_of_path(all[index], index, all.size(), path, 999));
    EXPECT_FALSE(root_of_path(all[index], index, all.size(), path)) << "a batch is never that large";
  }
}

TEST(MerkleTest, an_index_outside_the_tree_leads_nowhere) {
  const Digest leaf = leaves(1)[0];
  EXPECT_FALSE(root_of_path(leaf, 0, 0, {}));
  EXPECT_FALSE(root_of_path(leaf, 1, 1, {}));
  EXPECT_FALSE(root_of_path(leaf, 0, kMaxMerkleLeaves + 1, Bytes(path_length(0, kMaxMerkleLeaves + 1) * 32)));
  EXPECT_FALSE(root_of_path(leaf, 0, 65535, Bytes(16 * 32)));
}

}  // namespace
}  // namespace garrison::crypto
