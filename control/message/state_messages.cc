// Bodies of the state transfer's messages.
#include "control/message/codec.h"

namespace garrison::message {
namespace {

constexpr std::size_t kStateRequestBytes = 8 + 8 + 8;
constexpr std::size_t kCheckpointFixedBytes = 8 + 8 + sizeof(Digest);
constexpr std::size_t kStateFetchBytes = 8 + sizeof(Digest) + 4 + 4;
constexpr std::size_t kStateChunkFixedBytes = 8 + sizeof(Digest) + 4 + 2 + 2;

static_assert(kStateRequestBytes == find_row(MessageType::StateRequest)->max_body_bytes);
static_assert(kCheckpointFixedBytes + kMaxCoreStateBytes == kMaxCheckpointBody);
static_assert(kStateFetchBytes == find_row(MessageType::StateFetch)->max_body_bytes);
static_assert(kStateChunkFixedBytes + kMaxStatePath * sizeof(Digest) + kStateChunkBytes == kMaxStateChunkBody);

}  // namespace

// u64 number | u64 executed | u64 at
template <>
struct Body<StateRequest> {
  static std::size_t size(const StateRequest& /*message*/) { return kStateRequestBytes; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const StateRequest& message) {
    writer.u64(message.number).u64(message.executed.value()).u64(message.at.value());
  }
  static StateRequest read(Reader& reader, const Envelope& /*envelope*/) {
    StateRequest message;
    message.number = reader.u64();
    message.executed = SeqNum(reader.u64());
    message.at = SeqNum(reader.u64());
    return message;
  }
};

// u64 sequence | u64 snapshot_bytes | 32 root | state
template <>
struct Body<Checkpoint> {
  static std::size_t size(const Checkpoint& message) { return kCheckpointFixedBytes + message.state.size(); }
  static void write(Writer& writer, const Envelope& /*envelope*/, const Checkpoint& message) {
    CHECK(message.snapshot_bytes > 0);
    writer.u64(message.sequence.value()).u64(message.snapshot_bytes).bytes(message.root).bytes(message.state);
  }
  static Checkpoint read(Reader& reader, const Envelope& /*envelope*/) {
    Checkpoint message;
    message.sequence = SeqNum(reader.u64());
    message.snapshot_bytes = reader.u64();
    if (message.snapshot_bytes == 0) reader.fail();
    message.root = reader.array<sizeof(Digest)>();
    message.state = reader.view(reader.remaining());
    return message;
  }
};

// u64 sequence | 32 root | u32 first | u32 count
template <>
struct Body<StateFetch> {
  static std::size_t size(const StateFetch& /*message*/) { return kStateFetchBytes; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const StateFetch& message) {
    CHECK(message.count > 0);
    writer.u64(message.sequence.value()).bytes(message.root).u32(message.first).u32(message.count);
  }
  static StateFetch read(Reader& reader, const Envelope& /*envelope*/) {
    StateFetch message;
    message.sequence = SeqNum(reader.u64());
    message.root = reader.array<sizeof(Digest)>();
    message.first = reader.u32();
    message.count = reader.u32();
    if (message.count == 0) reader.fail();
    return message;
  }
};

// u64 sequence | 32 root | u32 index | u16 path digests | 2 reserved | path | data
template <>
struct Body<StateChunk> {
  static std::size_t size(const StateChunk& message) {
    return kStateChunkFixedBytes + message.path.size() + message.data.size();
  }
  static void write(Writer& writer, const Envelope& /*envelope*/, const StateChunk& message) {
    CHECK(message.path.size() % sizeof(Digest) == 0 && message.path.size() <= kMaxStatePath * sizeof(Digest));
    CHECK(!message.data.empty() && message.data.size() <= kStateChunkBytes);
    writer.u64(message.sequence.value()).bytes(message.root).u32(message.index);
    writer.u16(static_cast<std::uint16_t>(message.path.size() / sizeof(Digest))).zeros(2);
    writer.bytes(message.path).bytes(message.data);
  }
  static StateChunk read(Reader& reader, const Envelope& /*envelope*/) {
    StateChunk message;
    message.sequence = SeqNum(reader.u64());
    message.root = reader.array<sizeof(Digest)>();
    message.index = reader.u32();
    const std::size_t digests = reader.u16();
    reader.zeros(2);
    if (digests > kMaxStatePath) reader.fail();
    message.path = reader.view(digests * sizeof(Digest));
    message.data = reader.view(reader.remaining());
    if (message.data.empty() || message.data.size() > kStateChunkBytes) reader.fail();
    return message;
  }
};

GARRISON_INSTANTIATE_CODEC(StateRequest);
GARRISON_INSTANTIATE_CODEC(Checkpoint);
GARRISON_INSTANTIATE_CODEC(StateFetch);
GARRISON_INSTANTIATE_CODEC(StateChunk);

}  // namespace garrison::message
