// Bodies of the client protocol.
#include "control/message/codec.h"

namespace garrison::message {
namespace {

constexpr std::size_t kChallengeBytes = 16;
constexpr std::size_t kHelloBytes = 16 + 8;
constexpr std::size_t kOpFixedBytes = 8 + 8;
constexpr std::size_t kReplyFixedBytes = 4 + 4 + 8 + 8 + 8;
constexpr std::size_t kQueryFixedBytes = 8 + 8 + 4 + 4 + 8 + 8;
constexpr std::size_t kQueryReplyFixedBytes = 4 + 4 + 8 + 8 + 8;

static_assert(kChallengeBytes <= find_row(MessageType::ClientChallenge)->max_body_bytes);
static_assert(kHelloBytes <= find_row(MessageType::ClientHello)->max_body_bytes);
static_assert(kOpFixedBytes + kMaxOperationBytes <= find_row(MessageType::ClientOp)->max_body_bytes);
static_assert(kReplyFixedBytes + kMaxOperationBytes <= find_row(MessageType::ClientReply)->max_body_bytes);
static_assert(kQueryFixedBytes + kMaxOperationBytes <= find_row(MessageType::ClientQuery)->max_body_bytes);
static_assert(kQueryReplyFixedBytes + kMaxOperationBytes <= find_row(MessageType::QueryReply)->max_body_bytes);

// The rest of the body, within the bound of operations and results.
ByteView read_operation(Reader& reader) {
  if (reader.remaining() > kMaxOperationBytes) reader.fail();
  return reader.view(reader.remaining());
}

}  // namespace

// 16 nonce
template <>
struct Body<ClientChallenge> {
  static std::size_t size(const ClientChallenge& /*message*/) { return kChallengeBytes; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const ClientChallenge& message) {
    writer.bytes(message.nonce);
  }
  static ClientChallenge read(Reader& reader, const Envelope& /*envelope*/) { return {reader.array<16>()}; }
};

// 16 nonce | u64 incarnation
template <>
struct Body<ClientHello> {
  static std::size_t size(const ClientHello& /*message*/) { return kHelloBytes; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const ClientHello& message) {
    writer.bytes(message.nonce).u64(message.incarnation.value());
  }
  static ClientHello read(Reader& reader, const Envelope& /*envelope*/) {
    ClientHello message;
    message.nonce = reader.array<16>();
    message.incarnation = Incarnation(reader.u64());
    return message;
  }
};

// u64 incarnation | u64 sequence | operation
template <>
struct Body<ClientOp> {
  static std::size_t size(const ClientOp& message) { return kOpFixedBytes + message.operation.size(); }
  static void write(Writer& writer, const Envelope& envelope, const ClientOp& message) {
    CHECK(message.client.value() == envelope.signer.index);
    CHECK(message.operation.size() <= kMaxOperationBytes);
    writer.u64(message.incarnation.value()).u64(message.sequence.value()).bytes(message.operation);
  }
  static ClientOp read(Reader& reader, const Envelope& envelope) {
    ClientOp message;
    message.client = ClientId(envelope.signer.index);
    message.incarnation = Incarnation(reader.u64());
    message.sequence = SeqNum(reader.u64());
    message.operation = read_operation(reader);
    return message;
  }
};

// u32 client | u32 reserved | u64 incarnation | u64 sequence | u64 state_sequence | result
template <>
struct Body<ClientReply> {
  static std::size_t size(const ClientReply& message) { return kReplyFixedBytes + message.result.size(); }
  static void write(Writer& writer, const Envelope& envelope, const ClientReply& message) {
    CHECK(message.server.value() == envelope.signer.index);
    CHECK(message.result.size() <= kMaxOperationBytes);
    writer.u32(message.client.value()).zeros(4).u64(message.incarnation.value());
    writer.u64(message.sequence.value()).u64(message.state_sequence).bytes(message.result);
  }
  static ClientReply read(Reader& reader, const Envelope& envelope) {
    ClientReply message;
    message.server = ServerId(static_cast<std::uint16_t>(envelope.signer.index));  // below kMaxServersPerSite
    message.client = ClientId(reader.u32());
    reader.zeros(4);
    message.incarnation = Incarnation(reader.u64());
    message.sequence = SeqNum(reader.u64());
    message.state_sequence = reader.u64();
    message.result = read_operation(reader);
    return message;
  }
};

// u64 incarnation | u64 number | u32 round | u32 reserved | u64 token | u64 target | operation
template <>
struct Body<ClientQuery> {
  static std::size_t size(const ClientQuery& message) { return kQueryFixedBytes + message.operation.size(); }
  static void write(Writer& writer, const Envelope& envelope, const ClientQuery& message) {
    CHECK(message.client.value() == envelope.signer.index);
    CHECK(message.target >= message.token);
    CHECK(message.operation.size() <= kMaxOperationBytes);
    writer.u64(message.incarnation.value()).u64(message.number).u32(message.round).zeros(4);
    writer.u64(message.token).u64(message.target).bytes(message.operation);
  }
  static ClientQuery read(Reader& reader, const Envelope& envelope) {
    ClientQuery message;
    message.client = ClientId(envelope.signer.index);
    message.incarnation = Incarnation(reader.u64());
    message.number = reader.u64();
    message.round = reader.u32();
    reader.zeros(4);
    message.token = reader.u64();
    message.target = reader.u64();
    if (message.target < message.token) reader.fail();
    message.operation = read_operation(reader);
    return message;
  }
};

// u32 client | u32 round | u64 incarnation | u64 number | u64 state_sequence | result
template <>
struct Body<QueryReply> {
  static std::size_t size(const QueryReply& message) { return kQueryReplyFixedBytes + message.result.size(); }
  static void write(Writer& writer, const Envelope& envelope, const QueryReply& message) {
    CHECK(message.server.value() == envelope.signer.index);
    CHECK(message.result.size() <= kMaxOperationBytes);
    writer.u32(message.client.value()).u32(message.round).u64(message.incarnation.value());
    writer.u64(message.number).u64(message.state_sequence).bytes(message.result);
  }
  static QueryReply read(Reader& reader, const Envelope& envelope) {
    QueryReply message;
    message.server = ServerId(static_cast<std::uint16_t>(envelope.signer.index));  // below kMaxServersPerSite
    message.client = ClientId(reader.u32());
    message.round = reader.u32();
    message.incarnation = Incarnation(reader.u64());
    message.number = reader.u64();
    message.state_sequence = reader.u64();
    message.result = read_operation(reader);
    return message;
  }
};

GARRISON_INSTANTIATE_CODEC(ClientChallenge);
GARRISON_INSTANTIATE_CODEC(ClientHello);
GARRISON_INSTANTIATE_CODEC(ClientOp);
GARRISON_INSTANTIATE_CODEC(ClientReply);
GARRISON_INSTANTIATE_CODEC(ClientQuery);
GARRISON_INSTANTIATE_CODEC(QueryReply);

}  // namespace garrison::message
