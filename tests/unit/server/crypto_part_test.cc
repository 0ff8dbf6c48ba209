#include "apps/server/crypto_part.h"

#include <gtest/gtest.h>

#include "tests/support/site_keys.h"
#include "tests/unit/server/plain_queues.h"

namespace garrison::server {
namespace {

constexpr ServerId kSelf(0);
constexpr std::size_t kServers = 4;

class CryptoPartTest : public ::testing::Test {
 protected:
  CryptoPart make(std::size_t verify_per_signature = 8, crypto::Scheme scheme = crypto::Scheme::modelled) {
    Bytes seed(8);
    seed[0] = 1;
    return CryptoPart(
        {.system = keys_.system(),
         .site = keys_.site(),
         .self = kSelf,
         .servers = kServers,
         .verify_per_signature = verify_per_signature},
        keys_.directory(),
        crypto::BatchSigner(keys_.system(), keys_.server(kSelf), keys_.epoch(),
                            crypto::PrivateKey::parse(scheme, crypto::SecretBytes(ByteView(seed))).value()),
        queues_, receive_slab_, client_slab_, send_slab_);
  }
  void receive(ServerId from, const Bytes& bytes, TrafficClass traffic = TrafficClass::bounded) {
    const SlotRef slot = *receive_slab_.allocate(0, bytes.size());
    std::copy(bytes.begin(), bytes.end(), receive_slab_.bytes(slot).begin());
    auto& queue = traffic == TrafficClass::timely ? *queues_.received_timely : *queues_.received_bounded;
    ASSERT_TRUE(queue.push_one({slot, from, traffic}));
  }
  void ask_to_sign(const Bytes& content) {
    SlotRef slot = *send_slab_.allocate(0, content.size() + crypto::kMaxSignatureBlockBytes);
    slot.length = static_cast<std::uint32_t>(content.size());
    std::copy(content.begin(), content.end(), send_slab_.bytes(slot).begin());
    ASSERT_TRUE(queues_.to_sign->push_one({.slot = slot, .to = ServerSet::all(kServers).without(kSelf)}));
  }
  // As a batch of the site has them, for three other sites in both classes.
  void ask_to_sign_parts() {
    const Bytes bytes(30, 1);
    for (std::uint16_t site = 1; site <= 3; ++site) {
      for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
        ask_to_sign(message::encode(keys_.envelope(kSelf), message::LinkPart{SiteId(site), traffic, 0, 2, 4,
                                                                             Incarnation(1), SeqNum(1), 60, bytes}));
      }
    }
  }
  std::vector<ServerId> verified_from() {
    std::vector<ServerId> from;
    for (VerifiedInbound one; queues_.verified->pop_one(one);) from.push_back(one.message.server());
    return from;
  }
  Bytes prepare(ServerId from, std::uint64_t sequence) {
    return keys_.sign(from, message::Prepare{View(0), SeqNum(sequence), {}});
  }
  Bytes commit(std::uint64_t sequence) {
    return message::encode(keys_.envelope(kSelf), message::Commit{View(0), SeqNum(sequence), {}, {}});
  }

