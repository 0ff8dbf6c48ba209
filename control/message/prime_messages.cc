// Bodies of Prime's messages [PRIME] 5.1, 5.2, 5.4.1.
#include "control/message/codec.h"
#include "control/message/fields.h"
#include "crypto/batch.h"
#include "crypto/digest.h"

namespace garrison::message {
namespace {

constexpr std::size_t kPoRequestFixedBytes = 8 + 2 + 6;
constexpr std::size_t kPoAckFixedBytes = 2 + 6;
constexpr std::size_t kPoAckEntryBytes = 2 + 6 + 8 + sizeof(Digest);
constexpr std::size_t kPoSummaryFixedBytes = 2 + 6;
constexpr std::size_t kRowsFixedBytes = 2 + 6;
constexpr std::size_t kPrePrepareFixedBytes = 8 + 8;
constexpr std::size_t kPhaseBytes = 8 + 8 + sizeof(Digest);

static_assert(kPoAckFixedBytes + kMaxAcksPerPoAck * kPoAckEntryBytes == find_row(MessageType::PoAck)->max_body_bytes);
static_assert(kPoSummaryFixedBytes + 8 * kMaxServersPerSite == kPoSummaryBodyBytes);
static_assert(kEnvelopeBytes + kPoSummaryBodyBytes + crypto::kMaxSignatureBlockBytes <= kMaxRowBytes);
static_assert(kRowsFixedBytes + kMaxServersPerSite * (kLengthBytes + kMaxRowBytes) == kMaxMatrixBytes);
static_assert(kPrePrepareFixedBytes + kMaxMatrixBytes == find_row(MessageType::PrePrepare)->max_body_bytes);
static_assert(kPhaseBytes == find_row(MessageType::Prepare)->max_body_bytes);
static_assert(kPhaseBytes == find_row(MessageType::PrePrepareRequest)->max_body_bytes);
static_assert(kPhaseBytes + 8 == find_row(MessageType::Commit)->max_body_bytes);
static_assert(kEnvelopeBytes + kMaxPoRequestBody + crypto::kMaxSignatureBlockBytes <= kMaxMessageBytes);
// The largest CLIENT-OP fits a PO-REQUEST of its own.
static_assert(kPoRequestFixedBytes + kLengthBytes + kEnvelopeBytes + kMaxClientOpBody +
                  crypto::kMaxSignatureBlockBytes <=
              kMaxPoRequestBody);

// u16 n | 6 reserved | n x (u32 length | row)
void write_rows(Writer& writer, const MatrixRows& rows) {
  write_count(writer, rows.size(), kMaxServersPerSite);
  for (const ByteView row : rows) CHECK(row.size() <= kMaxRowBytes);
  write_strings(writer, rows);
}

MatrixRows read_rows(Reader& reader) {
  MatrixRows rows(read_count(reader, kMaxServersPerSite));
  for (ByteView& row : rows) {
    const std::size_t size = reader.u32();
    if (size > kMaxRowBytes) reader.fail();
    row = reader.view(size);
  }
  return rows;
}

// PREPARE, COMMIT and PRE-PREPARE-REQUEST: u64 view | u64 sequence | 32 matrix_digest
template <typename Phase>
struct PhaseBody {
  static std::size_t size(const Phase& /*message*/) { return kPhaseBytes; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const Phase& message) {
    writer.u64(message.view.value()).u64(message.sequence.value()).bytes(message.matrix_digest);
  }
  static Phase read(Reader& reader, const Envelope& /*envelope*/) {
    Phase message;
    message.view = View(reader.u64());
    message.sequence = SeqNum(reader.u64());
    message.matrix_digest = reader.array<sizeof(Digest)>();
    return message;
  }
};

}  // namespace

// u64 sequence | u16 count | 6 reserved | count x (u32 length | CLIENT-OP)
template <>
struct Body<PoRequest> {
  static std::size_t size(const PoRequest& message) { return kPoRequestFixedBytes + strings_bytes(message.updates); }
  static void write(Writer& writer, const Envelope& envelope, const PoRequest& message) {
    CHECK(message.introducer.value() == envelope.signer.place());
    writer.u64(message.sequence.value());
    write_count(writer, message.updates.size(), kMaxUpdatesPerPoRequest);
    write_strings(writer, message.updates);
  }
  static PoRequest read(Reader& reader, const Envelope& envelope) {
    PoRequest message;
    message.introducer = ServerId(static_cast<std::uint16_t>(envelope.signer.place()));  // below kMaxServersPerSite
    message.sequence = SeqNum(reader.u64());
    message.updates.resize(read_count(reader, kMaxUpdatesPerPoRequest));
    for (ByteView& update : message.updates) update = reader.view(reader.u32());
    return message;
  }
};

// u16 count | 6 reserved | count x (u16 introducer | 6 reserved | u64 sequence | 32 digest)
template <>
struct Body<PoAck> {
  static std::size_t size(const PoAck& message) { return kPoAckFixedBytes + message.entries.size() * kPoAckEntryBytes; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const PoAck& message) {
    write_count(writer, message.entries.size(), kMaxAcksPerPoAck);
    for (const PoAck::Entry& entry : message.entries) {
      CHECK(entry.introducer.index() < kMaxServersPerSite);
      writer.u16(entry.introducer.value()).zeros(6).u64(entry.sequence.value()).bytes(entry.digest);
    }
  }
  static PoAck read(Reader& reader, const Envelope& /*envelope*/) {
    PoAck message;
    message.entries.resize(read_count(reader, kMaxAcksPerPoAck));
    for (PoAck::Entry& entry : message.entries) {
      entry.introducer = read_server(reader);
      reader.zeros(6);
      entry.sequence = SeqNum(reader.u64());
      entry.digest = reader.array<sizeof(Digest)>();
    }
    return message;
  }
};

// u16 n | 6 reserved | n x u64
template <>
struct Body<PoSummary> {
  static std::size_t size(const PoSummary& message) { return kPoSummaryFixedBytes + message.vec.size() * 8; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const PoSummary& message) {
    write_count(writer, message.vec.size(), kMaxServersPerSite);
    for (const SeqNum sequence : message.vec) writer.u64(sequence.value());
  }
  static PoSummary read(Reader& reader, const Envelope& /*envelope*/) {
    PoSummary message;
    message.vec.resize(read_count(reader, kMaxServersPerSite));
    for (SeqNum& sequence : message.vec) sequence = SeqNum(reader.u64());
    return message;
  }
};

// rows
template <>
struct Body<SummaryMatrix> {
  static std::size_t size(const SummaryMatrix& message) { return kRowsFixedBytes + strings_bytes(message.rows); }
  static void write(Writer& writer, const Envelope& /*envelope*/, const SummaryMatrix& message) {
    write_rows(writer, message.rows);
  }
  static SummaryMatrix read(Reader& reader, const Envelope& /*envelope*/) { return {read_rows(reader)}; }
};

// u64 view | u64 sequence | rows
template <>
struct Body<PrePrepare> {
  static std::size_t size(const PrePrepare& message) {
    return kPrePrepareFixedBytes + kRowsFixedBytes + strings_bytes(message.rows);
  }
  static void write(Writer& writer, const Envelope& /*envelope*/, const PrePrepare& message) {
    writer.u64(message.view.value()).u64(message.sequence.value());
    write_rows(writer, message.rows);
  }
  static PrePrepare read(Reader& reader, const Envelope& /*envelope*/) {
    PrePrepare message;
    message.view = View(reader.u64());
    message.sequence = SeqNum(reader.u64());
    message.rows = read_rows(reader);
    return message;
  }
};

template <>
struct Body<Prepare> : PhaseBody<Prepare> {};
template <>
struct Body<PrePrepareRequest> : PhaseBody<PrePrepareRequest> {};
template <>
struct Body<Commit> {
  static std::size_t size(const Commit& message) { return PhaseBody<Commit>::size(message) + 8; }
  static void write(Writer& writer, const Envelope& envelope, const Commit& message) {
    PhaseBody<Commit>::write(writer, envelope, message);
    writer.u64(message.executed.value());
  }
  static Commit read(Reader& reader, const Envelope& envelope) {
    Commit message = PhaseBody<Commit>::read(reader, envelope);
    message.executed = SeqNum(reader.u64());
    return message;
  }
};

Digest matrix_digest(const MatrixRows& rows) {
  Bytes encoded(kRowsFixedBytes + strings_bytes(rows));
  Writer writer(encoded);
  write_rows(writer, rows);
  return crypto::Sha256().update(as_bytes(std::string_view("garrison-matrix-1"))).update(encoded).finish();
}

GARRISON_INSTANTIATE_CODEC(PoRequest);
GARRISON_INSTANTIATE_CODEC(PoAck);
GARRISON_INSTANTIATE_CODEC(PoSummary);
GARRISON_INSTANTIATE_CODEC(SummaryMatrix);
GARRISON_INSTANTIATE_CODEC(PrePrepare);
GARRISON_INSTANTIATE_CODEC(Prepare);
GARRISON_INSTANTIATE_CODEC(Commit);
GARRISON_INSTANTIATE_CODEC(PrePrepareRequest);

}  // namespace garrison::message
