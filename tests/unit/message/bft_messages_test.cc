// What decoders and Validator refuse of BFT's messages.
#include <gtest/gtest.h>

#include "control/message/validate.h"
#include "tests/support/signed_messages.h"
#include "tests/unit/message/altered_content.h"
#include "tests/unit/message/outcome.h"

namespace garrison::message {
namespace {

using garrison::testing::signed_votes;
using garrison::testing::SiteKeys;
using garrison::testing::views;

constexpr ServerId kA1{0};
constexpr ServerId kA2{1};
constexpr ServerId kA3{2};
constexpr std::size_t kServers = 4;

TEST(BftCodecTest, counts_beyond_their_bounds_and_reserved_bytes_are_refused) {
  const auto refuses = []<typename Message>(const Message& message, std::size_t offset, auto value) {
    const Bytes good = encode(kByServer, message);
    ASSERT_TRUE(decode<Message>(good).has_value());
    EXPECT_FALSE(decode<Message>(with(good, kBody + offset, value)).has_value()) << name(Message::kType) << offset;
  };
  const std::uint8_t set = 1;
  for (const std::uint16_t count : {std::uint16_t{0}, static_cast<std::uint16_t>(kMaxUpdatesPerBatch + 1)}) {
    refuses(BftPrePrepare{{}, {}, {{}}}, 16, count);
    refuses(BftUpdates{{}, {as_bytes(std::string_view("a"))}}, 8, count);
  }
  refuses(BftBatch{SeqNum(1), true, {}}, 10, std::uint8_t{2});
  refuses(BftBatch{SeqNum(1), true, {}}, 15, set);
  refuses(BftBatch{SeqNum(1), true, {}}, 8, static_cast<std::uint16_t>(kMaxUpdatesPerBatch + 1));
  refuses(BftStatus{}, 32, set);
  refuses(BftViewChange{}, 22, set);
  refuses(BftViewChange{}, 16, static_cast<std::uint16_t>(kMaxServersPerSite + 1));
  refuses(BftViewChange{}, 18, static_cast<std::uint16_t>(kMaxBftWindow + 1));
  refuses(BftViewChange{}, 20, static_cast<std::uint16_t>(kMaxBftWindow + 1));
  refuses(BftNewView{}, 20, set);
  refuses(BftNewView{{}, {}, {{}}, {}}, 24, std::uint16_t{kMaxServersPerSite});
  refuses(BftNewView{{}, {}, {{}}, {}}, 26, set);
}

TEST(BftCodecTest, a_checkpoint_longer_than_a_vote_is_refused) {
  const Bytes longest(kMaxVoteBytes);
  BftViewChange change;
  change.checkpoints = {longest};
  Bytes body = body_of(encode(kByServer, change));
  body.push_back(0);
  store_le<std::uint32_t>(body.data() + 24, kMaxVoteBytes + 1);
  EXPECT_FALSE(decode<BftViewChange>(with_body(encode(kByServer, change), body)).has_value());
}

class BftValidatorTest : public ::testing::Test {
 protected:
  Validation from_server(ByteView bytes) { return keys_.validator().server_message(kA1, bytes); }

