// Bodies of BFT's messages.
#include "control/message/codec.h"
#include "control/message/fields.h"
#include "crypto/batch.h"
#include "crypto/digest.h"

namespace garrison::message {
namespace {

constexpr std::size_t kPrePrepareFixedBytes = 8 + 8 + 2 + 6;
constexpr std::size_t kPhaseBytes = 8 + 8 + sizeof(Digest);
constexpr std::size_t kCheckpointBytes = 8 + sizeof(Digest);
constexpr std::size_t kClaimBytes = 8 + 8 + sizeof(Digest);
constexpr std::size_t kViewChangeFixedBytes = 8 + 8 + 3 * 2 + 2;
constexpr std::size_t kNewViewFixedBytes = 8 + 8 + 2 * 2 + 4;
constexpr std::size_t kBasisBytes = 2 + 6 + sizeof(Digest);
constexpr std::size_t kStatusBytes = 4 * 8 + 4 + 4;
constexpr std::size_t kFetchBytes = 8 + sizeof(Digest) + kMaxUpdatesPerBatch / 8;
constexpr std::size_t kBatchFixedBytes = 8 + 2 + 1 + 5;
constexpr std::size_t kUpdatesFixedBytes = 8 + 2 + 6;

constexpr std::size_t bound(MessageType type) { return find_row(type)->max_body_bytes; }

static_assert(kPrePrepareFixedBytes + kMaxUpdatesPerBatch * sizeof(Digest) == bound(MessageType::BftPrePrepare));
static_assert(kPhaseBytes == bound(MessageType::BftPrepare) && kPhaseBytes == bound(MessageType::BftCommit));
static_assert(kCheckpointBytes == bound(MessageType::BftCheckpoint));
static_assert(kEnvelopeBytes + kCheckpointBytes + crypto::kMaxSignatureBlockBytes <= kMaxVoteBytes);
static_assert(kViewChangeFixedBytes + kMaxVotesBytes + 2 * kMaxBftWindow * kClaimBytes ==
              bound(MessageType::BftViewChange));
static_assert(kEnvelopeBytes + bound(MessageType::BftViewChange) + crypto::kMaxSignatureBlockBytes <= kMaxMessageBytes);
static_assert(kNewViewFixedBytes + kMaxServersPerSite * kBasisBytes + kMaxBftWindow * sizeof(Digest) ==
              bound(MessageType::BftNewView));
static_assert(kStatusBytes == bound(MessageType::BftStatus) && kFetchBytes == bound(MessageType::BftFetch));
static_assert(kBatchFixedBytes + kMaxUpdatesPerBatch * sizeof(Digest) == bound(MessageType::BftBatch));
// The largest CLIENT-OP fits an UPDATES of its own.
static_assert(kUpdatesFixedBytes + kLengthBytes + kEnvelopeBytes + kMaxClientOpBody + crypto::kMaxSignatureBlockBytes <=
              kMaxBftUpdatesBody);

// A count of 0..largest; 0 and a failed reader otherwise.
std::size_t read_size(Reader& reader, std::size_t largest) {
  const std::size_t size = reader.u16();
  if (size > largest) reader.fail();
  return reader.ok() ? size : 0;
}

void write_size(Writer& writer, std::size_t size, std::size_t largest) {
  CHECK(size <= largest);
  writer.u16(static_cast<std::uint16_t>(size));
}

void write_digests(Writer& writer, const std::vector<Digest>& digests) {
  for (const Digest& digest : digests) writer.bytes(digest);
}

std::vector<Digest> read_digests(Reader& reader, std::size_t count) {
  std::vector<Digest> digests(count);
  for (Digest& digest : digests) digest = reader.array<sizeof(Digest)>();
  return digests;
}

// u64 sequence | u64 view | 32 batch
void write_claims(Writer& writer, const std::vector<BftClaim>& claims) {
  for (const BftClaim& claim : claims) {
    writer.u64(claim.sequence.value()).u64(claim.view.value()).bytes(claim.batch);
  }
}

std::vector<BftClaim> read_claims(Reader& reader, std::size_t count) {
  std::vector<BftClaim> claims(count);
  for (BftClaim& claim : claims) {
    claim.sequence = SeqNum(reader.u64());
    claim.view = View(reader.u64());
    claim.batch = reader.array<sizeof(Digest)>();
  }
  return claims;
}

// PREPARE and COMMIT: u64 view | u64 sequence | 32 batch
template <typename Phase>
struct PhaseBody {
  static std::size_t size(const Phase& /*message*/) { return kPhaseBytes; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const Phase& message) {
    writer.u64(message.view.value()).u64(message.sequence.value()).bytes(message.batch);
  }
  static Phase read(Reader& reader, const Envelope& /*envelope*/) {
    Phase message;
    message.view = View(reader.u64());
    message.sequence = SeqNum(reader.u64());
    message.batch = reader.array<sizeof(Digest)>();
    return message;
  }
};

}  // namespace

// u64 view | u64 sequence | u16 count | 6 reserved | count x 32
template <>
struct Body<BftPrePrepare> {
  static std::size_t size(const BftPrePrepare& message) {
    return kPrePrepareFixedBytes + message.updates.size() * sizeof(Digest);
  }
  static void write(Writer& writer, const Envelope& /*envelope*/, const BftPrePrepare& message) {
    writer.u64(message.view.value()).u64(message.sequence.value());
    write_count(writer, message.updates.size(), kMaxUpdatesPerBatch);
    write_digests(writer, message.updates);
  }
  static BftPrePrepare read(Reader& reader, const Envelope& /*envelope*/) {
    BftPrePrepare message;
    message.view = View(reader.u64());
    message.sequence = SeqNum(reader.u64());
    message.updates = read_digests(reader, read_count(reader, kMaxUpdatesPerBatch));
    return message;
  }
};

template <>
struct Body<BftPrepare> : PhaseBody<BftPrepare> {};
template <>
struct Body<BftCommit> : PhaseBody<BftCommit> {};

// u64 sequence | 32 state
template <>
struct Body<BftCheckpoint> {
  static std::size_t size(const BftCheckpoint& /*message*/) { return kCheckpointBytes; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const BftCheckpoint& message) {
    writer.u64(message.sequence.value()).bytes(message.state);
  }
  static BftCheckpoint read(Reader& reader, const Envelope& /*envelope*/) {
    BftCheckpoint message;
    message.sequence = SeqNum(reader.u64());
    message.state = reader.array<sizeof(Digest)>();
    return message;
  }
};

// u64 view | u64 stable | u16 checkpoints | u16 prepared | u16 pre_prepared | 2 reserved
// checkpoints x (u32 length | CHECKPOINT) | prepared x claim | pre_prepared x claim
template <>
struct Body<BftViewChange> {
  static std::size_t size(const BftViewChange& message) {
    return kViewChangeFixedBytes + strings_bytes(message.checkpoints) +
           (message.prepared.size() + message.pre_prepared.size()) * kClaimBytes;
  }
  static void write(Writer& writer, const Envelope& /*envelope*/, const BftViewChange& message) {
    writer.u64(message.view.value()).u64(message.stable.value());
    write_size(writer, message.checkpoints.size(), kMaxServersPerSite);
    write_size(writer, message.prepared.size(), kMaxBftWindow);
    write_size(writer, message.pre_prepared.size(), kMaxBftWindow);
    writer.zeros(2);
    for (const ByteView checkpoint : message.checkpoints) CHECK(checkpoint.size() <= kMaxVoteBytes);
    write_strings(writer, message.checkpoints);
    write_claims(writer, message.prepared);
    write_claims(writer, message.pre_prepared);
  }
  static BftViewChange read(Reader& reader, const Envelope& /*envelope*/) {
    BftViewChange message;
    message.view = View(reader.u64());
    message.stable = SeqNum(reader.u64());
    message.checkpoints.resize(read_size(reader, kMaxServersPerSite));
    const std::size_t prepared = read_size(reader, kMaxBftWindow);
    const std::size_t pre_prepared = read_size(reader, kMaxBftWindow);
    reader.zeros(2);
    for (ByteView& checkpoint : message.checkpoints) {
      const std::size_t size = reader.u32();
      if (size > kMaxVoteBytes) reader.fail();
      checkpoint = reader.view(size);
    }
    message.prepared = read_claims(reader, prepared);
    message.pre_prepared = read_claims(reader, pre_prepared);
    return message;
  }
};

// u64 view | u64 start | u16 basis | u16 batches | 4 reserved
// basis x (u16 server | 6 reserved | 32 view_change) | batches x 32
template <>
struct Body<BftNewView> {
  static std::size_t size(const BftNewView& message) {
    return kNewViewFixedBytes + message.basis.size() * kBasisBytes + message.batches.size() * sizeof(Digest);
  }
  static void write(Writer& writer, const Envelope& /*envelope*/, const BftNewView& message) {
    writer.u64(message.view.value()).u64(message.start.value());
    write_size(writer, message.basis.size(), kMaxServersPerSite);
    write_size(writer, message.batches.size(), kMaxBftWindow);
    writer.zeros(4);
    for (const BftNewView::Basis& basis : message.basis) {
      CHECK(basis.server.index() < kMaxServersPerSite);
      writer.u16(basis.server.value()).zeros(6).bytes(basis.view_change);
    }
    write_digests(writer, message.batches);
  }
  static BftNewView read(Reader& reader, const Envelope& /*envelope*/) {
    BftNewView message;
    message.view = View(reader.u64());
    message.start = SeqNum(reader.u64());
    message.basis.resize(read_size(reader, kMaxServersPerSite));
    const std::size_t batches = read_size(reader, kMaxBftWindow);
    reader.zeros(4);
    for (BftNewView::Basis& basis : message.basis) {
      basis.server = read_server(reader);
      reader.zeros(6);
      basis.view_change = reader.array<sizeof(Digest)>();
    }
    message.batches = read_digests(reader, batches);
    return message;
  }
};

// u64 view | u64 installed | u64 stable | u64 executed | 4 reserved | u32 view_changes
template <>
struct Body<BftStatus> {
  static std::size_t size(const BftStatus& /*message*/) { return kStatusBytes; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const BftStatus& message) {
    writer.u64(message.view.value()).u64(message.installed.value());
    writer.u64(message.stable.value()).u64(message.executed.value()).zeros(4).u32(message.view_changes);
  }
  static BftStatus read(Reader& reader, const Envelope& /*envelope*/) {
    BftStatus message;
    message.view = View(reader.u64());
    message.installed = View(reader.u64());
    message.stable = SeqNum(reader.u64());
    message.executed = SeqNum(reader.u64());
    reader.zeros(4);
    message.view_changes = reader.u32();
    return message;
  }
};

// u64 sequence | 32 batch | 32 missing
template <>
struct Body<BftFetch> {
  static std::size_t size(const BftFetch& /*message*/) { return kFetchBytes; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const BftFetch& message) {
    writer.u64(message.sequence.value()).bytes(message.batch).bytes(message.missing);
  }
  static BftFetch read(Reader& reader, const Envelope& /*envelope*/) {
    BftFetch message;
    message.sequence = SeqNum(reader.u64());
    message.batch = reader.array<sizeof(Digest)>();
    message.missing = reader.array<kMaxUpdatesPerBatch / 8>();
    return message;
  }
};

// u64 sequence | u16 count | u8 committed | 5 reserved | count x 32
template <>
struct Body<BftBatch> {
  static std::size_t size(const BftBatch& message) {
    return kBatchFixedBytes + message.updates.size() * sizeof(Digest);
  }
  static void write(Writer& writer, const Envelope& /*envelope*/, const BftBatch& message) {
    writer.u64(message.sequence.value());
    write_size(writer, message.updates.size(), kMaxUpdatesPerBatch);
    writer.u8(message.committed ? 1 : 0).zeros(5);
    write_digests(writer, message.updates);
  }
  static BftBatch read(Reader& reader, const Envelope& /*envelope*/) {
    BftBatch message;
    message.sequence = SeqNum(reader.u64());
    const std::size_t count = read_size(reader, kMaxUpdatesPerBatch);
    const std::uint8_t committed = reader.u8();
    if (committed > 1) reader.fail();
    message.committed = committed == 1;
    reader.zeros(5);
    message.updates = read_digests(reader, count);
    return message;
  }
};

// u64 sequence | u16 count | 6 reserved | count x (u32 length | CLIENT-OP)
template <>
struct Body<BftUpdates> {
  static std::size_t size(const BftUpdates& message) { return kUpdatesFixedBytes + strings_bytes(message.updates); }
  static void write(Writer& writer, const Envelope& /*envelope*/, const BftUpdates& message) {
    writer.u64(message.sequence.value());
    write_count(writer, message.updates.size(), kMaxUpdatesPerBatch);
    write_strings(writer, message.updates);
  }
  static BftUpdates read(Reader& reader, const Envelope& /*envelope*/) {
    BftUpdates message;
    message.sequence = SeqNum(reader.u64());
    message.updates.resize(read_count(reader, kMaxUpdatesPerBatch));
    for (ByteView& update : message.updates) update = reader.view(reader.u32());
    return message;
  }
};

Digest batch_digest(std::span<const Digest> updates) {
  if (updates.empty()) return kNullBatch;
  crypto::Sha256& hash = crypto::thread_sha256();
  hash.update(as_bytes(std::string_view("garrison-bft-batch-1")));
  for (const Digest& update : updates) hash.update(update);
  return hash.finish();
}

GARRISON_INSTANTIATE_CODEC(BftPrePrepare);
GARRISON_INSTANTIATE_CODEC(BftPrepare);
GARRISON_INSTANTIATE_CODEC(BftCommit);
GARRISON_INSTANTIATE_CODEC(BftCheckpoint);
GARRISON_INSTANTIATE_CODEC(BftViewChange);
GARRISON_INSTANTIATE_CODEC(BftNewView);
GARRISON_INSTANTIATE_CODEC(BftStatus);
GARRISON_INSTANTIATE_CODEC(BftFetch);
GARRISON_INSTANTIATE_CODEC(BftBatch);
GARRISON_INSTANTIATE_CODEC(BftUpdates);

}  // namespace garrison::message
