#include "crypto/agreement.h"

#include <gtest/gtest.h>

#include "tests/unit/crypto/fixture.h"

namespace garrison::crypto {
namespace {

SecretBytes secret(std::string_view digits) { return SecretBytes(ByteView(unhex(digits))); }

TEST(AgreementTest, gives_the_keys_of_rfc_7748) {
  const SecretBytes alice = secret("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const SecretBytes bob = secret("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const Bytes alice_public = unhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  const Bytes bob_public = unhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  EXPECT_EQ(agreement_public_key(alice).value(), alice_public);
  EXPECT_EQ(agreement_public_key(bob).value(), bob_public);
  const Bytes shared = unhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  EXPECT_EQ(vec(agree(alice, bob_public).value().view()), shared);
  EXPECT_EQ(vec(agree(bob, alice_public).value().view()), shared);
}

TEST(AgreementTest, generated_keys_differ_and_agree) {
  const AgreementKeyPair one = generate_agreement_key().value();
  const AgreementKeyPair other = generate_agreement_key().value();
  EXPECT_NE(one.public_key, other.public_key);
  EXPECT_EQ(vec(agree(one.secret, other.public_key).value().view()),
            vec(agree(other.secret, one.public_key).value().view()));
}

TEST(AgreementTest, refuses_a_low_order_public_key) {
  const AgreementKeyPair own = generate_agreement_key().value();
  Bytes one(32, 0);
  one[0] = 1;
  EXPECT_FALSE(agree(own.secret, Bytes(32, 0)).ok());
  EXPECT_FALSE(agree(own.secret, one).ok());
  EXPECT_FALSE(agree(own.secret, unhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")).ok());
}

TEST(AgreementTest, refuses_keys_of_another_length) {
  const AgreementKeyPair own = generate_agreement_key().value();
  EXPECT_FALSE(agree(own.secret, ByteView(own.public_key).first(31)).ok());
  EXPECT_FALSE(agree(SecretBytes(std::size_t{31}), own.public_key).ok());
  EXPECT_FALSE(agreement_public_key(SecretBytes(std::size_t{33})).ok());
}

TEST(AgreementTest, derives_the_key_of_rfc_5869_without_salt_and_info) {
  EXPECT_EQ(vec(derive(SecretBytes(ByteView(Bytes(22, 0x0b))), {}, 42).view()),
            unhex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"));
}

TEST(AgreementTest, derives_other_keys_for_other_purposes) {
  const SecretBytes shared{ByteView(Bytes(32, 5))};
  const Bytes frames = vec(derive(shared, ascii("frames"), 16).view());
  EXPECT_EQ(vec(derive(shared, ascii("frames"), 16).view()), frames);
  EXPECT_NE(vec(derive(shared, ascii("replies"), 16).view()), frames);
}

}  // namespace
}  // namespace garrison::crypto
