#include "crypto/signature.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <string>

#include "dataplane/base/bounds.h"
#include "tests/unit/crypto/fixture.h"

namespace garrison::crypto {
namespace {

class SchemeTest : public ::testing::TestWithParam<Scheme> {};

TEST_P(SchemeTest, verifies_what_it_signed_again_and_again) {
  PrivateKey key = private_key(GetParam());
  PublicKey checker = key.public_key();
  Bytes signature(signature_bytes(GetParam()));
  for (std::uint8_t round = 0; round < 5; ++round) {
    const Bytes message(round * 100U, round);
    key.sign(message, signature);
    EXPECT_TRUE(checker.verify(message, signature));
    EXPECT_FALSE(checker.verify(Bytes(7, 7), signature));
    EXPECT_TRUE(checker.verify(message, signature));  // a refusal leaves nothing behind
  }
}

TEST_P(SchemeTest, refuses_every_altered_byte_and_every_other_length) {
  PrivateKey key = private_key(GetParam());
  PublicKey checker = key.public_key();
  Bytes message = ascii("a message of some length");
  Bytes signature(signature_bytes(GetParam()));
  key.sign(message, signature);
  for (std::uint8_t& byte : signature) {
    byte ^= 0x10;
    EXPECT_FALSE(checker.verify(message, signature));
    byte ^= 0x10;
  }
  for (std::uint8_t& byte : message) {
    byte ^= 1;
    EXPECT_FALSE(checker.verify(message, signature));
    byte ^= 1;
  }
  EXPECT_FALSE(checker.verify(message, ByteView(signature).first(signature.size() - 1)));
  EXPECT_FALSE(checker.verify(message, {}));
  signature.push_back(0);
  EXPECT_FALSE(checker.verify(message, signature));
}

TEST_P(SchemeTest, writes_only_its_own_bytes_of_a_longer_buffer) {
  Bytes room(kMaxSignatureBytes + 1, 0xee);
  private_key(GetParam()).sign(ascii("m"), room);
  for (std::size_t at = signature_bytes(GetParam()); at < room.size(); ++at) EXPECT_EQ(room[at], 0xee);
}

TEST_P(SchemeTest, keys_survive_encoding) {
  PrivateKey key = private_key(GetParam());
  EXPECT_EQ(vec(key.encoded().view()), vec(secret_of(GetParam()).view()));
  PublicKey parsed = PublicKey::parse(GetParam(), key.public_key().encoded()).value();
  EXPECT_EQ(parsed.encoded(), key.public_key().encoded());
  Bytes signature(signature_bytes(GetParam()));
  key.sign(ascii("m"), signature);
  EXPECT_TRUE(parsed.verify(ascii("m"), signature));
}

TEST_P(SchemeTest, copies_verify_on_their_own) {
  PrivateKey key = private_key(GetParam());
  Bytes signature(signature_bytes(GetParam()));
  key.sign(ascii("m"), signature);
  auto original = std::make_unique<PublicKey>(key.public_key());
  PublicKey copy = *original;
  original.reset();
  EXPECT_TRUE(copy.verify(ascii("m"), signature));
  PublicKey assigned = PrivateKey::generate(Scheme::modelled).value().public_key();
  assigned = copy;
  EXPECT_EQ(assigned.scheme(), GetParam());
  EXPECT_TRUE(assigned.verify(ascii("m"), signature));
}

TEST_P(SchemeTest, refuses_truncated_extended_and_garbage_keys) {
  const Bytes secret = vec(secret_of(GetParam()).view());
  const Bytes open = private_key(GetParam()).public_key().encoded();
  const auto refused = [&](const Bytes& private_bytes, const Bytes& public_bytes) {
    EXPECT_FALSE(PrivateKey::parse(GetParam(), SecretBytes(ByteView(private_bytes))).ok());
    EXPECT_FALSE(PublicKey::parse(GetParam(), public_bytes).ok());
  };
  refused({}, {});
  refused(Bytes(secret.begin(), secret.end() - 1), Bytes(open.begin(), open.end() - 1));
  Bytes longer_secret = secret;
  Bytes longer_open = open;
  longer_secret.push_back(0);
  longer_open.push_back(0);
  refused(longer_secret, longer_open);
  refused(Bytes(500, 0x30), Bytes(500, 0x30));
}

TEST_P(SchemeTest, its_name_and_number_lead_back_to_it) {
  EXPECT_EQ(scheme_from_name(name(GetParam())), GetParam());
  EXPECT_EQ(scheme_from_number(static_cast<std::uint8_t>(GetParam())), GetParam());
  EXPECT_LE(signature_bytes(GetParam()), kMaxSignatureBytes);
}

INSTANTIATE_TEST_SUITE_P(Schemes, SchemeTest, ::testing::ValuesIn(kAllSchemes), [](const auto& parameter) {
  std::string text(name(parameter.param));
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
});

TEST(SignatureTest, unknown_names_and_numbers_are_no_scheme) {
  EXPECT_FALSE(scheme_from_name("rsa1024"));
  EXPECT_FALSE(scheme_from_name(""));
  EXPECT_FALSE(scheme_from_number(0));
  EXPECT_FALSE(scheme_from_number(4));
}

TEST(SignatureTest, gives_the_ed25519_signature_of_rfc_8032) {
  const Bytes seed = unhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  PrivateKey key = PrivateKey::parse(Scheme::ed25519, SecretBytes(ByteView(seed))).value();
  EXPECT_EQ(key.public_key().encoded(), unhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
  Bytes signature(64);
  key.sign({}, signature);
  EXPECT_EQ(signature, unhex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
                             "1cf9b46bd25bf5f0595bbe24655141438e7a100b"));
  EXPECT_TRUE(key.public_key().verify({}, signature));
}

TEST(SignatureTest, rsa_signatures_are_what_openssl_verifies_as_pkcs1_with_sha256) {
  PrivateKey key = private_key(Scheme::rsa2048);
  const Bytes message = ascii("a message");
  Bytes signature(256);
  key.sign(message, signature);
  const Bytes encoded = key.public_key().encoded();
  const std::uint8_t* at = encoded.data();
  EVP_PKEY* const plain = d2i_PUBKEY(nullptr, &at, static_cast<long>(encoded.size()));
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EXPECT_EQ(EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, plain), 1);
  EXPECT_EQ(EVP_DigestVerify(context, signature.data(), signature.size(), message.data(), message.size()), 1);
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(plain);
}

TEST(SignatureTest, refuses_an_rsa_key_of_another_size) {
  const Bytes open = private_key(Scheme::rsa2048).public_key().encoded();
  EXPECT_FALSE(PublicKey::parse(Scheme::rsa3072, open).ok());
  EXPECT_FALSE(PrivateKey::parse(Scheme::rsa3072, secret_of(Scheme::rsa2048)).ok());
  EXPECT_FALSE(PublicKey::parse(Scheme::rsa2048, private_key(Scheme::rsa3072).public_key().encoded()).ok());
}

TEST(SignatureTest, refuses_an_rsa_key_with_an_unusual_exponent) {
  Bytes open = private_key(Scheme::rsa2048).public_key().encoded();
  ASSERT_EQ(Bytes(open.end() - 5, open.end()), (Bytes{0x02, 0x03, 0x01, 0x00, 0x01}));
  open.back() = 0x03;
  EXPECT_FALSE(PublicKey::parse(Scheme::rsa2048, open).ok());
}

TEST(SignatureTest, refuses_a_private_rsa_key_whose_parts_do_not_belong_together) {
  const Bytes good = vec(secret_of(Scheme::rsa2048).view());
  for (std::size_t at = 0; at < good.size(); at += 97) {
    Bytes damaged = good;
    damaged[at] ^= 0x04;
    EXPECT_FALSE(PrivateKey::parse(Scheme::rsa2048, SecretBytes(ByteView(damaged))).ok()) << at;
  }
}

TEST(SignatureTest, refuses_a_key_of_another_kind_in_rsa_clothes) {
  std::string group = "P-256";
  EVP_PKEY* const curve = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", group.data());
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(curve, &der);
  ASSERT_GT(size, 0);
  EXPECT_FALSE(PublicKey::parse(Scheme::rsa2048, {der, static_cast<std::size_t>(size)}).ok());
  OPENSSL_free(der);
  EVP_PKEY_free(curve);
}

}  // namespace
}  // namespace garrison::crypto
