#include "apps/server/client_part.h"

#include <gtest/gtest.h>

#include <array>

#include "control/client/session.h"
#include "tests/support/site_keys.h"
#include "tests/unit/server/plain_queues.h"

namespace garrison::server {
namespace {

using Intake = ClientPart::Intake;
constexpr std::array<std::uint8_t, 16> kNonce = {1, 2, 3};
constexpr SessionId kSession = 7;
constexpr ClientId kClient(1);
constexpr std::string_view kQuestion = "what?";

class ClientPartTest : public ::testing::Test {
 protected:
  ClientPartTest() {
    const Bytes challenge = part_.open(kSession, kNonce);
    EXPECT_EQ(message::decode<message::ClientChallenge>(challenge)->nonce, kNonce);
  }

  crypto::HmacKey key(ClientId client) {
    const ByteView server_key = keys_.directory().find(keys_.server(ServerId(0)))->agreement;
    return crypto::HmacKey(client::session_secret(keys_.agreement_secret(keys_.client(client)), server_key,
                                                  keys_.system(), client, keys_.site(), ServerId(0))
                               .value()
                               .view());
  }
  Bytes hello(ClientId client, const std::array<std::uint8_t, 16>& nonce) {
    Bytes bytes = message::encode(keys_.envelope(client), message::ClientHello{nonce, Incarnation(1)});
    const crypto::Tag tag = key(client).tag(bytes);
    bytes.insert(bytes.end(), tag.begin(), tag.end());
    return bytes;
  }
  Bytes query(ClientId client, std::uint64_t number) {
    Bytes bytes = message::encode(keys_.envelope(client),
                                  message::ClientQuery{client, Incarnation(1), number, 0, 0, 0, as_bytes(kQuestion)});
    const crypto::Tag tag = key(client).tag(bytes);
    bytes.insert(bytes.end(), tag.begin(), tag.end());
    return bytes;
  }
  // Puts a reply for `client` on its way, as control does.
  void reply_to(ClientId client, std::uint8_t what) {
    const Bytes result = {what};
    const Bytes content =
        message::encode(keys_.envelope(ServerId(0)), message::ClientReply{.server = ServerId(0),
                                                                          .client = client,
                                                                          .incarnation = Incarnation(1),
                                                                          .sequence = SeqNum(1),
                                                                          .state_sequence = 1,
                                                                          .result = result});
    SlotRef slot = *reply_slab_.allocate(0, content.size() + 16);
    slot.length = static_cast<std::uint32_t>(content.size());
    std::copy(content.begin(), content.end(), reply_slab_.bytes(slot).begin());
    ASSERT_TRUE(queues_.replies->push_one({slot, client}));
  }
  // Replies as (session, bytes), each given back to control.
  std::vector<std::pair<SessionId, Bytes>> replies() {
    std::vector<std::pair<SessionId, Bytes>> sent;
    part_.poll([&](SessionId session, ByteView bytes) {
      sent.emplace_back(session, to_bytes(bytes));
      return true;
    });
    for (SlotRef slot; queues_.replies_sent->pop_one(slot);) reply_slab_.free(slot);
    return sent;
  }

