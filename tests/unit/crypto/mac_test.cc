#include "crypto/mac.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "tests/unit/crypto/fixture.h"

namespace garrison::crypto {
namespace {

TEST(HmacKeyTest, gives_the_tags_of_rfc_4231) {
  HmacKey first(Bytes(20, 0x0b));
  EXPECT_EQ(vec(first.tag(ascii("Hi There"))), unhex("b0344c61d8db38535ca8afceaf0bf12b"));
  HmacKey second(ascii("Jefe"));
  EXPECT_EQ(vec(second.tag(ascii("what do ya want for nothing?"))), unhex("5bdcc146bf60754e6a042426089575c7"));
  HmacKey truncated(Bytes(20, 0x0c));
  EXPECT_EQ(vec(truncated.tag(ascii("Test With Truncation"))), unhex("a3b6167473100ee06e0c796c2955552b"));
  HmacKey longer_than_a_block(Bytes(131, 0xaa));
  EXPECT_EQ(vec(longer_than_a_block.tag(ascii("Test Using Larger Than Block-Size Key - Hash Key First"))),
            unhex("60e431591ee0b67f0d8a26aacbf5b77f"));
}

TEST(HmacKeyTest, a_tag_does_not_depend_on_what_was_tagged_before) {
  HmacKey key(ascii("Jefe"));
  const Tag before = key.tag(ascii("message"));
  EXPECT_NE(key.tag(Bytes(1000, 1)), before);
  EXPECT_NE(key.tag({}), before);
  EXPECT_EQ(key.tag(ascii("message")), before);
}

TEST(HmacKeyTest, refuses_every_flipped_bit_and_every_other_length_of_a_tag) {
  HmacKey key(ascii("Jefe"));
  const Bytes message = ascii("message");
  const Tag good = key.tag(message);
  EXPECT_TRUE(key.verify(message, good));
  for (std::size_t bit = 0; bit < 128; ++bit) {
    Tag bad = good;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(key.verify(message, bad));
  }
  EXPECT_FALSE(key.verify(message, ByteView(good).first(15)));
  EXPECT_FALSE(key.verify(message, {}));
  EXPECT_FALSE(key.verify(ascii("massage"), good));
  EXPECT_FALSE(HmacKey(ascii("jefe")).verify(message, good));
}

// One shot with a fresh context and the documented control, not with what FrameKey keeps.
Bytes gmac_by_openssl(ByteView key, std::uint64_t counter, ByteView authenticated) {
  Bytes nonce(12, 0);
  store_le(nonce.data(), counter);
  Bytes tag(16);
  int written = 0;
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  EXPECT_EQ(EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), nullptr, key.data(), nonce.data()), 1);
  EXPECT_EQ(EVP_EncryptUpdate(context, nullptr, &written, authenticated.data(), static_cast<int>(authenticated.size())),
            1);
  EXPECT_EQ(EVP_EncryptFinal_ex(context, tag.data(), &written), 1);
  EXPECT_EQ(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag.data()), 1);
  EVP_CIPHER_CTX_free(context);
  return tag;
}

TEST(FrameKeyTest, gives_the_tag_of_the_gcm_specification_for_nothing_under_zeros) {
  FrameKey key(Bytes(16, 0));
  EXPECT_EQ(vec(key.seal(0, {})), unhex("58e2fccefa7e3061367f1d57a4e7455a"));
}

TEST(FrameKeyTest, agrees_with_a_fresh_context_for_any_counter_and_length) {
  const Bytes secret = unhex("000102030405060708090a0b0c0d0e0f");
  FrameKey key(secret);
  for (const std::uint64_t counter : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 40U, ~std::uint64_t{0}}) {
    for (const std::size_t size : {1U, 15U, 16U, 17U, 64U, 1400U}) {
      const Bytes frame(size, static_cast<std::uint8_t>(size));
      EXPECT_EQ(vec(key.seal(counter, frame)), gmac_by_openssl(secret, counter, frame));
    }
  }
}

TEST(FrameKeyTest, refuses_another_counter_key_tag_or_frame) {
  FrameKey key(Bytes(16, 3));
  Bytes frame(200, 7);
  const Tag good = key.seal(41, frame);
  EXPECT_TRUE(key.verify(41, frame, good));
  EXPECT_FALSE(key.verify(42, frame, good));
  EXPECT_FALSE(FrameKey(Bytes(16, 4)).verify(41, frame, good));
  EXPECT_FALSE(key.verify(41, ByteView(frame).first(199), good));
  EXPECT_FALSE(key.verify(41, frame, ByteView(good).first(12)));
  for (std::size_t at = 0; at < good.size(); ++at) {
    Tag bad = good;
    bad[at] ^= 0x80;
    EXPECT_FALSE(key.verify(41, frame, bad));
  }
  for (std::size_t at = 0; at < frame.size(); ++at) {
    frame[at] ^= 1;
    EXPECT_FALSE(key.verify(41, frame, good));
    frame[at] ^= 1;
  }
  EXPECT_TRUE(key.verify(41, frame, good));
}

}  // namespace
}  // namespace garrison::crypto
