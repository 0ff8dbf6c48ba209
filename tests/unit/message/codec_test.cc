#include <gtest/gtest.h>

#include <type_traits>

#include "tests/unit/message/altered_content.h"
#include "tests/unit/message/random_messages.h"

namespace garrison::message {
namespace {

// Calls visit.operator()<Message>() for every message of the catalogue.
template <typename Visit>
void for_each_message(Visit&& visit) {
#define GARRISON_VISIT(Name, paper, protocol, number, auth, traffic, direction, bound) \
  visit.template operator()<Name>();
  GARRISON_MESSAGES(GARRISON_VISIT)
#undef GARRISON_VISIT
}

// The last field takes whatever the body has left.
template <typename Message>
constexpr bool kOpenEnded =
    std::is_same_v<Message, ClientOp> || std::is_same_v<Message, ClientReply> || std::is_same_v<Message, ClientQuery> ||
    std::is_same_v<Message, QueryReply> || std::is_same_v<Message, Recon> || std::is_same_v<Message, CorruptionProof> ||
    std::is_same_v<Message, Checkpoint> || std::is_same_v<Message, StateChunk> || std::is_same_v<Message, LinkPart> ||
    std::is_same_v<Message, SigComplete> || std::is_same_v<Message, LinkInquiryResponse> ||
    std::is_same_v<Message, LinkBundle>;

struct Encoded {
  Envelope envelope;
  Bytes content;
};

template <typename Message>
Encoded random_message(RandomMessages& random) {
  const Envelope envelope = random.envelope(Message::kType);
  Message message;
  random.fill(envelope, message);
  return {envelope, encode(envelope, message)};
}

DropReason refusal(ByteView bytes) {
  const auto read = read_envelope(bytes);
  return std::holds_alternative<DropReason>(read) ? std::get<DropReason>(read) : DropReason::count_;
}

TEST(CodecTest, every_message_survives_a_round_trip) {
  RandomMessages random(1);
  for_each_message([&]<typename Message>() {
    for (int round = 0; round < 50; ++round) {
      const Encoded encoded = random_message<Message>(random);
      const std::optional<DecodedEnvelope> head = decode_envelope(encoded.content);
      ASSERT_TRUE(head.has_value()) << name(Message::kType);
      EXPECT_EQ(head->type, Message::kType);
      EXPECT_EQ(head->content_bytes, encoded.content.size());
      EXPECT_EQ(head->envelope.system, encoded.envelope.system);
      EXPECT_EQ(head->envelope.signer, encoded.envelope.signer);
      EXPECT_EQ(head->envelope.epoch, encoded.envelope.epoch);
      const std::optional<Message> decoded = decode<Message>(encoded.content);
      ASSERT_TRUE(decoded.has_value()) << name(Message::kType);
      EXPECT_EQ(encode(head->envelope, *decoded), encoded.content) << name(Message::kType);
    }
  });
}

TEST(CodecTest, what_follows_the_content_is_not_looked_at) {
  RandomMessages random(2);
  for_each_message([&]<typename Message>() {
    Encoded encoded = random_message<Message>(random);
    const std::size_t content_bytes = encoded.content.size();
    encoded.content.resize(content_bytes + 72, 0xff);
    EXPECT_TRUE(decode<Message>(encoded.content).has_value()) << name(Message::kType);
    EXPECT_EQ(decode_envelope(encoded.content)->content_bytes, content_bytes);
  });
}

TEST(CodecTest, a_message_cut_short_anywhere_is_refused_as_truncated) {
  RandomMessages random(3);
  for_each_message([&]<typename Message>() {
    const Encoded encoded = random_message<Message>(random);
    for (std::size_t length = 0; length < encoded.content.size(); ++length) {
      const ByteView cut = ByteView(encoded.content).first(length);
      ASSERT_EQ(refusal(cut), DropReason::message_truncated) << name(Message::kType) << " at " << length;
      ASSERT_FALSE(decode<Message>(cut).has_value());
    }
  });
}

TEST(CodecTest, a_body_cut_short_under_an_honest_length_decodes_only_to_what_it_says) {
  RandomMessages random(4);
  for_each_message([&]<typename Message>() {
    const Encoded encoded = random_message<Message>(random);
    Bytes body = body_of(encoded.content);
    while (!body.empty()) {
      body.pop_back();
      const Bytes cut = with_body(encoded.content, body);
      const std::optional<Message> decoded = decode<Message>(cut);
      if constexpr (kOpenEnded<Message>) {
        if (decoded.has_value()) {
          ASSERT_EQ(encode(encoded.envelope, *decoded), cut);
          continue;
        }
      }
      ASSERT_FALSE(decoded.has_value()) << name(Message::kType) << " at " << body.size();
    }
  });
}

TEST(CodecTest, left_over_bytes_in_a_body_are_refused) {
  RandomMessages random(5);
  for_each_message([&]<typename Message>() {
    if (kOpenEnded<Message>) return;
    const Encoded encoded = random_message<Message>(random);
    Bytes body = body_of(encoded.content);
    body.push_back(0);
    EXPECT_FALSE(decode<Message>(with_body(encoded.content, body)).has_value()) << name(Message::kType);
  });
}

TEST(CodecTest, a_message_decodes_as_its_own_type_only) {
  RandomMessages random(6);
  for_each_message([&]<typename Sent>() {
    const Encoded encoded = random_message<Sent>(random);
    for_each_message([&]<typename Asked>() {
      EXPECT_EQ((decode<Asked>(encoded.content).has_value()), (std::is_same_v<Asked, Sent>))
          << name(Sent::kType) << " as " << name(Asked::kType);
    });
  });
}

TEST(CodecTest, an_envelope_is_refused_for_its_first_fault) {
  const Bytes good = encode(kByServer, Prepare{View(1), SeqNum(2), {}});
  EXPECT_EQ(refusal(good), DropReason::count_);
  EXPECT_EQ(refusal(with<std::uint8_t>(good, 0, 2)), DropReason::message_bad_version);
  EXPECT_EQ(refusal(with<std::uint8_t>(good, 1, 200)), DropReason::message_unknown_type);
  EXPECT_EQ(refusal(with<std::uint8_t>(good, 2, 200)), DropReason::message_unknown_type);
  EXPECT_EQ(refusal(with<std::uint8_t>(good, 3, 0)), DropReason::message_malformed);
  EXPECT_EQ(refusal(with<std::uint8_t>(good, 3, 2)), DropReason::message_malformed);
  EXPECT_EQ(refusal(with<std::uint8_t>(good, 3, 3)), DropReason::message_malformed);
  EXPECT_EQ(refusal(with<std::uint32_t>(good, 4, 49)), DropReason::message_oversized);
  EXPECT_EQ(refusal(with<std::uint32_t>(good, 4, 0xffffffff)), DropReason::message_oversized);
  EXPECT_EQ(refusal(with<std::uint32_t>(good, 16, kMaxServersPerSite)), DropReason::message_malformed);
  EXPECT_EQ(refusal(with<std::uint16_t>(good, 20, kMaxSites)), DropReason::message_malformed);
  for (const std::size_t reserved : {22U, 23U, 28U, 29U, 30U, 31U}) {
    EXPECT_EQ(refusal(with<std::uint8_t>(good, reserved, 1)), DropReason::message_malformed) << reserved;
  }
}

TEST(CodecTest, a_clients_envelope_names_no_site) {
  const Bytes good = encode(kByClient, ClientHello{});
  EXPECT_EQ(refusal(good), DropReason::count_);
  EXPECT_EQ(refusal(with<std::uint16_t>(good, 20, 1)), DropReason::message_malformed);
  EXPECT_EQ(refusal(with<std::uint8_t>(good, 3, 1)), DropReason::message_malformed);
}

TEST(CodecTest, only_a_message_that_nobody_vouches_for_may_leave_its_sender_unnamed) {
  Envelope unnamed = kByServer;
  unnamed.signer = {};
  EXPECT_TRUE(decode<ClientChallenge>(encode(unnamed, ClientChallenge{})).has_value());
  EXPECT_DEATH(static_cast<void>(encode(unnamed, Prepare{})), "signer_fits");
}

TEST(CodecTest, bodies_at_their_bounds_pass_and_beyond_them_do_not) {
  const Bytes longest(kMaxOperationBytes);
  const Bytes op = encode(kByClient, ClientOp{ClientId(9), {}, {}, longest});
  EXPECT_EQ(decode<ClientOp>(op)->operation.size(), kMaxOperationBytes);
  Bytes body = body_of(op);
  body.push_back(0);
  EXPECT_FALSE(decode<ClientOp>(with_body(op, body)).has_value());

  const Bytes widest_row(kMaxRowBytes);
  const MatrixRows rows(kMaxServersPerSite, ByteView(widest_row));
  EXPECT_EQ(encode(kByServer, SummaryMatrix{rows}).size(), kEnvelopeBytes + kMaxMatrixBytes);
  EXPECT_TRUE(decode<PrePrepare>(encode(kByServer, PrePrepare{{}, {}, rows})).has_value());
}

TEST(CodecTest, counts_of_zero_or_beyond_the_bound_are_refused) {
  const auto refuses = []<typename Message>(const Message& message, std::size_t offset, std::uint16_t too_many) {
    const Bytes good = encode(kByServer, message);
    ASSERT_TRUE(decode<Message>(good).has_value());
    EXPECT_FALSE(decode<Message>(with<std::uint16_t>(good, offset, 0)).has_value());
    EXPECT_FALSE(decode<Message>(with<std::uint16_t>(good, offset, too_many)).has_value());
    EXPECT_FALSE(decode<Message>(with<std::uint16_t>(good, offset, 0xffff)).has_value());
    EXPECT_FALSE(decode<Message>(with<std::uint8_t>(good, offset + 2, 1)).has_value()) << "reserved";
    Bytes none = body_of(with<std::uint16_t>(good, offset, 0));
    none.resize(offset + 8 - kBody);
    EXPECT_FALSE(decode<Message>(with_body(good, none)).has_value());
  };
  refuses(PoRequest{ServerId(2), SeqNum(1), {as_bytes(std::string_view("a"))}}, kBody + 8, kMaxUpdatesPerPoRequest + 1);
  refuses(PoAck{{{}}}, kBody, kMaxAcksPerPoAck + 1);
  refuses(PoSummary{{SeqNum(1)}}, kBody, kMaxServersPerSite + 1);
  refuses(SummaryMatrix{{ByteView()}}, kBody, kMaxServersPerSite + 1);
  refuses(PrePrepare{{}, {}, {ByteView()}}, kBody + 16, kMaxServersPerSite + 1);
  refuses(Inquiry{{ByteView()}}, kBody, kMaxInquiryParts + 1);
}

TEST(CodecTest, a_count_within_the_bound_but_beyond_the_body_is_refused) {
  // 17 rows of no bytes fit the body, but no site has 17 servers.
  Bytes rows(8 + 17 * 4);
  rows[0] = 17;
  const Bytes matrix = encode(kByServer, SummaryMatrix{{ByteView()}});
  EXPECT_FALSE(decode<SummaryMatrix>(with_body(matrix, rows)).has_value());
  rows.resize(8 + 16 * 4);
  rows[0] = 16;
  EXPECT_TRUE(decode<SummaryMatrix>(with_body(matrix, rows)).has_value());
}

TEST(CodecTest, an_acknowledged_introducer_is_a_server_of_a_site) {
  const Bytes good = encode(kByServer, PoAck{{{ServerId(15), SeqNum(1), {}}}});
  EXPECT_EQ(decode<PoAck>(good)->entries[0].introducer, ServerId(15));
  EXPECT_FALSE(decode<PoAck>(with<std::uint16_t>(good, kBody + 8, 16)).has_value());
  EXPECT_FALSE(decode<PoAck>(with<std::uint16_t>(good, kBody + 8, 0x010f)).has_value());
  EXPECT_FALSE(decode<PoAck>(with<std::uint8_t>(good, kBody + 8 + 7, 1)).has_value()) << "reserved";
}

TEST(CodecTest, reserved_bytes_of_a_reply_are_zero) {
  const Bytes good = encode(kByServer, ClientReply{ServerId(2), ClientId(1), {}, {}, 4, {}});
  EXPECT_TRUE(decode<ClientReply>(good).has_value());
  for (std::size_t i = 4; i < 8; ++i) {
    EXPECT_FALSE(decode<ClientReply>(with<std::uint8_t>(good, kBody + i, 1)).has_value()) << i;
  }
}

TEST(CodecTest, a_query_is_not_to_be_answered_before_what_its_client_has_seen) {
  const Bytes good = encode(kByClient, ClientQuery{ClientId(9), {}, 1, 0, 7, 8, {}});
  EXPECT_EQ(decode<ClientQuery>(good)->target, 8U);
  EXPECT_TRUE(decode<ClientQuery>(with<std::uint64_t>(good, kBody + 32, 7)).has_value());
  EXPECT_FALSE(decode<ClientQuery>(with<std::uint64_t>(good, kBody + 32, 6)).has_value());
  for (std::size_t i = 20; i < 24; ++i) {
    EXPECT_FALSE(decode<ClientQuery>(with<std::uint8_t>(good, kBody + i, 1)).has_value()) << i;
  }
}

TEST(CodecTest, a_query_and_its_answer_are_no_longer_than_an_operation_may_be) {
  const Bytes longest(kMaxOperationBytes);
  const Bytes query = encode(kByClient, ClientQuery{ClientId(9), {}, 1, 0, 0, 0, longest});
  EXPECT_EQ(decode<ClientQuery>(query)->operation.size(), kMaxOperationBytes);
  const Bytes answer = encode(kByServer, QueryReply{ServerId(2), ClientId(1), {}, 1, 0, 0, longest});
  EXPECT_EQ(decode<QueryReply>(answer)->result.size(), kMaxOperationBytes);
  for (const auto& [good, fixed] : {std::pair(query, 40U), std::pair(answer, 32U)}) {
    Bytes body(fixed + kMaxOperationBytes + 1);
    EXPECT_FALSE(decode<ClientQuery>(with_body(good, body)).has_value());
    EXPECT_FALSE(decode<QueryReply>(with_body(good, body)).has_value());
  }
}

TEST(CodecTest, a_part_names_a_server_and_a_length_that_exist) {
  const Bytes good = encode(kByServer, Recon{ServerId(15), SeqNum(1), {}, kEnvelopeBytes, {}, {}});
  EXPECT_EQ(decode<Recon>(good)->introducer, ServerId(15));
  EXPECT_FALSE(decode<Recon>(with<std::uint16_t>(good, kBody, 16)).has_value());
  EXPECT_FALSE(decode<Recon>(with<std::uint16_t>(good, kBody + 2, 1)).has_value()) << "a block that is not there";
  EXPECT_FALSE(decode<Recon>(with<std::uint32_t>(good, kBody + 4, kEnvelopeBytes - 1)).has_value());
  EXPECT_TRUE(decode<Recon>(with<std::uint32_t>(good, kBody + 4, kMaxPoRequestContent)).has_value());
  EXPECT_FALSE(decode<Recon>(with<std::uint32_t>(good, kBody + 4, kMaxPoRequestContent + 1)).has_value());
  const Bytes longest_block(kMaxBlockBytes + 1);
  Bytes body = body_of(encode(kByServer, Recon{ServerId(0), {}, {}, kEnvelopeBytes, {}, longest_block}));
  store_le<std::uint16_t>(body.data() + 2, kMaxBlockBytes);
  EXPECT_TRUE(decode<Recon>(with_body(good, body)).has_value());
  store_le<std::uint16_t>(body.data() + 2, kMaxBlockBytes + 1);
  EXPECT_FALSE(decode<Recon>(with_body(good, body)).has_value());
}

TEST(CodecTest, a_proof_whose_part_is_longer_than_itself_is_refused) {
  const Bytes good = encode(kByServer, CorruptionProof{{}, as_bytes(std::string_view("r"))});
  EXPECT_TRUE(decode<CorruptionProof>(with<std::uint32_t>(good, kBody, 1)).has_value());
  EXPECT_FALSE(decode<CorruptionProof>(with<std::uint32_t>(good, kBody, 2)).has_value());
  EXPECT_FALSE(decode<CorruptionProof>(with<std::uint8_t>(good, kBody + 4, 1)).has_value()) << "reserved";
}

TEST(CodecTest, a_row_longer_than_its_bound_is_refused) {
  const Bytes row(kMaxRowBytes);
  Bytes body = body_of(encode(kByServer, SummaryMatrix{{ByteView(row)}}));
  const Bytes matrix = encode(kByServer, SummaryMatrix{{ByteView()}});
  EXPECT_TRUE(decode<SummaryMatrix>(with_body(matrix, body)).has_value());
  body.push_back(0);
  store_le<std::uint32_t>(body.data() + 8, kMaxRowBytes + 1);
  EXPECT_FALSE(decode<SummaryMatrix>(with_body(matrix, body)).has_value());
}

TEST(CodecTest, what_the_signer_must_be_is_the_signer) {
  EXPECT_EQ(decode<ClientOp>(encode(kByClient, ClientOp{ClientId(9), {}, {}, {}}))->client, ClientId(9));
  EXPECT_EQ(decode<ClientReply>(encode(kByServer, ClientReply{ServerId(2), {}, {}, {}, 0, {}}))->server, ServerId(2));
  EXPECT_DEATH(static_cast<void>(encode(kByClient, ClientOp{ClientId(8), {}, {}, {}})), "CHECK|signer");
}

TEST(CodecTest, matrix_digests_tell_apart_matrices_with_the_same_bytes_in_other_rows) {
  const Bytes row = {1, 2, 3, 4};
  const ByteView whole(row);
  const std::vector<Digest> digests = {matrix_digest({whole, {}}), matrix_digest({{}, whole}),
                                       matrix_digest({whole.first(2), whole.subspan(2)}), matrix_digest({whole}),
                                       matrix_digest({whole, {}, {}})};
  for (std::size_t i = 0; i < digests.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(digests[i], digests[j]) << i << " and " << j;
  }
  EXPECT_EQ(matrix_digest({whole, {}}), digests[0]);
}

TEST(CatalogueTest, numbers_and_names_are_unique_within_a_protocol) {
  for (const CatalogueRow& row : kCatalogue) {
    EXPECT_EQ(find_row(row.type), &row) << row.name;
    EXPECT_LE(kEnvelopeBytes + row.max_body_bytes, kMaxMessageBytes);
    for (const CatalogueRow& other : kCatalogue) {
      if (&row != &other && row.protocol == other.protocol) {
        EXPECT_NE(row.name, other.name);
      }
    }
  }
  EXPECT_EQ(name(MessageType{}), "?");
}

}  // namespace
}  // namespace garrison::message
