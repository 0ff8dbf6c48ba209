#include "crypto/joint_proof.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "crypto/batch.h"
#include "crypto/merkle.h"

namespace garrison::crypto {
namespace {

// Some leaves of a tree of `count`, the first of them known with its path.
struct Case {
  Case(std::size_t size, const std::vector<std::size_t>& places) : count(size) {
    std::vector<Digest> all;
    for (std::size_t i = 0; i < size; ++i) all.push_back(leaf_digest(Bytes(3, static_cast<std::uint8_t>(i))));
    const MerkleTree tree(all);
    for (const std::size_t place : places) {
      siblings.push_back(tree.siblings(place));
      leaves.push_back({place, all[place]});
    }
    known = {places.front(), siblings.front()};
    std::vector<LeafPath> others;
    for (std::size_t i = 1; i < places.size(); ++i) others.push_back({places[i], siblings[i]});
    proof = joint_proof(count, known, others);
  }
  [[nodiscard]] std::optional<std::vector<Bytes>> paths() const {
    return paths_of(count, known, leaves.front().leaf, std::span(leaves).subspan(1), proof);
  }

  std::size_t count;
  std::vector<Bytes> siblings;
  std::vector<PlacedLeaf> leaves;
  LeafPath known;
  Bytes proof;
};

TEST(JointProofTest, gives_every_leaf_its_own_path_in_trees_of_every_size) {
  std::mt19937 random(7);
  for (std::size_t count = 1; count <= kMaxMerkleLeaves; ++count) {
    std::vector<std::size_t> places(count);
    for (std::size_t i = 0; i < count; ++i) places[i] = i;
    std::ranges::shuffle(places, random);
    places.resize(1 + random() % std::min<std::size_t>(count, 20));
    const Case some(count, places);
    const auto paths = some.paths();
    ASSERT_TRUE(paths.has_value()) << count;
    ASSERT_EQ(paths->size() + 1, places.size());
    for (std::size_t i = 0; i < paths->size(); ++i) EXPECT_EQ((*paths)[i], some.siblings[i + 1]) << count;
  }
}

TEST(JointProofTest, says_nothing_twice) {
  EXPECT_TRUE(Case(8, {0, 1, 2, 3, 4, 5, 6, 7}).proof.empty()) << "all leaves are there";
  EXPECT_TRUE(Case(8, {7, 6}).proof.empty()) << "each is on the other's path";
  EXPECT_EQ(Case(8, {7, 0}).proof.size(), 2 * sizeof(Digest)) << "the known path ends where the other's begins";
  EXPECT_EQ(Case(16, {15, 1, 2, 3, 4, 5, 6, 7}).proof.size(), sizeof(Digest)) << "leaf 0";
}

TEST(JointProofTest, nothing_but_the_leaves_and_the_proof_leads_to_the_root) {
  const Case good(11, {9, 2, 3, 6});
  ASSERT_TRUE(good.paths().has_value());
  ASSERT_FALSE(good.proof.empty());
  for (std::size_t i = 0; i < good.proof.size(); ++i) {
    Case bad = good;
    bad.proof[i] ^= 1U;
    EXPECT_FALSE(bad.paths().has_value()) << "byte " << i;
  }
  for (std::size_t i = 1; i < good.leaves.size(); ++i) {
    Case other_leaf = good;
    other_leaf.leaves[i].leaf[0] ^= 1U;
    EXPECT_FALSE(other_leaf.paths().has_value()) << "leaf " << i;
    Case other_place = good;
    other_place.leaves[i].index = 8;
    EXPECT_FALSE(other_place.paths().has_value()) << "place of leaf " << i;
  }
}

TEST(JointProofTest, is_refused_with_more_or_less_of_it) {
  Case longer(11, {9, 2, 3, 6});
  longer.proof.push_back(0);
  EXPECT_FALSE(longer.paths().has_value());
  Case shorter(11, {9, 2, 3, 6});
  shorter.proof.resize(shorter.proof.size() - sizeof(Digest));
  EXPECT_FALSE(shorter.paths().has_value());
}

TEST(JointProofTest, a_place_beyond_the_tree_is_refused) {
  Case beyond(4, {3, 1});
  beyond.leaves[1].index = 5;
  EXPECT_FALSE(beyond.paths().has_value());
  beyond.proof.clear();  // nothing stands beside it up there
  EXPECT_FALSE(beyond.paths().has_value());
  Case known_beyond(4, {3, 1});
  known_beyond.known.index = 4;
  EXPECT_FALSE(known_beyond.paths().has_value());
  Case known_short(4, {3, 1});
  known_short.known.siblings = known_short.known.siblings.first(sizeof(Digest));
  EXPECT_FALSE(known_short.paths().has_value());
  Case known_long(4, {3, 1});
  known_long.siblings[0].resize(3 * sizeof(Digest));
  known_long.known.siblings = known_long.siblings[0];
  EXPECT_FALSE(known_long.paths().has_value());
}

TEST(JointProofTest, two_leaves_have_no_place_in_common) {
  Case twice(4, {3, 1, 1});
  EXPECT_TRUE(twice.paths().has_value()) << "the same one";
  twice.leaves[2].leaf[5] ^= 1U;
  EXPECT_FALSE(twice.paths().has_value());
  Case known_place(4, {3, 1});
  known_place.leaves[1].index = 3;
  EXPECT_FALSE(known_place.paths().has_value());
}

// The known path claims another node where a leaf that is there leads.
TEST(JointProofTest, the_known_path_holds_what_the_leaves_make) {
  Case bad(8, {7, 6});
  bad.siblings[0][3] ^= 1U;
  bad.known.siblings = bad.siblings[0];
  EXPECT_FALSE(bad.paths().has_value());
}

}  // namespace
}  // namespace garrison::crypto
