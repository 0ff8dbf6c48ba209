// What decoders and Validator refuse of the messages with which servers sign as a site.
#include <gtest/gtest.h>

#include "control/message/validate.h"
#include "tests/support/site_keys.h"
#include "tests/unit/message/altered_content.h"
#include "tests/unit/message/outcome.h"

namespace garrison::message {
namespace {

using garrison::testing::SiteKeys;

constexpr ServerId kA1{0};
constexpr ServerId kA2{1};
constexpr ServerId kA3{2};
constexpr std::size_t kServers = 4;

SigShare share_of(ByteView statement, ByteView share, ByteView proof) { return {7, statement, share, proof}; }

TEST(ShareCodecTest, a_share_says_what_is_signed_and_keeps_its_bounds) {
  const Bytes bytes(1000, 7);
  const ByteView all(bytes);
  const Bytes longest = encode(kByServer, share_of(all.first(kMaxStatementBytes), all.first(kMaxSignatureBytes),
                                                   all.first(kMaxShareProofBytes)));
  EXPECT_EQ(longest.size(), kEnvelopeBytes + kMaxSigShareBody);
  EXPECT_TRUE(decode<SigShare>(longest).has_value());
  const Bytes shortest = encode(kByServer, share_of(all.first(1), all.first(1), {}));
  EXPECT_TRUE(decode<SigShare>(shortest).has_value());

  // One byte moved from one field to its neighbour, so that nothing but the bound speaks against it.
  const auto moved = [](const Bytes& good, std::size_t from, std::size_t to) {
    const auto taken = static_cast<std::uint16_t>(load_le<std::uint16_t>(good.data() + kBody + from) - 1);
    const auto given = static_cast<std::uint16_t>(load_le<std::uint16_t>(good.data() + kBody + to) + 1);
    return with(with(good, kBody + from, taken), kBody + to, given);
  };
  constexpr std::size_t kStatement = 8;
  constexpr std::size_t kShare = 10;
  constexpr std::size_t kProof = 12;
  EXPECT_FALSE(decode<SigShare>(moved(longest, kShare, kStatement)).has_value());
  EXPECT_FALSE(decode<SigShare>(moved(longest, kStatement, kShare)).has_value());
  EXPECT_FALSE(decode<SigShare>(moved(longest, kShare, kProof)).has_value());
  EXPECT_FALSE(decode<SigShare>(moved(shortest, kStatement, kShare)).has_value());
  EXPECT_FALSE(decode<SigShare>(moved(shortest, kShare, kProof)).has_value());
  EXPECT_FALSE(decode<SigShare>(with<std::uint8_t>(longest, kBody + 14, 1)).has_value()) << "reserved";
  EXPECT_FALSE(decode<SigShare>(with<std::uint8_t>(longest, kBody + 15, 1)).has_value()) << "reserved";
}

TEST(ShareCodecTest, a_request_asks_for_one_of_two_things) {
  const Bytes good = encode(kByServer, SigRequest{7, false});
  EXPECT_FALSE(decode<SigRequest>(good)->proof);
  EXPECT_TRUE(decode<SigRequest>(with<std::uint8_t>(good, kBody + 8, 1))->proof);
  EXPECT_FALSE(decode<SigRequest>(with<std::uint8_t>(good, kBody + 8, 2)).has_value());
  for (std::size_t i = 9; i < 16; ++i) {
    EXPECT_FALSE(decode<SigRequest>(with<std::uint8_t>(good, kBody + i, 1)).has_value()) << i;
  }
}

TEST(ShareCodecTest, evidence_is_one_share_or_two) {
  const Bytes good = encode(kByServer, SigEvidence{{as_bytes(std::string_view("x"))}});
  EXPECT_TRUE(decode<SigEvidence>(good).has_value());
  EXPECT_FALSE(decode<SigEvidence>(with<std::uint16_t>(good, kBody, 0)).has_value());
  Bytes three(8 + 3 * 4);
  Writer(three).u16(3);
  EXPECT_FALSE(decode<SigEvidence>(with_body(good, three)).has_value());
  Bytes two(8 + 2 * 4);
  Writer(two).u16(2);
  EXPECT_TRUE(decode<SigEvidence>(with_body(good, two)).has_value());
}

TEST(ShareCodecTest, a_signature_is_neither_empty_nor_longer_than_any) {
  const Bytes good = encode(kByServer, SigComplete{7, Bytes(kMaxSignatureBytes)});
  EXPECT_TRUE(decode<SigComplete>(good).has_value());
  EXPECT_FALSE(decode<SigComplete>(with_body(good, Bytes(8))).has_value());
}

class ShareValidatorTest : public ::testing::Test {
 protected:
  Validation from_server(ByteView bytes, ServerId from = kA1) { return keys_.validator().server_message(from, bytes); }

  SiteKeys keys_{kServers};
  SigShare share_ = share_of(statement_, statement_, statement_);
  static constexpr std::array<std::uint8_t, 5> statement_ = {1, 2, 3, 4, 5};
};

TEST_F(ShareValidatorTest, a_share_convinces_whoever_sees_it_and_what_is_asked_and_answered_only_first_hand) {
  EXPECT_ACCEPTED(from_server(keys_.sign(kA2, share_)));
  Bytes forged = keys_.sign(kA2, share_);
  forged.back() ^= 1U;
  EXPECT_REFUSED(from_server(forged), message_bad_signature);
  const Bytes unsigned_share = encode(keys_.envelope(kA1), share_);
  EXPECT_REFUSED(from_server(unsigned_share), message_malformed);
  const Bytes share = keys_.sign(kA2, share_);
  for (const Bytes& message : {keys_.sign(kA1, SigRequest{7, true}), keys_.sign(kA1, SigEvidence{{share}}),
                               keys_.sign(kA1, SigComplete{7, statement_})}) {
    EXPECT_ACCEPTED(from_server(message));
    EXPECT_REFUSED(from_server(message, kA2), message_not_first_hand);
  }
}

TEST_F(ShareValidatorTest, evidence_consists_of_signed_shares_of_servers_of_this_site) {
  const auto evidence = [&](const Bytes& second) {
    const Bytes first = keys_.sign(kA2, share_);
    return from_server(keys_.sign(kA1, SigEvidence{{first, second}}));
  };
  EXPECT_ACCEPTED(evidence(keys_.sign(kA3, share_)));
  Bytes forged = keys_.sign(kA3, share_);
  forged.back() ^= 1U;
  SiteKeys other_system(kServers, 4, crypto::Scheme::modelled, keys_.site(), SystemId(1));
  SiteKeys other_site(kServers, 4, crypto::Scheme::modelled, SiteId(1));
  SiteKeys wider(kServers + 1);
  for (const Bytes& share :
       {forged, Bytes(), Bytes{1}, keys_.sign(kA3, Prepare{}), encode(keys_.envelope(kA3), share_),
        other_system.sign(kA3, share_), other_site.sign(kA3, share_), wider.sign(ServerId(kServers), share_)}) {
    EXPECT_REFUSED(evidence(share), message_bad_vote);
  }
}

}  // namespace
}  // namespace garrison::message
