// Bodies of the messages in view_messages.h [PRIME] 5.4, A.2, A.3.
#include "control/message/codec.h"
#include "control/message/fields.h"
#include "crypto/batch.h"
#include "crypto/digest.h"

namespace garrison::message {
namespace {

constexpr std::size_t kShortBodyBytes = 48;  // the longest body of a vote
constexpr std::size_t kPcSetFixedBytes = 8 + 4 + 4 + 8 + 8 + 2 + 2 + 4;
constexpr std::size_t kProofFixedBytes = 8 + 4 + 4 + 8 + 8;
constexpr std::size_t kEntryBytes = 2 + 2 + 4 + sizeof(Digest);
constexpr std::size_t kOrderedEntryBytes = 8 + sizeof(Digest);

static_assert(kEnvelopeBytes + kShortBodyBytes + crypto::kMaxSignatureBlockBytes <= kMaxVoteBytes);
static_assert(find_row(MessageType::Prepare)->max_body_bytes <= kShortBodyBytes);
static_assert(find_row(MessageType::ReplayPrepare)->max_body_bytes <= kShortBodyBytes);
static_assert(kEnvelopeBytes + find_row(MessageType::PrePrepare)->max_body_bytes + crypto::kMaxSignatureBlockBytes <=
              kMaxPrePrepareBytes);
static_assert(kPcSetFixedBytes + kMaxPrePrepareBytes + kMaxVotesBytes + kMaxReplayWindow * sizeof(Digest) ==
              kMaxPcSetBody);
static_assert(kEnvelopeBytes + kMaxPcSetBody + crypto::kMaxSignatureBlockBytes <= kMaxMessageBytes);
static_assert(kProofFixedBytes + kMaxVotesBytes == find_row(MessageType::Replay)->max_body_bytes);

std::size_t votes_bytes(const std::vector<ByteView>& votes) {
  std::size_t size = 0;
  for (const ByteView vote : votes) size += kLengthBytes + vote.size();
  return size;
}

void write_votes(Writer& writer, const std::vector<ByteView>& votes) {
  CHECK(!votes.empty() && votes.size() <= kMaxServersPerSite);
  for (const ByteView vote : votes) {
    CHECK(vote.size() <= kMaxVoteBytes);
    writer.u32(static_cast<std::uint32_t>(vote.size())).bytes(vote);
  }
}

std::vector<ByteView> read_votes(Reader& reader, std::size_t count) {
  if (count == 0 || count > kMaxServersPerSite) reader.fail();
  std::vector<ByteView> votes(reader.ok() ? count : 0);
  for (ByteView& vote : votes) {
    const std::size_t size = reader.u32();
    if (size > kMaxVoteBytes) reader.fail();
    vote = reader.view(size);
  }
  return votes;
}

Duration read_duration(Reader& reader) {
  const std::uint64_t ns = reader.u64();
  if (ns > static_cast<std::uint64_t>(kLongestMeasured.ns())) reader.fail();
  return Duration(reader.ok() ? static_cast<std::int64_t>(ns) : 0);
}

void write_duration(Writer& writer, Duration duration) {
  CHECK(duration >= Duration() && duration <= kLongestMeasured);
  writer.u64(static_cast<std::uint64_t>(duration.ns()));
}

ServerSet read_set(Reader& reader) {
  const std::uint32_t bits = reader.u32();
  if ((bits >> kMaxServersPerSite) != 0) reader.fail();
  return reader.ok() ? ServerSet::from_bits(bits) : ServerSet();
}

// u64 view | u64 duration
template <typename Message, Duration Message::*duration>
struct DurationBody {
  static std::size_t size(const Message& /*message*/) { return 16; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const Message& message) {
    writer.u64(message.view.value());
    write_duration(writer, message.*duration);
  }
  static Message read(Reader& reader, const Envelope& /*envelope*/) {
    Message message;
    message.view = View(reader.u64());
    message.*duration = read_duration(reader);
    return message;
  }
};

// u64 view | u16 count | 6 reserved | count x (u16 origin | 2 reserved | u32 seq | 32 digest)
template <typename Message>
struct BroadcastBody {
  static std::size_t size(const Message& message) { return 16 + message.entries.size() * kEntryBytes; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const Message& message) {
    CHECK(!message.entries.empty() && message.entries.size() <= kMaxBroadcastEntries);
    writer.u64(message.view.value()).u16(static_cast<std::uint16_t>(message.entries.size())).zeros(6);
    for (const BroadcastEntry& entry : message.entries) {
      writer.u16(entry.origin.value()).zeros(2).u32(entry.seq).bytes(entry.digest);
    }
  }
  static Message read(Reader& reader, const Envelope& /*envelope*/) {
    Message message;
    message.view = View(reader.u64());
    message.entries.resize(read_count(reader, kMaxBroadcastEntries));
    for (BroadcastEntry& entry : message.entries) {
      entry.origin = ServerId(reader.u16());
      if (entry.origin.index() >= kMaxServersPerSite) reader.fail();
      reader.zeros(2);
      entry.seq = reader.u32();
      entry.digest = reader.array<sizeof(Digest)>();
    }
    return message;
  }
};

// u64 view | u32 ids | u32 votes | u64 start_seq | 8 reserved | votes x (u32 length | VC-PARTIAL-SIG)
template <typename Message>
struct ProofBody {
  static std::size_t size(const Message& message) { return kProofFixedBytes + votes_bytes(message.proof); }
  static void write(Writer& writer, const Envelope& /*envelope*/, const Message& message) {
    writer.u64(message.view.value()).u32(message.ids.bits()).u32(static_cast<std::uint32_t>(message.proof.size()));
    writer.u64(message.start_seq.value()).zeros(8);
    write_votes(writer, message.proof);
  }
  static Message read(Reader& reader, const Envelope& /*envelope*/) {
    Message message;
    message.view = View(reader.u64());
    message.ids = read_set(reader);
    const std::size_t count = reader.u32();
    message.start_seq = SeqNum(reader.u64());
    reader.zeros(8);
    message.proof = read_votes(reader, count);
    return message;
  }
};

}  // namespace

// u64 view | u64 ping_seq | u64 executed
template <>
struct Body<RttPing> {
  static std::size_t size(const RttPing& /*message*/) { return 24; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const RttPing& message) {
    writer.u64(message.view.value()).u64(message.ping_seq).u64(message.executed.value());
  }
  static RttPing read(Reader& reader, const Envelope& /*envelope*/) {
    RttPing message;
    message.view = View(reader.u64());
    message.ping_seq = reader.u64();
    message.executed = SeqNum(reader.u64());
    return message;
  }
};

// u64 view | u64 ping_seq
template <>
struct Body<RttPong> {
  static std::size_t size(const RttPong& /*message*/) { return 16; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const RttPong& message) {
    writer.u64(message.view.value()).u64(message.ping_seq);
  }
  static RttPong read(Reader& reader, const Envelope& /*envelope*/) {
    RttPong message;
    message.view = View(reader.u64());
    message.ping_seq = reader.u64();
    return message;
  }
};

template <>
struct Body<RttMeasure> : DurationBody<RttMeasure, &RttMeasure::rtt> {};
template <>
struct Body<TatUb> : DurationBody<TatUb, &TatUb::tat_ub> {};
template <>
struct Body<TatMeasure> : DurationBody<TatMeasure, &TatMeasure::max_tat> {};

// u64 view
template <>
struct Body<NewLeader> {
  static std::size_t size(const NewLeader& /*message*/) { return 8; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const NewLeader& message) {
    writer.u64(message.view.value());
  }
  static NewLeader read(Reader& reader, const Envelope& /*envelope*/) { return {View(reader.u64())}; }
};

// u64 view | u16 count | 6 reserved | count x (u32 length | NEW-LEADER)
template <>
struct Body<NewLeaderProof> {
  static std::size_t size(const NewLeaderProof& message) { return 16 + votes_bytes(message.votes); }
  static void write(Writer& writer, const Envelope& /*envelope*/, const NewLeaderProof& message) {
    writer.u64(message.view.value()).u16(static_cast<std::uint16_t>(message.votes.size())).zeros(6);
    write_votes(writer, message.votes);
  }
  static NewLeaderProof read(Reader& reader, const Envelope& /*envelope*/) {
    NewLeaderProof message;
    message.view = View(reader.u64());
    message.votes = read_votes(reader, read_count(reader, kMaxServersPerSite));
    return message;
  }
};

// u64 view | u64 stable_aru | u32 num_seq | 4 reserved
template <>
struct Body<Report> {
  static std::size_t size(const Report& /*message*/) { return 24; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const Report& message) {
    writer.u64(message.view.value()).u64(message.stable_aru.value()).u32(message.num_seq).zeros(4);
  }
  static Report read(Reader& reader, const Envelope& /*envelope*/) {
    Report message;
    message.view = View(reader.u64());
    message.stable_aru = SeqNum(reader.u64());
    message.num_seq = reader.u32();
    reader.zeros(4);
    return message;
  }
};

// u64 view | u32 seq | u32 ids | u64 replay_view | u64 start_seq | u16 votes | u16 window | u32 pre_prepare length |
// PRE-PREPARE | votes x (u32 length | vote) | window x 32 digest
template <>
struct Body<PcSet> {
  static std::size_t size(const PcSet& message) {
    return kPcSetFixedBytes + message.pre_prepare.size() + votes_bytes(message.votes) +
           message.window.size() * sizeof(Digest);
  }
  static void write(Writer& writer, const Envelope& /*envelope*/, const PcSet& message) {
    CHECK(message.window.size() <= kMaxReplayWindow && message.pre_prepare.size() <= kMaxPrePrepareBytes);
    writer.u64(message.view.value()).u32(message.seq).u32(message.ids.bits());
    writer.u64(message.replay_view.value()).u64(message.start_seq.value());
    writer.u16(static_cast<std::uint16_t>(message.votes.size()));
    writer.u16(static_cast<std::uint16_t>(message.window.size()));
    writer.u32(static_cast<std::uint32_t>(message.pre_prepare.size())).bytes(message.pre_prepare);
    write_votes(writer, message.votes);
    for (const Digest& digest : message.window) writer.bytes(digest);
  }
  static PcSet read(Reader& reader, const Envelope& /*envelope*/) {
    PcSet message;
    message.view = View(reader.u64());
    message.seq = reader.u32();
    message.ids = read_set(reader);
    message.replay_view = View(reader.u64());
    message.start_seq = SeqNum(reader.u64());
    const std::size_t votes = reader.u16();
    const std::size_t window = reader.u16();
    const std::size_t pre_prepare = reader.u32();
    if (window > kMaxReplayWindow || pre_prepare > kMaxPrePrepareBytes) reader.fail();
    message.pre_prepare = reader.view(pre_prepare);
    message.votes = read_votes(reader, votes);
    message.window.resize(reader.ok() ? window : 0);
    for (Digest& digest : message.window) digest = reader.array<sizeof(Digest)>();
    const bool replay = pre_prepare == 0;
    if (!replay &&
        (window != 0 || !message.ids.empty() || message.replay_view != View(0) || message.start_seq != SeqNum(0))) {
      reader.fail();
    }
    return message;
  }
};

template <>
struct Body<VcEcho> : BroadcastBody<VcEcho> {};
template <>
struct Body<VcReady> : BroadcastBody<VcReady> {};

// u64 view | u32 ids | 4 reserved
template <>
struct Body<VcList> {
  static std::size_t size(const VcList& /*message*/) { return 16; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const VcList& message) {
    writer.u64(message.view.value()).u32(message.ids.bits()).zeros(4);
  }
  static VcList read(Reader& reader, const Envelope& /*envelope*/) {
    VcList message;
    message.view = View(reader.u64());
    message.ids = read_set(reader);
    reader.zeros(4);
    return message;
  }
};

// u64 view | u32 ids | 4 reserved | u64 start_seq
template <>
struct Body<VcPartialSig> {
  static std::size_t size(const VcPartialSig& /*message*/) { return 24; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const VcPartialSig& message) {
    writer.u64(message.view.value()).u32(message.ids.bits()).zeros(4).u64(message.start_seq.value());
  }
  static VcPartialSig read(Reader& reader, const Envelope& /*envelope*/) {
    VcPartialSig message;
    message.view = View(reader.u64());
    message.ids = read_set(reader);
    reader.zeros(4);
    message.start_seq = SeqNum(reader.u64());
    return message;
  }
};

template <>
struct Body<VcProof> : ProofBody<VcProof> {};
template <>
struct Body<Replay> : ProofBody<Replay> {};
// u64 view | 32 digest
template <>
struct Body<ReplayPrepare> {
  static std::size_t size(const ReplayPrepare& /*message*/) { return 8 + sizeof(Digest); }
  static void write(Writer& writer, const Envelope& /*envelope*/, const ReplayPrepare& message) {
    writer.u64(message.view.value()).bytes(message.digest);
  }
  static ReplayPrepare read(Reader& reader, const Envelope& /*envelope*/) {
    ReplayPrepare message;
    message.view = View(reader.u64());
    message.digest = reader.array<sizeof(Digest)>();
    return message;
  }
};

// u64 view | 32 digest | u64 start_seq
template <>
struct Body<ReplayCommit> {
  static std::size_t size(const ReplayCommit& /*message*/) { return 8 + sizeof(Digest) + 8; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const ReplayCommit& message) {
    writer.u64(message.view.value()).bytes(message.digest).u64(message.start_seq.value());
  }
  static ReplayCommit read(Reader& reader, const Envelope& /*envelope*/) {
    ReplayCommit message;
    message.view = View(reader.u64());
    message.digest = reader.array<sizeof(Digest)>();
    message.start_seq = SeqNum(reader.u64());
    return message;
  }
};

// u16 count | 6 reserved | count x (u64 sequence | 32 matrix_digest)
template <>
struct Body<Ordered> {
  static std::size_t size(const Ordered& message) { return 8 + message.entries.size() * kOrderedEntryBytes; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const Ordered& message) {
    CHECK(!message.entries.empty() && message.entries.size() <= kMaxOrderedEntries);
    writer.u16(static_cast<std::uint16_t>(message.entries.size())).zeros(6);
    for (const Ordered::Entry& entry : message.entries) writer.u64(entry.sequence.value()).bytes(entry.matrix_digest);
  }
  static Ordered read(Reader& reader, const Envelope& /*envelope*/) {
    Ordered message;
    message.entries.resize(read_count(reader, kMaxOrderedEntries));
    for (Ordered::Entry& entry : message.entries) {
      entry.sequence = SeqNum(reader.u64());
      entry.matrix_digest = reader.array<sizeof(Digest)>();
    }
    return message;
  }
};

Digest replay_digest(View view, ServerSet ids, SeqNum start_seq, const std::vector<Digest>& window) {
  std::array<std::uint8_t, 32> head{};
  Writer(head).u64(view.value()).u64(ids.bits()).u64(start_seq.value()).u64(window.size());
  crypto::Sha256 hash;
  hash.update(as_bytes(std::string_view("garrison-replay-1"))).update(head);
  for (const Digest& digest : window) hash.update(digest);
  return hash.finish();
}

GARRISON_INSTANTIATE_CODEC(RttPing);
GARRISON_INSTANTIATE_CODEC(RttPong);
GARRISON_INSTANTIATE_CODEC(RttMeasure);
GARRISON_INSTANTIATE_CODEC(TatUb);
GARRISON_INSTANTIATE_CODEC(TatMeasure);
GARRISON_INSTANTIATE_CODEC(NewLeader);
GARRISON_INSTANTIATE_CODEC(NewLeaderProof);
GARRISON_INSTANTIATE_CODEC(Report);
GARRISON_INSTANTIATE_CODEC(PcSet);
GARRISON_INSTANTIATE_CODEC(VcEcho);
GARRISON_INSTANTIATE_CODEC(VcReady);
GARRISON_INSTANTIATE_CODEC(VcList);
GARRISON_INSTANTIATE_CODEC(VcPartialSig);
GARRISON_INSTANTIATE_CODEC(VcProof);
GARRISON_INSTANTIATE_CODEC(Replay);
GARRISON_INSTANTIATE_CODEC(ReplayPrepare);
GARRISON_INSTANTIATE_CODEC(ReplayCommit);
GARRISON_INSTANTIATE_CODEC(Ordered);

}  // namespace garrison::message
