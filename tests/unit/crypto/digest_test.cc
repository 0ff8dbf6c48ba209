#include "crypto/digest.h"

#include <gtest/gtest.h>

#include "crypto/secret.h"
#include "tests/unit/crypto/fixture.h"

namespace garrison::crypto {
namespace {

TEST(DigestTest, gives_the_published_digests) {
  EXPECT_EQ(vec(sha256({})), unhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
  EXPECT_EQ(vec(sha256(ascii("abc"))), unhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  EXPECT_EQ(vec(sha256(ascii("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            unhex("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
}

TEST(DigestTest, pieces_give_what_the_whole_gives_and_finish_starts_over) {
  Sha256 hash;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(hash.update(ascii("a")).update({}).update(ascii("bc")).finish(), sha256(ascii("abc")));
  }
}

TEST(DigestTest, a_moved_context_keeps_what_it_has_read) {
  Sha256 first;
  first.update(ascii("a"));
  Sha256 second = std::move(first);
  EXPECT_EQ(second.update(ascii("bc")).finish(), sha256(ascii("abc")));
}

TEST(SecretTest, wipe_empties_and_overwrites_in_place) {
  SecretBytes secret{ByteView(Bytes(32, 0x5a))};
  const std::uint8_t* const place = secret.view().data();
  secret.wipe();
  EXPECT_EQ(secret.size(), 0U);
  for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(place[i], 0);  // the vector keeps its memory until it goes
}

TEST(SecretTest, assignment_copies_and_moves) {
  const SecretBytes origin{ByteView(Bytes{1, 2, 3})};
  SecretBytes copy{std::size_t{8}};
  copy = origin;
  EXPECT_TRUE(equal(copy.view(), origin.view()));
  SecretBytes moved{std::size_t{4}};
  moved = std::move(copy);
  EXPECT_TRUE(equal(moved.view(), origin.view()));
}

}  // namespace
}  // namespace garrison::crypto