  testing::SiteKeys keys_{kServers};
  Queues queues_ = testing::plain_queues(kServers);
  static constexpr std::array<SlabClass, 1> kSlots{{{64 * 1024, 512}}};
  Slab receive_slab_{kSlots, 1, ~std::size_t{0}};
  Slab client_slab_{kSlots, 1, ~std::size_t{0}};
  Slab send_slab_{kSlots, 1, ~std::size_t{0}};
};

TEST_F(CryptoPartTest, what_does_not_verify_is_counted_and_its_slot_goes_back) {
  CryptoPart part = make();
  Bytes forged = prepare(ServerId(1), 1);
  forged.back() ^= 1U;
  receive(ServerId(1), forged);
  receive(ServerId(1), prepare(ServerId(1), 2));
  part.poll({});
  EXPECT_EQ(part.drops().get(DropReason::message_bad_signature), 1U);
  EXPECT_EQ(queues_.refused->size(), 1U);
  EXPECT_EQ(verified_from().size(), 1U);
}

TEST_F(CryptoPartTest, what_the_core_put_together_is_checked_and_comes_back_whatever_the_verdict) {
  CryptoPart part = make();
  Bytes forged = prepare(ServerId(1), 2);
  forged.back() ^= 1U;
  for (const Bytes& bytes : {prepare(ServerId(1), 1), forged, Bytes{1}}) {
    const SlotRef slot = *send_slab_.allocate(0, bytes.size());
    std::copy(bytes.begin(), bytes.end(), send_slab_.bytes(slot).begin());
    ASSERT_TRUE(queues_.to_check->push_one(slot));
  }
  part.poll({});
  std::vector<bool> valid;
  for (Checked one; queues_.checked->pop_one(one);) {
    valid.push_back(one.valid);
    EXPECT_TRUE(!one.valid || one.message.as<message::Prepare>().sequence == SeqNum(1));
    send_slab_.free(one.slot);
  }
  EXPECT_EQ(valid, (std::vector<bool>{true, false, false}));
  EXPECT_EQ(send_slab_.slots_in_use(), 0U);
  EXPECT_EQ(part.drops().get(DropReason::message_bad_signature), 1U);
  EXPECT_EQ(part.drops().get(DropReason::message_truncated), 1U);
}

TEST_F(CryptoPartTest, a_sender_with_much_to_verify_does_not_keep_the_others_waiting) {
  CryptoPart part = make();
  for (std::uint64_t s = 1; s <= 200; ++s) receive(ServerId(1), prepare(ServerId(1), s));
  receive(ServerId(2), prepare(ServerId(2), 1));
  receive(ServerId(3), prepare(ServerId(3), 1));
  part.poll({});
  const std::vector<ServerId> first_round = verified_from();
  EXPECT_EQ(std::count(first_round.begin(), first_round.end(), ServerId(2)), 1);
  EXPECT_EQ(std::count(first_round.begin(), first_round.end(), ServerId(3)), 1);
  EXPECT_LT(first_round.size(), 200U);
  for (int i = 0; i < 20; ++i) part.poll({});
  EXPECT_EQ(first_round.size() + verified_from().size(), 202U);
}

// [ARCH] 4.1: the signatures of parts are amortised over those of several messages. What a batch of the site sends,
// whatever site and class it is for, costs a server one private operation.
TEST_F(CryptoPartTest, parts_of_one_batch_for_several_sites_and_classes_share_one_signature_that_is_dear) {
  CryptoPart part = make(8, crypto::Scheme::modelled_rsa1024);
  ask_to_sign_parts();
  part.poll({});
  EXPECT_EQ(queues_.signed_out->size(), 6U);
  EXPECT_EQ(part.messages_signed(), 6U);
  EXPECT_EQ(part.signatures_made(), 1U);
}

// A path to a shared signature would cross the wide area with each of them, and is longer than a signature.
TEST_F(CryptoPartTest, each_part_has_a_signature_of_its_own_where_that_is_cheap) {
  CryptoPart part = make();
  ask_to_sign_parts();
  for (std::uint64_t s = 1; s <= 2; ++s) {
    ask_to_sign(message::encode(keys_.envelope(kSelf), message::Prepare{View(0), SeqNum(s), {}}));
  }
  part.poll({});
  EXPECT_EQ(part.messages_signed(), 8U);
  EXPECT_EQ(part.signatures_made(), 7U);
  for (int i = 0; i < 6; ++i) {
    SignedOutbound out;
    ASSERT_TRUE(queues_.signed_out->pop_one(out));
    const message::VerifiedMessage& message = out.message;
    EXPECT_EQ(message.bytes().size() - message.content().size(),
              crypto::kSignatureBlockHeaderBytes + crypto::signature_bytes(crypto::Scheme::modelled));
  }
}

// Each signature costs every other server one to verify.
TEST_F(CryptoPartTest, the_busier_it_is_the_longer_it_waits_before_it_signs_again) {
  CryptoPart part = make(1);
  Instant now;
  const auto round = [&](bool with_work) {
    now = now + milliseconds(1);
    if (with_work) receive(ServerId(1), prepare(ServerId(1), 1));
    part.poll(now);
    verified_from();
    for (SlotRef slot; queues_.refused->pop_one(slot);) receive_slab_.free(slot);
  };
  // How often it signs in a hundred rounds.
  const auto signs = [&](bool busy) {
    const std::uint64_t before = part.signatures_made();
    for (std::uint64_t s = 1; s <= 100; ++s) {
      ask_to_sign(message::encode(keys_.envelope(kSelf), message::Prepare{View(0), SeqNum(s), {}}));
      round(busy);
      for (SignedOutbound out; queues_.signed_out->pop_one(out);) send_slab_.free(out.outbound.slot);
    }
    return part.signatures_made() - before;
  };
  EXPECT_GT(signs(true), 30U);
  EXPECT_LE(signs(true), 25U);
  for (int i = 0; i < 100; ++i) round(false);
  EXPECT_EQ(part.next_wakeup(), Instant::never());
}

TEST_F(CryptoPartTest, timely_messages_overtake_bounded_ones) {
  CryptoPart part = make();
  for (std::uint64_t s = 1; s <= 10; ++s) receive(ServerId(1), prepare(ServerId(1), s));
  const Bytes matrix = keys_.sign(ServerId(2), message::SummaryMatrix{message::MatrixRows(kServers)});
  receive(ServerId(2), matrix, TrafficClass::timely);
  part.poll({});
  ASSERT_FALSE(queues_.verified->size() == 0);
  EXPECT_EQ(verified_from().front(), ServerId(2));
}

TEST_F(CryptoPartTest, while_it_is_behind_with_verifying_it_signs_rarely_and_then_all_at_once) {
  CryptoPart part = make(100);
  for (std::uint64_t s = 1; s <= 300; ++s) receive(ServerId(1), prepare(ServerId(1), s));
  for (std::uint64_t s = 1; s <= 5; ++s) {
    ask_to_sign(message::encode(keys_.envelope(kSelf), message::Prepare{View(0), SeqNum(s), {}}));
  }
  part.poll({});
  EXPECT_EQ(part.signatures_made(), 0U);
  while (part.signatures_made() == 0) part.poll({});
  EXPECT_GE(part.messages_verified(), 100U);
  EXPECT_LT(part.messages_verified(), 300U);
  EXPECT_EQ(part.messages_signed(), 5U);
}

TEST_F(CryptoPartTest, messages_signed_together_verify_at_others_and_keep_their_order) {
  CryptoPart part = make();
  for (std::uint64_t s = 1; s <= 3; ++s) {
    ask_to_sign(message::encode(keys_.envelope(kSelf), message::Prepare{View(0), SeqNum(s), {}}));
  }
  part.poll({});
  EXPECT_EQ(part.signatures_made(), 1U);
  for (std::uint64_t s = 1; s <= 3; ++s) {
    SignedOutbound out;
    ASSERT_TRUE(queues_.signed_out->pop_one(out));
    EXPECT_EQ(out.message.as<message::Prepare>().sequence, SeqNum(s));
    const message::Validation outcome = keys_.validator().server_message(kSelf, send_slab_.bytes(out.outbound.slot));
    EXPECT_TRUE(std::holds_alternative<message::VerifiedMessage>(outcome));
  }
}

TEST_F(CryptoPartTest, a_commit_costs_no_signature) {
  CryptoPart part = make();
  ask_to_sign(commit(1));
  part.poll({});
  SignedOutbound out;
  ASSERT_TRUE(queues_.signed_out->pop_one(out));
  EXPECT_EQ(part.signatures_made(), 0U);
  EXPECT_TRUE(equal(send_slab_.bytes(out.outbound.slot), commit(1)));
}

}  // namespace
}  // namespace garrison::server