  SiteKeys keys_{kServers};
};

TEST_F(BftValidatorTest, what_the_topology_configures_is_what_a_message_must_carry) {
  const Bytes bare = encode(keys_.envelope(kA2), BftCommit{View(1), SeqNum(1), {}});
  const Bytes with_block = keys_.sign_batch(keys_.server(kA2), std::array{bare}).front();
  EXPECT_ACCEPTED(keys_.validator().server_message(kA2, with_block));
  EXPECT_ACCEPTED(from_server(with_block));  // a signature convinces whoever hands it on
  EXPECT_REFUSED(keys_.validator().server_message(kA2, bare), message_malformed);

  Validator macs(keys_.system(), keys_.site(), kServers, keys_.directory(), Authentication::channel);
  EXPECT_ACCEPTED(macs.server_message(kA2, bare));
  EXPECT_REFUSED(macs.server_message(kA1, bare), message_not_first_hand);
  EXPECT_REFUSED(macs.server_message(kA2, with_block), message_malformed);
  EXPECT_FALSE(std::get<VerifiedMessage>(macs.server_message(kA2, bare)).is_signed());
  EXPECT_TRUE(std::get<VerifiedMessage>(from_server(with_block)).is_signed());
  // What third parties must be able to check is signed either way.
  EXPECT_ACCEPTED(macs.server_message(kA1, keys_.sign(kA2, BftCheckpoint{SeqNum(1), {}})));
}

TEST_F(BftValidatorTest, the_checkpoints_of_a_view_change_are_validly_signed) {
  const std::vector<Bytes> good = signed_votes(keys_, BftCheckpoint{SeqNum(128), {}});
  const auto change = [&](const std::vector<Bytes>& checkpoints) {
    return from_server(keys_.sign(kA1, BftViewChange{View(1), SeqNum(128), views(checkpoints), {}, {}}));
  };
  EXPECT_ACCEPTED(change(good));
  EXPECT_ACCEPTED(change({}));
  EXPECT_REFUSED(change({good[0], keys_.sign(kA2, BftPrepare{})}), message_bad_vote);
  EXPECT_REFUSED(change({Bytes{}}), message_bad_vote);
  Bytes forged = good[1];
  forged.back() ^= 1U;
  EXPECT_REFUSED(change({good[0], forged}), message_bad_vote);
  SiteKeys elsewhere(kServers, 1, crypto::Scheme::modelled, SiteId(1), keys_.system());
  EXPECT_REFUSED(change({elsewhere.sign(kA1, BftCheckpoint{SeqNum(128), {}})}), message_bad_vote);
  const Bytes whole = keys_.sign(kA1, BftViewChange{View(1), SeqNum(128), views(good), {}, {}});
  EXPECT_EQ(Validator::cost(whole), kMaxServersPerSite);
  const auto verified = keys_.verified(whole);
  const VerifiedMessage part = inner_message(verified->get(), verified->get().as<BftViewChange>().checkpoints[2]);
  EXPECT_EQ(part.server(), kA3);
  EXPECT_EQ(part.as<BftCheckpoint>().sequence, SeqNum(128));
}

TEST_F(BftValidatorTest, updates_that_a_server_hands_on_are_validly_signed_by_their_clients) {
  const Bytes first = keys_.client_op(ClientId(0), SeqNum(1), {});
  Bytes forged = keys_.client_op(ClientId(1), SeqNum(1), {});
  const auto updates = [&](const std::vector<Bytes>& ops) {
    return from_server(encode(keys_.envelope(kA1), BftUpdates{SeqNum(0), views(ops)}));
  };
  EXPECT_ACCEPTED(updates({first, forged}));
  const Bytes two = encode(keys_.envelope(kA1), BftUpdates{SeqNum(0), {ByteView(first), ByteView(forged)}});
  EXPECT_EQ(Validator::cost(two), 2U);
  const auto verified = keys_.verified(two);
  const auto inside = verified->get().as<BftUpdates>().updates;
  EXPECT_EQ(update_message(verified->get(), inside[1]).signer(), keys_.client(ClientId(1)));
  forged.back() ^= 1U;
  EXPECT_REFUSED(updates({first, forged}), message_bad_update);
}

TEST_F(BftValidatorTest, a_new_view_rests_on_servers_of_its_site) {
  const auto new_view = [&](std::uint16_t server) {
    return from_server(keys_.sign(kA1, BftNewView{View(1), SeqNum(0), {{ServerId(server), {}}}, {}}));
  };
  EXPECT_ACCEPTED(new_view(kServers - 1));
  EXPECT_REFUSED(new_view(kServers), message_malformed);
}

}  // namespace
}  // namespace garrison::message
