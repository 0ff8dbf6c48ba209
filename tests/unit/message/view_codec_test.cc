// What the layouts of Suspect-Leader, leader election and view change refuse, beyond what all layouts refuse.
#include <gtest/gtest.h>

#include "tests/unit/message/altered_content.h"

namespace garrison::message {
namespace {

constexpr ServerSet kIds = ServerSet::from_bits(0x8005);

ByteView text(std::string_view characters) { return as_bytes(characters); }

const PcSet kReplayCertificate{View(5), 1, {}, {text("vote")}, View(4), kIds, SeqNum(9), {Digest{1}, Digest{2}}};
const PcSet kPrepareCertificate{View(5), 1, text("pre-prepare"), {text("vote")}, {}, {}, {}, {}};

// Where fields stand in the body of a PC-SET.
constexpr std::size_t kPcSetIds = kBody + 12;
constexpr std::size_t kPcSetReplayView = kBody + 16;
constexpr std::size_t kPcSetStartSeq = kBody + 24;
constexpr std::size_t kPcSetVotes = kBody + 32;
constexpr std::size_t kPcSetWindow = kBody + 34;
constexpr std::size_t kPcSetPrePrepareLength = kBody + 36;

template <typename Message>
void expect_reserved(const Message& message, std::size_t first, std::size_t count) {
  const Bytes good = encode(kByServer, message);
  ASSERT_TRUE(decode<Message>(good).has_value()) << name(Message::kType);
  for (std::size_t i = first; i < first + count; ++i) {
    EXPECT_FALSE(decode<Message>(with<std::uint8_t>(good, i, 1)).has_value()) << name(Message::kType) << " at " << i;
  }
}

// The count of `Count` bytes at `offset` says 1.
template <typename Count, typename Message>
void expect_counted(const Message& message, std::size_t offset, Count too_many) {
  const Bytes good = encode(kByServer, message);
  ASSERT_TRUE(decode<Message>(good).has_value()) << name(Message::kType);
  for (const Count count : {Count{0}, Count{2}, too_many, static_cast<Count>(~Count{0})}) {
    EXPECT_FALSE(decode<Message>(with<Count>(good, offset, count)).has_value()) << name(Message::kType) << " " << count;
  }
}

// A message that holds `count` of something and says so: a body that is right but for the bound.
template <typename Count, typename Message>
Bytes repeated(const Message& one, std::size_t count_offset, std::size_t fixed_bytes, std::size_t count) {
  const Bytes good = encode(kByServer, one);
  const Bytes body = body_of(with<Count>(good, count_offset, static_cast<Count>(count)));
  Bytes longer(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(fixed_bytes));
  for (std::size_t i = 0; i < count; ++i) {
    longer.insert(longer.end(), body.begin() + static_cast<std::ptrdiff_t>(fixed_bytes), body.end());
  }
  return with_body(good, longer);
}

TEST(ViewCodecTest, counts_of_zero_beyond_the_body_or_beyond_the_bound_are_refused) {
  constexpr std::uint16_t kTooManyVotes = kMaxServersPerSite + 1;
  expect_counted<std::uint16_t>(NewLeaderProof{View(1), {text("vote")}}, kBody + 8, kTooManyVotes);
  expect_counted<std::uint16_t>(kReplayCertificate, kPcSetVotes, kTooManyVotes);
  expect_counted<std::uint16_t>(kPrepareCertificate, kPcSetVotes, kTooManyVotes);
  expect_counted<std::uint32_t>(VcProof{View(1), kIds, SeqNum(2), {text("vote")}}, kBody + 12, kTooManyVotes);
  expect_counted<std::uint32_t>(Replay{View(1), kIds, SeqNum(2), {text("vote")}}, kBody + 12, kTooManyVotes);
  expect_counted<std::uint16_t>(VcEcho{View(1), {{}}}, kBody + 8, kMaxBroadcastEntries + 1);
  expect_counted<std::uint16_t>(VcReady{View(1), {{}}}, kBody + 8, kMaxBroadcastEntries + 1);
  expect_counted<std::uint16_t>(Ordered{{{}}}, kBody, kMaxOrderedEntries + 1);
}

TEST(ViewCodecTest, a_body_that_holds_what_its_count_says_is_refused_beyond_the_bound_only) {
  const auto bounded = []<typename Count, typename Message>(Count /*type*/, const Message& one, std::size_t offset,
                                                            std::size_t fixed, std::size_t most) {
    EXPECT_TRUE(decode<Message>(repeated<Count>(one, offset, fixed, most)).has_value()) << name(Message::kType);
    EXPECT_FALSE(decode<Message>(repeated<Count>(one, offset, fixed, most + 1)).has_value()) << name(Message::kType);
  };
  const std::vector<ByteView> vote = {text("vote")};
  bounded(std::uint16_t{}, NewLeaderProof{View(1), vote}, kBody + 8, 16, kMaxServersPerSite);
  bounded(std::uint16_t{}, kPrepareCertificate, kPcSetVotes, 40 + kPrepareCertificate.pre_prepare.size(),
          kMaxServersPerSite);
  bounded(std::uint32_t{}, VcProof{View(1), kIds, SeqNum(2), vote}, kBody + 12, 32, kMaxServersPerSite);
  bounded(std::uint32_t{}, Replay{View(1), kIds, SeqNum(2), vote}, kBody + 12, 32, kMaxServersPerSite);
  bounded(std::uint16_t{}, VcEcho{View(1), {{}}}, kBody + 8, 16, kMaxBroadcastEntries);
  bounded(std::uint16_t{}, VcReady{View(1), {{}}}, kBody + 8, 16, kMaxBroadcastEntries);
  bounded(std::uint16_t{}, Ordered{{{}}}, kBody, 8, kMaxOrderedEntries);
}

TEST(ViewCodecTest, the_largest_messages_reach_the_bounds_of_the_catalogue) {
  const Bytes vote(kMaxVoteBytes);
  const std::vector<ByteView> votes(kMaxServersPerSite, ByteView(vote));
  const Bytes pre_prepare(kMaxPrePrepareBytes);
  const auto body_bytes = []<typename Message>(const Message& largest) {
    const Bytes encoded = encode(kByServer, largest);
    EXPECT_TRUE(decode<Message>(encoded).has_value()) << name(Message::kType);
    return encoded.size() - kEnvelopeBytes;
  };
  const auto bound = [](MessageType type) { return find_row(type)->max_body_bytes; };
  EXPECT_EQ(body_bytes(NewLeaderProof{{}, votes}), bound(MessageType::NewLeaderProof));
  EXPECT_EQ(body_bytes(VcProof{{}, kIds, {}, votes}), bound(MessageType::VcProof));
  EXPECT_EQ(body_bytes(Replay{{}, kIds, {}, votes}), bound(MessageType::Replay));
  EXPECT_EQ(body_bytes(VcEcho{{}, std::vector<BroadcastEntry>(kMaxBroadcastEntries)}), bound(MessageType::VcEcho));
  EXPECT_EQ(body_bytes(VcReady{{}, std::vector<BroadcastEntry>(kMaxBroadcastEntries)}), bound(MessageType::VcReady));
  EXPECT_EQ(body_bytes(Ordered{std::vector<Ordered::Entry>(kMaxOrderedEntries)}), bound(MessageType::Ordered));
  // No certificate has both parts.
  const std::size_t prepare = body_bytes(PcSet{{}, 1, pre_prepare, votes, {}, {}, {}, {}});
  const std::size_t replay = body_bytes(PcSet{{}, 1, {}, votes, {}, kIds, {}, std::vector<Digest>(kMaxReplayWindow)});
  EXPECT_EQ(prepare + kMaxReplayWindow * sizeof(Digest), bound(MessageType::PcSet));
  EXPECT_EQ(replay + kMaxPrePrepareBytes, bound(MessageType::PcSet));
}

TEST(ViewCodecTest, reserved_bytes_are_zero) {
  expect_reserved(NewLeaderProof{View(1), {text("vote")}}, kBody + 10, 6);
  expect_reserved(Report{View(1), SeqNum(2), 3}, kBody + 20, 4);
  expect_reserved(VcEcho{View(1), {{ServerId(1), 2, {}}}}, kBody + 10, 6);
  expect_reserved(VcEcho{View(1), {{ServerId(1), 2, {}}}}, kBody + 18, 2);
  expect_reserved(VcReady{View(1), {{ServerId(1), 2, {}}}}, kBody + 18, 2);
  expect_reserved(VcList{View(1), kIds}, kBody + 12, 4);
  expect_reserved(VcPartialSig{View(1), kIds, SeqNum(2)}, kBody + 12, 4);
  expect_reserved(VcProof{View(1), kIds, SeqNum(2), {text("vote")}}, kBody + 24, 8);
  expect_reserved(Replay{View(1), kIds, SeqNum(2), {text("vote")}}, kBody + 24, 8);
  expect_reserved(Ordered{{{SeqNum(1), {}}}}, kBody + 2, 6);
}

TEST(ViewCodecTest, a_set_holds_servers_that_a_site_can_have) {
  const auto refuses = []<typename Message>(const Message& message, std::size_t offset) {
    const Bytes good = encode(kByServer, message);
    EXPECT_EQ(decode<Message>(with<std::uint32_t>(good, offset, 0xffff))->ids, ServerSet::all(kMaxServersPerSite));
    for (std::uint32_t bit = kMaxServersPerSite; bit < 32; ++bit) {
      const Bytes beyond = with<std::uint32_t>(good, offset, kIds.bits() | (std::uint32_t{1} << bit));
      EXPECT_FALSE(decode<Message>(beyond).has_value()) << name(Message::kType) << " " << bit;
    }
  };
  refuses(VcList{View(1), kIds}, kBody + 8);
  refuses(VcPartialSig{View(1), kIds, SeqNum(2)}, kBody + 8);
  refuses(VcProof{View(1), kIds, SeqNum(2), {text("vote")}}, kBody + 8);
  refuses(Replay{View(1), kIds, SeqNum(2), {text("vote")}}, kBody + 8);
  refuses(kReplayCertificate, kPcSetIds);
}

TEST(ViewCodecTest, a_broadcasts_origin_is_a_server_of_a_site) {
  const auto refuses = []<typename Message>(const Message& message) {
    const Bytes good = encode(kByServer, message);
    EXPECT_EQ(decode<Message>(good)->entries[0].origin, ServerId(15));
    EXPECT_FALSE(decode<Message>(with<std::uint16_t>(good, kBody + 16, 16)).has_value()) << name(Message::kType);
    EXPECT_FALSE(decode<Message>(with<std::uint16_t>(good, kBody + 16, 0x010f)).has_value()) << name(Message::kType);
  };
  refuses(VcEcho{View(1), {{ServerId(15), 2, {}}}});
  refuses(VcReady{View(1), {{ServerId(15), 2, {}}}});
}

TEST(ViewCodecTest, a_duration_beyond_the_longest_measured_is_refused) {
  const auto refuses = []<typename Message>(const Message& message, Duration Message::*duration) {
    const Bytes good = encode(kByServer, message);
    const auto longest = static_cast<std::uint64_t>(kLongestMeasured.ns());
    EXPECT_EQ((*decode<Message>(good)).*duration, kLongestMeasured) << name(Message::kType);
    for (const std::uint64_t beyond : {longest + 1, std::uint64_t{1} << 63U, ~std::uint64_t{0}}) {
      EXPECT_FALSE(decode<Message>(with<std::uint64_t>(good, kBody + 8, beyond)).has_value()) << name(Message::kType);
    }
    Message negative = message;
    negative.*duration = Duration(-1);
    EXPECT_DEATH(static_cast<void>(encode(kByServer, negative)), "kLongestMeasured");
  };
  refuses(RttMeasure{View(1), kLongestMeasured}, &RttMeasure::rtt);
  refuses(TatUb{View(1), kLongestMeasured}, &TatUb::tat_ub);
  refuses(TatMeasure{View(1), kLongestMeasured}, &TatMeasure::max_tat);
}

TEST(ViewCodecTest, a_vote_longer_than_its_bound_is_refused) {
  const Bytes vote(kMaxVoteBytes);
  const Bytes good = encode(kByServer, NewLeaderProof{View(1), {ByteView(vote)}});
  ASSERT_TRUE(decode<NewLeaderProof>(good).has_value());
  Bytes body = body_of(good);
  body.push_back(0);
  store_le<std::uint32_t>(body.data() + 16, kMaxVoteBytes + 1);
  EXPECT_FALSE(decode<NewLeaderProof>(with_body(good, body)).has_value());
}

TEST(ViewCodecTest, a_pre_prepare_longer_than_its_bound_is_refused) {
  const Bytes pre_prepare(kMaxPrePrepareBytes);
  const Bytes good = encode(kByServer, PcSet{View(5), 1, pre_prepare, {text("vote")}, {}, {}, {}, {}});
  ASSERT_TRUE(decode<PcSet>(good).has_value());
  Bytes body = body_of(with<std::uint32_t>(good, kPcSetPrePrepareLength, kMaxPrePrepareBytes + 1));
  body.insert(body.begin() + 40, 0);
  EXPECT_FALSE(decode<PcSet>(with_body(good, body)).has_value());
}

TEST(ViewCodecTest, a_window_beyond_its_bound_is_refused) {
  PcSet certificate = kReplayCertificate;
  certificate.window.resize(kMaxReplayWindow);
  const Bytes good = encode(kByServer, certificate);
  ASSERT_TRUE(decode<PcSet>(good).has_value());
  Bytes body = body_of(with<std::uint16_t>(good, kPcSetWindow, kMaxReplayWindow + 1));
  body.resize(body.size() + sizeof(Digest));
  EXPECT_FALSE(decode<PcSet>(with_body(good, body)).has_value());
  EXPECT_FALSE(decode<PcSet>(with<std::uint16_t>(good, kPcSetWindow, kMaxReplayWindow - 1)).has_value());
}

TEST(ViewCodecTest, a_prepare_certificate_has_nothing_of_a_replay_certificate) {
  const Bytes good = encode(kByServer, kPrepareCertificate);
  ASSERT_TRUE(decode<PcSet>(good).has_value());
  EXPECT_FALSE(decode<PcSet>(with<std::uint32_t>(good, kPcSetIds, 1)).has_value());
  EXPECT_FALSE(decode<PcSet>(with<std::uint64_t>(good, kPcSetReplayView, 1)).has_value());
  EXPECT_FALSE(decode<PcSet>(with<std::uint64_t>(good, kPcSetStartSeq, 1)).has_value());
  Bytes body = body_of(with<std::uint16_t>(good, kPcSetWindow, 1));
  body.resize(body.size() + sizeof(Digest));
  EXPECT_FALSE(decode<PcSet>(with_body(good, body)).has_value());
}

TEST(ViewCodecTest, a_replay_certificate_may_bind_no_sequence_number) {
  PcSet certificate = kReplayCertificate;
  certificate.window.clear();
  EXPECT_TRUE(decode<PcSet>(encode(kByServer, certificate)).has_value());
}

TEST(ViewCodecTest, replay_digests_tell_apart_everything_that_a_replay_binds) {
  const std::vector<Digest> window = {Digest{1}, Digest{2}};
  const std::vector<Digest> digests = {replay_digest(View(1), kIds, SeqNum(3), window),
                                       replay_digest(View(2), kIds, SeqNum(3), window),
                                       replay_digest(View(1), ServerSet::all(3), SeqNum(3), window),
                                       replay_digest(View(1), kIds, SeqNum(4), window),
                                       replay_digest(View(1), kIds, SeqNum(3), {window[1], window[0]}),
                                       replay_digest(View(1), kIds, SeqNum(3), {window[0]}),
                                       replay_digest(View(1), kIds, SeqNum(3), {window[0], window[1], Digest{}})};
  for (std::size_t i = 0; i < digests.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(digests[i], digests[j]) << i << " and " << j;
  }
  EXPECT_EQ(replay_digest(View(1), kIds, SeqNum(3), window), digests[0]);
}

}  // namespace
}  // namespace garrison::message
