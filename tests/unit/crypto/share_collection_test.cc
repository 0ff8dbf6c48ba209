#include "crypto/threshold/share_collection.h"

#include <gtest/gtest.h>

#include "dataplane/base/rng.h"
#include "tests/unit/crypto/threshold_fixture.h"

namespace garrison::crypto {
namespace {

const Bytes kMessage = ascii("garrison-test-1 the site says so");
const Bytes kOther = ascii("garrison-test-1 the site says no");

class ShareCollectionTest : public ::testing::Test {
 protected:
  void add(std::size_t signer, ByteView share, bool with_proof = false) {
    const Bytes proof = with_proof ? site_.signers[signer]->prove(kMessage, share) : Bytes();
    collection_.add(server(signer), share, proof);
  }
  void add_good(std::size_t signer, bool with_proof = false) { add(signer, good_[signer], with_proof); }
  void expect_signed() {
    ASSERT_TRUE(collection_.signature().has_value());
    EXPECT_TRUE(site_.verifier->verify(kMessage, *collection_.signature()));
  }

  ThresholdSite site_{3, 7};
  std::vector<Bytes> good_ = site_.shares(kMessage);
  ShareCollection collection_{*site_.combiner, kMessage};
};

TEST_F(ShareCollectionTest, the_kth_share_completes_the_signature_without_any_proof) {
  add_good(4);
  add_good(0);
  EXPECT_FALSE(collection_.signature().has_value());
  add_good(6);
  expect_signed();
  EXPECT_TRUE(collection_.blamed().empty());
  EXPECT_TRUE(collection_.suspended().empty());
}

TEST_F(ShareCollectionTest, one_server_counts_once) {
  for (int i = 0; i < 5; ++i) add_good(2);
  add_good(3);
  EXPECT_FALSE(collection_.signature().has_value());
  EXPECT_TRUE(collection_.blamed().empty());
}

TEST_F(ShareCollectionTest, bytes_that_are_no_share_convict_their_sender_at_once) {
  const Bytes bad[] = {site_.as_share(0),       site_.as_share(1),          site_.negated(site_.as_share(1)),
                       site_.negated(good_[0]), Bytes(site_.bytes(), 0xff), Bytes(),
                       Bytes(1000, 1)};
  for (const Bytes& share : bad) {
    ShareCollection collection(*site_.combiner, kMessage);
    collection.add(server(0), share, {});
    EXPECT_EQ(collection.blamed(), ServerSet::only(server(0)));
    collection.add(server(0), good_[0], {});  // too late
    for (const std::size_t i : {1U, 2U}) collection.add(server(i), good_[i], {});
    EXPECT_FALSE(collection.signature().has_value());
    collection.add(server(3), good_[3], {});
    EXPECT_TRUE(collection.signature().has_value());
  }
}

TEST_F(ShareCollectionTest, a_wrong_share_is_named_by_its_proof_and_the_others_sign) {
  Bytes random(site_.bytes());
  Rng rng(1);
  for (std::uint8_t& byte : random) byte = static_cast<std::uint8_t>(rng.next());
  random[0] = 0;
  const Bytes bad[] = {random, site_.signers[0]->share(kOther), good_[5], site_.as_share(2)};
  for (const Bytes& share : bad) {
    collection_ = ShareCollection(*site_.combiner, kMessage);
    add(0, share, true);
    add_good(1, true);
    add_good(2, true);
    EXPECT_FALSE(collection_.signature().has_value());
    EXPECT_EQ(collection_.blamed(), ServerSet::only(server(0)));
    EXPECT_TRUE(collection_.suspended().empty());
    add_good(3);
    expect_signed();
  }
}

TEST_F(ShareCollectionTest, shares_without_a_proof_are_suspended_until_they_have_one) {
  add(0, good_[5]);
  add_good(1);
  add_good(2);
  const ServerSet three = ServerSet::all(3);
  EXPECT_EQ(collection_.suspended(), three);
  EXPECT_TRUE(collection_.blamed().empty());  // who is wrong is not known

  add_good(3);
  add_good(4);  // fresh ones count, suspended ones do not
  EXPECT_FALSE(collection_.signature().has_value());
  add(0, good_[5]);  // once more without a proof changes nothing
  EXPECT_EQ(collection_.suspended(), three);
  add(0, good_[5], true);
  EXPECT_EQ(collection_.blamed(), ServerSet::only(server(0)));
  EXPECT_FALSE(collection_.suspended().contains(server(0)));
  add_good(1, true);
  expect_signed();
}

TEST_F(ShareCollectionTest, fresh_shares_complete_it_while_nobody_sends_proofs) {
  add(0, good_[5]);
  add_good(1);
  add_good(2);
  for (const std::size_t i : {3U, 4U, 6U}) add_good(i);
  expect_signed();
}

TEST_F(ShareCollectionTest, two_different_shares_convict_their_sender) {
  add_good(0);
  add(0, good_[5]);
  EXPECT_EQ(collection_.blamed(), ServerSet::only(server(0)));
  for (const std::size_t i : {1U, 2U}) add_good(i);
  EXPECT_FALSE(collection_.signature().has_value());
  add_good(3);
  expect_signed();
}

TEST_F(ShareCollectionTest, a_proof_that_cannot_be_one_convicts_its_sender) {
  collection_.add(server(0), good_[0], Bytes(3, 1));
  EXPECT_EQ(collection_.blamed(), ServerSet::only(server(0)));
}

TEST_F(ShareCollectionTest, a_good_share_with_a_forged_proof_is_blamed_when_proofs_are_looked_at) {
  Bytes forged = site_.signers[0]->prove(kMessage, good_[0]);
  forged.back() ^= 1;
  collection_.add(server(0), good_[0], forged);
  add(1, good_[5], true);
  add_good(2, true);
  EXPECT_EQ(collection_.blamed(), ServerSet::only(server(0)).insert(server(1)));
}

TEST_F(ShareCollectionTest, servers_beyond_the_site_are_ignored) {
  collection_.add(server(7), good_[0], {});
  collection_.add(server(40'000), good_[0], {});
  collection_.add(server(40'000), {}, {});
  EXPECT_TRUE(collection_.blamed().empty());
}

TEST_F(ShareCollectionTest, a_share_known_to_be_correct_is_never_suspended_and_preferred) {
  collection_.add_proven(server(6), good_[6]);
  add(0, good_[5]);
  add_good(1);
  EXPECT_EQ(collection_.suspended(), ServerSet::only(server(0)).insert(server(1)));
  add_good(6);  // once more, as if it came from a peer
  collection_.add_proven(server(1), good_[1]);
  EXPECT_EQ(collection_.suspended(), ServerSet::only(server(0)));
  add_good(3);
  expect_signed();
}

TEST_F(ShareCollectionTest, withheld_shares_are_used_when_they_are_proven_or_no_longer_withheld) {
  const ServerSet doubted = ServerSet::only(server(0)).insert(server(1));
  collection_.withhold(doubted);
  for (const std::size_t i : {0U, 1U, 2U}) add_good(i);
  EXPECT_FALSE(collection_.signature().has_value());
  EXPECT_TRUE(collection_.suspended().empty());
  ShareCollection proven = collection_;
  proven.add_proven(server(0), good_[0]);
  EXPECT_FALSE(proven.signature().has_value());
  proven.add_proven(server(1), good_[1]);
  EXPECT_TRUE(proven.signature().has_value());
  collection_.withhold(ServerSet::only(server(1)));
  EXPECT_FALSE(collection_.signature().has_value());
  collection_.withhold(ServerSet());
  expect_signed();
}

TEST_F(ShareCollectionTest, a_share_withheld_after_it_came_is_not_used) {
  add_good(0);
  add_good(1);
  collection_.withhold(ServerSet::only(server(0)));
  add_good(2);
  EXPECT_FALSE(collection_.signature().has_value());
  add_good(3);
  expect_signed();
}

// f of 3f + 1 lie in every way there is; arrival order, lies and whether proofs come are drawn from the seed.
TEST_F(ShareCollectionTest, correct_servers_sign_and_are_never_blamed_whatever_two_others_do) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Rng rng(seed);
    collection_ = ShareCollection(*site_.combiner, kMessage);
    const std::size_t first = rng.below(7);
    const ServerSet liars = ServerSet::only(server(first)).insert(server((first + 1 + rng.below(6)) % 7));
    const auto lie = [&](std::size_t i) -> Bytes {
      switch (rng.below(6)) {
        case 0:
          return good_[(i + 1) % 7];
        case 1:
          return site_.signers[i]->share(kOther);
        case 2:
          return site_.negated(good_[i]);
        case 3:
          return site_.as_share(rng.below(3));
        case 4:
          return Bytes(rng.below(300), 7);
        default:
          return good_[i];
      }
    };
    std::vector<std::size_t> order = {0, 1, 2, 3, 4, 5, 6};
    for (std::size_t i = 6; i > 0; --i) std::swap(order[i], order[rng.below(i + 1)]);
    for (const std::size_t i : order) {
      if (!liars.contains(server(i))) {
        add_good(i);
      } else {
        const Bytes proof = rng.chance(500'000) ? site_.signers[i]->prove(kMessage, good_[i]) : Bytes();
        collection_.add(server(i), lie(i), proof);
      }
    }
    // Correct servers answer the demand for proofs.
    for (const std::size_t i : order) {
      if (!liars.contains(server(i)) && collection_.suspended().contains(server(i))) add_good(i, true);
    }
    expect_signed();
    collection_.blamed().for_each([&](ServerId id) { EXPECT_TRUE(liars.contains(id)) << "seed " << seed; });
  }
}

}  // namespace
}  // namespace garrison::crypto
