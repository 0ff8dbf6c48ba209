// Bodies of the messages with which servers make a signature of their site.
#include "control/message/codec.h"
#include "control/message/fields.h"
#include "crypto/batch.h"

namespace garrison::message {
namespace {

constexpr std::size_t kSigShareFixedBytes = 8 + 2 + 2 + 2 + 2;
constexpr std::size_t kSigRequestBytes = 8 + 8;
constexpr std::size_t kSigEvidenceFixedBytes = 8;
constexpr std::size_t kSigCompleteFixedBytes = 8;

constexpr std::size_t bound(MessageType type) { return find_row(type)->max_body_bytes; }
static_assert(kSigShareFixedBytes + kMaxStatementBytes + kMaxSignatureBytes + kMaxShareProofBytes ==
              bound(MessageType::SigShare));
static_assert(kSigRequestBytes == bound(MessageType::SigRequest));
static_assert(kSigEvidenceFixedBytes + kMaxEvidenceShares * (kLengthBytes + kMaxSignedShareBytes) ==
              bound(MessageType::SigEvidence));
static_assert(kSigCompleteFixedBytes + kMaxSignatureBytes == bound(MessageType::SigComplete));
static_assert(kMaxShareProofBytes == crypto::kMaxThresholdProofBytes &&
              crypto::kRootStatementBytes <= kMaxStatementBytes);
static_assert(kEnvelopeBytes + bound(MessageType::SigShare) + crypto::kMaxSignatureBlockBytes == kMaxSignedShareBytes);

bool sizes_fit(std::size_t statement, std::size_t share, std::size_t proof) {
  return statement >= 1 && statement <= kMaxStatementBytes && share >= 1 && share <= kMaxSignatureBytes &&
         proof <= kMaxShareProofBytes;
}

}  // namespace

// u64 batch | u16 statement bytes | u16 share bytes | u16 proof bytes | 2 reserved | statement | share | proof
template <>
struct Body<SigShare> {
  static std::size_t size(const SigShare& message) {
    return kSigShareFixedBytes + message.statement.size() + message.share.size() + message.proof.size();
  }
  static void write(Writer& writer, const Envelope& /*envelope*/, const SigShare& message) {
    CHECK(sizes_fit(message.statement.size(), message.share.size(), message.proof.size()));
    writer.u64(message.batch).u16(static_cast<std::uint16_t>(message.statement.size()));
    writer.u16(static_cast<std::uint16_t>(message.share.size()));
    writer.u16(static_cast<std::uint16_t>(message.proof.size())).zeros(2);
    writer.bytes(message.statement).bytes(message.share).bytes(message.proof);
  }
  static SigShare read(Reader& reader, const Envelope& /*envelope*/) {
    SigShare message;
    message.batch = reader.u64();
    const std::size_t statement_bytes = reader.u16();
    const std::size_t share_bytes = reader.u16();
    const std::size_t proof_bytes = reader.u16();
    reader.zeros(2);
    if (!sizes_fit(statement_bytes, share_bytes, proof_bytes)) reader.fail();
    message.statement = reader.view(statement_bytes);
    message.share = reader.view(share_bytes);
    message.proof = reader.view(proof_bytes);
    return message;
  }
};

// u64 batch | u8 proof | 7 reserved
template <>
struct Body<SigRequest> {
  static std::size_t size(const SigRequest& /*message*/) { return kSigRequestBytes; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const SigRequest& message) {
    writer.u64(message.batch).u8(message.proof ? 1 : 0).zeros(7);
  }
  static SigRequest read(Reader& reader, const Envelope& /*envelope*/) {
    SigRequest message;
    message.batch = reader.u64();
    const std::uint8_t proof = reader.u8();
    reader.zeros(7);
    if (proof > 1) reader.fail();
    message.proof = proof == 1;
    return message;
  }
};

// u16 count | 6 reserved | count x (u32 length | SIG-SHARE)
template <>
struct Body<SigEvidence> {
  static std::size_t size(const SigEvidence& message) { return kSigEvidenceFixedBytes + strings_bytes(message.shares); }
  static void write(Writer& writer, const Envelope& /*envelope*/, const SigEvidence& message) {
    write_count(writer, message.shares.size(), kMaxEvidenceShares);
    write_strings(writer, message.shares);
  }
  static SigEvidence read(Reader& reader, const Envelope& /*envelope*/) {
    SigEvidence message;
    message.shares.resize(read_count(reader, kMaxEvidenceShares));
    for (ByteView& share : message.shares) share = reader.view(reader.u32());
    return message;
  }
};

// u64 batch | signature
template <>
struct Body<SigComplete> {
  static std::size_t size(const SigComplete& message) { return kSigCompleteFixedBytes + message.signature.size(); }
  static void write(Writer& writer, const Envelope& /*envelope*/, const SigComplete& message) {
    CHECK(!message.signature.empty() && message.signature.size() <= kMaxSignatureBytes);
    writer.u64(message.batch).bytes(message.signature);
  }
  static SigComplete read(Reader& reader, const Envelope& /*envelope*/) {
    SigComplete message;
    message.batch = reader.u64();
    message.signature = reader.view(reader.remaining());
    if (message.signature.empty() || message.signature.size() > kMaxSignatureBytes) reader.fail();
    return message;
  }
};

GARRISON_INSTANTIATE_CODEC(SigShare);
GARRISON_INSTANTIATE_CODEC(SigRequest);
GARRISON_INSTANTIATE_CODEC(SigEvidence);
GARRISON_INSTANTIATE_CODEC(SigComplete);

}  // namespace garrison::message