  testing::SiteKeys keys_{4};
  Queues queues_ = testing::plain_queues(4);
  Slab reply_slab_{kReplyClasses, 1, ~std::size_t{0}};
  Slab answer_slab_{kAnswerClasses, 1, ~std::size_t{0}};
  ClientPart part_{{keys_.system(), keys_.site(), ServerId(0), keys_.epoch()},
                   keys_.agreement_secret(keys_.server(ServerId(0))),
                   keys_.directory(),
                   queues_,
                   reply_slab_,
                   answer_slab_};
};

TEST_F(ClientPartTest, a_client_that_answers_the_challenge_may_hand_in_its_operations) {
  EXPECT_EQ(part_.on_message(kSession, hello(kClient, kNonce)), Intake::taken);
  EXPECT_EQ(part_.on_message(kSession, keys_.client_op(kClient, SeqNum(1), {})), Intake::taken);
  EXPECT_EQ(queues_.client_ops->size(), 1U);
}

TEST_F(ClientPartTest, an_operation_before_hello_ends_the_session) {
  EXPECT_EQ(part_.on_message(kSession, keys_.client_op(kClient, SeqNum(1), {})), Intake::hostile);
  EXPECT_EQ(part_.drops().get(DropReason::client_not_authenticated), 1U);
  EXPECT_EQ(queues_.client_ops->size(), 0U);
}

TEST_F(ClientPartTest, a_hello_for_another_challenge_is_refused) {
  EXPECT_EQ(part_.on_message(kSession, hello(kClient, {9})), Intake::hostile);
  EXPECT_EQ(part_.drops().get(DropReason::message_bad_signature), 1U);
}

TEST_F(ClientPartTest, a_client_of_another_site_is_refused_by_name) {
  ClientPart among_two{{keys_.system(), keys_.site(), ServerId(0), keys_.epoch(), 2},
                       keys_.agreement_secret(keys_.server(ServerId(0))),
                       keys_.directory(),
                       queues_,
                       reply_slab_,
                       answer_slab_};
  (void)among_two.open(kSession, kNonce);
  EXPECT_EQ(among_two.on_message(kSession, hello(ClientId(1), kNonce)), Intake::hostile);
  EXPECT_EQ(among_two.drops().get(DropReason::client_of_another_site), 1U);
  EXPECT_EQ(among_two.on_message(kSession, keys_.client_op(ClientId(1), SeqNum(1), {})), Intake::hostile);
  EXPECT_EQ(queues_.client_ops->size(), 0U);
  EXPECT_EQ(among_two.on_message(kSession, hello(ClientId(2), kNonce)), Intake::taken);
}

TEST_F(ClientPartTest, a_hello_with_any_byte_changed_is_refused) {
  const Bytes good = hello(kClient, kNonce);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 1U;
    EXPECT_NE(part_.on_message(kSession, bad), Intake::taken) << "byte " << i;
  }
  EXPECT_EQ(part_.on_message(kSession, good), Intake::taken);
}

TEST_F(ClientPartTest, a_session_hands_in_its_own_client_s_operations_only) {
  ASSERT_EQ(part_.on_message(kSession, hello(kClient, kNonce)), Intake::taken);
  EXPECT_EQ(part_.on_message(kSession, keys_.client_op(ClientId(2), SeqNum(1), {})), Intake::hostile);
}

TEST_F(ClientPartTest, what_is_no_message_of_a_client_ends_the_session) {
  EXPECT_EQ(part_.on_message(kSession, Bytes{1, 2, 3}), Intake::hostile);
  EXPECT_EQ(part_.on_message(kSession, Bytes{}), Intake::hostile);
  const Bytes prepare = keys_.sign(ServerId(1), message::Prepare{View(0), SeqNum(1), {}});
  EXPECT_EQ(part_.on_message(kSession, prepare), Intake::hostile);
  EXPECT_EQ(part_.drops().get(DropReason::message_wrong_direction), 1U);
}

TEST_F(ClientPartTest, a_full_server_asks_to_come_again_and_loses_nothing) {
  ASSERT_EQ(part_.on_message(kSession, hello(kClient, kNonce)), Intake::taken);
  std::size_t taken = 0;
  Intake last = Intake::taken;
  for (std::uint64_t s = 1; s <= kClientSlots && last == Intake::taken; ++s) {
    last = part_.on_message(kSession, keys_.client_op(kClient, SeqNum(s), {}));
    taken += last == Intake::taken ? 1 : 0;
  }
  EXPECT_EQ(last, Intake::busy);
  EXPECT_EQ(queues_.client_ops->size(), taken);
  // A slot that comes back makes room for one more.
  ClientInbound first;
  ASSERT_TRUE(queues_.client_ops->pop_one(first));
  ASSERT_TRUE(queues_.client_consumed->push_one(first.slot));
  (void)replies();
  EXPECT_EQ(part_.on_message(kSession, keys_.client_op(kClient, SeqNum(taken + 1), {})), Intake::taken);
}

TEST_F(ClientPartTest, a_query_is_taken_under_its_client_s_mac) {
  ASSERT_EQ(part_.on_message(kSession, hello(kClient, kNonce)), Intake::taken);
  EXPECT_EQ(part_.on_message(kSession, query(kClient, 1)), Intake::taken);
  QueryInbound taken;
  ASSERT_TRUE(queues_.queries->pop_one(taken));
  EXPECT_EQ(taken.client, kClient);
  EXPECT_EQ(message::decode<message::ClientQuery>(taken.message)->number, 1U);
  EXPECT_EQ(part_.slab().slots_in_use(), 0U) << "operations keep their room";
}

TEST_F(ClientPartTest, a_query_with_any_byte_changed_is_not_taken) {
  ASSERT_EQ(part_.on_message(kSession, hello(kClient, kNonce)), Intake::taken);
  const Bytes good = query(kClient, 1);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 1U;
    EXPECT_NE(part_.on_message(kSession, bad), Intake::taken) << "byte " << i;
  }
  EXPECT_NE(part_.on_message(kSession, ByteView(good).first(good.size() - 1)), Intake::taken);
  EXPECT_EQ(queues_.queries->size(), 0U);
}

TEST_F(ClientPartTest, queries_before_hello_and_of_other_clients_end_the_session) {
  EXPECT_EQ(part_.on_message(kSession, query(kClient, 1)), Intake::hostile);
  ASSERT_EQ(part_.on_message(kSession, hello(kClient, kNonce)), Intake::taken);
  EXPECT_EQ(part_.on_message(kSession, query(ClientId(2), 1)), Intake::hostile);
  EXPECT_EQ(part_.drops().get(DropReason::client_not_authenticated), 2U);
  EXPECT_EQ(queues_.queries->size(), 0U);
}

TEST_F(ClientPartTest, one_client_s_queries_leave_room_for_its_operations_and_for_others) {
  ASSERT_EQ(part_.on_message(kSession, hello(kClient, kNonce)), Intake::taken);
  (void)part_.open(8, kNonce);
  ASSERT_EQ(part_.on_message(8, hello(ClientId(2), kNonce)), Intake::taken);
  for (std::uint64_t number = 1; number <= kQueriesPerClient; ++number) {
    ASSERT_EQ(part_.on_message(kSession, query(kClient, number)), Intake::taken);
  }
  EXPECT_EQ(part_.on_message(kSession, query(kClient, 9999)), Intake::refused);
  EXPECT_EQ(part_.drops().get(DropReason::query_over_quota), 1U);
  EXPECT_EQ(part_.on_message(kSession, keys_.client_op(kClient, SeqNum(1), {})), Intake::taken);
  EXPECT_EQ(part_.on_message(8, query(ClientId(2), 1)), Intake::taken);
  // One that is done makes room for another.
  QueryInbound first;
  ASSERT_TRUE(queues_.queries->pop_one(first));
  ASSERT_TRUE(queues_.queries_done->push_one({first.slot, first.client}));
  (void)replies();
  EXPECT_EQ(part_.on_message(kSession, query(kClient, 9999)), Intake::taken);
  EXPECT_EQ(part_.on_message(kSession, query(kClient, 10000)), Intake::refused);
}

TEST_F(ClientPartTest, answers_to_queries_go_out_under_the_client_s_mac) {
  ASSERT_EQ(part_.on_message(kSession, hello(kClient, kNonce)), Intake::taken);
  const Bytes content = message::encode(keys_.envelope(ServerId(0)),
                                        message::QueryReply{ServerId(0), kClient, Incarnation(1), 1, 0, 7, {}});
  SlotRef slot = *answer_slab_.allocate(0, content.size() + 16);
  slot.length = static_cast<std::uint32_t>(content.size());
  std::copy(content.begin(), content.end(), answer_slab_.bytes(slot).begin());
  ASSERT_TRUE(queues_.answers->push_one({slot, kClient}));
  const auto sent = replies();
  ASSERT_EQ(sent.size(), 1U);
  const ByteView bytes = sent[0].second;
  EXPECT_TRUE(equal(bytes.first(content.size()), content));
  EXPECT_TRUE(key(kClient).verify(content, bytes.last(16)));
  EXPECT_EQ(queues_.answers_sent->size(), 1U);
}

TEST_F(ClientPartTest, replies_go_to_the_client_s_last_session_under_its_mac) {
  ASSERT_EQ(part_.on_message(kSession, hello(kClient, kNonce)), Intake::taken);
  (void)part_.open(8, kNonce);
  ASSERT_EQ(part_.on_message(8, hello(kClient, kNonce)), Intake::taken);
  reply_to(kClient, 0x42);
  const auto sent = replies();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].first, 8U);
  const ByteView bytes = sent[0].second;
  EXPECT_TRUE(key(kClient).verify(bytes.first(bytes.size() - 16), bytes.last(16)));
  EXPECT_FALSE(key(ClientId(2)).verify(bytes.first(bytes.size() - 16), bytes.last(16)));
  EXPECT_EQ(reply_slab_.slots_in_use(), 0U);
}

TEST_F(ClientPartTest, a_reply_for_nobody_is_given_back) {
  reply_to(kClient, 1);
  EXPECT_TRUE(replies().empty());
  ASSERT_EQ(part_.on_message(kSession, hello(kClient, kNonce)), Intake::taken);
  part_.close(kSession);
  reply_to(kClient, 1);
  EXPECT_TRUE(replies().empty());
  EXPECT_EQ(reply_slab_.slots_in_use(), 0U);
}

}  // namespace
}  // namespace garrison::server
