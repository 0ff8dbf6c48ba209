// Bodies of the messages of Prime's Reconciliation sub-protocol [PRIME] 5.3.
#include "control/message/codec.h"
#include "crypto/batch.h"

namespace garrison::message {
namespace {

constexpr std::size_t kInquiryFixedBytes = 2 + 6;
constexpr std::size_t kCorruptionProofFixedBytes = 4 + 4;
constexpr std::size_t kLengthBytes = 4;

static_assert(2 + 2 + 4 + 8 + sizeof(Digest) == kReconFixedBytes);
static_assert(kMaxBlockBytes == crypto::kMaxSignatureBlockBytes);
static_assert(kEnvelopeBytes + kMaxCorruptionProofBody + kMaxBlockBytes <= kMaxMessageBytes);
// With fewer faults the parts are larger and fewer.
constexpr bool inquiries_of_every_site_fit() {
  for (std::size_t k = 1; k <= kMaxInquiryParts; ++k) {
    if (kInquiryFixedBytes + k * (kLengthBytes + signed_recon_bytes(k)) > kMaxInquiryBody) return false;
  }
  return true;
}
static_assert(inquiries_of_every_site_fit());

}  // namespace

// u16 introducer | u16 block_bytes | u32 content_bytes | u64 sequence | 32 digest | block | part
template <>
struct Body<Recon> {
  static std::size_t size(const Recon& message) {
    return kReconFixedBytes + message.block.size() + message.part.size();
  }
  static void write(Writer& writer, const Envelope& /*envelope*/, const Recon& message) {
    CHECK(message.introducer.index() < kMaxServersPerSite && message.block.size() <= kMaxBlockBytes);
    writer.u16(message.introducer.value()).u16(static_cast<std::uint16_t>(message.block.size()));
    writer.u32(message.content_bytes).u64(message.sequence.value());
    writer.bytes(message.digest).bytes(message.block).bytes(message.part);
  }
  static Recon read(Reader& reader, const Envelope& /*envelope*/) {
    Recon message;
    message.introducer = ServerId(reader.u16());
    const std::size_t block_bytes = reader.u16();
    message.content_bytes = reader.u32();
    message.sequence = SeqNum(reader.u64());
    message.digest = reader.array<sizeof(Digest)>();
    const bool in_range = message.introducer.index() < kMaxServersPerSite && block_bytes <= kMaxBlockBytes &&
                          message.content_bytes >= kEnvelopeBytes && message.content_bytes <= kMaxPoRequestContent;
    if (!in_range) reader.fail();
    message.block = reader.view(block_bytes);
    message.part = reader.view(reader.remaining());
    return message;
  }
};

// u16 count | 6 reserved | count x (u32 length | RECON)
template <>
struct Body<Inquiry> {
  static std::size_t size(const Inquiry& message) {
    std::size_t size = kInquiryFixedBytes + message.parts.size() * kLengthBytes;
    for (const ByteView part : message.parts) size += part.size();
    return size;
  }
  static void write(Writer& writer, const Envelope& /*envelope*/, const Inquiry& message) {
    CHECK(!message.parts.empty() && message.parts.size() <= kMaxInquiryParts);
    writer.u16(static_cast<std::uint16_t>(message.parts.size())).zeros(6);
    for (const ByteView part : message.parts) writer.u32(static_cast<std::uint32_t>(part.size())).bytes(part);
  }
  static Inquiry read(Reader& reader, const Envelope& /*envelope*/) {
    const std::size_t count = reader.u16();
    reader.zeros(6);
    if (count == 0 || count > kMaxInquiryParts) reader.fail();
    Inquiry message;
    message.parts.resize(reader.ok() ? count : 0);
    for (ByteView& part : message.parts) part = reader.view(reader.u32());
    return message;
  }
};

// u32 part_bytes | 4 reserved | RECON | content of the PO-REQUEST
template <>
struct Body<CorruptionProof> {
  static std::size_t size(const CorruptionProof& message) {
    return kCorruptionProofFixedBytes + message.part.size() + message.request.size();
  }
  static void write(Writer& writer, const Envelope& /*envelope*/, const CorruptionProof& message) {
    writer.u32(static_cast<std::uint32_t>(message.part.size())).zeros(4);
    writer.bytes(message.part).bytes(message.request);
  }
  static CorruptionProof read(Reader& reader, const Envelope& /*envelope*/) {
    CorruptionProof message;
    const std::size_t part_bytes = reader.u32();
    reader.zeros(4);
    message.part = reader.view(part_bytes);
    message.request = reader.view(reader.remaining());
    return message;
  }
};

GARRISON_INSTANTIATE_CODEC(Recon);
GARRISON_INSTANTIATE_CODEC(Inquiry);
GARRISON_INSTANTIATE_CODEC(CorruptionProof);

}  // namespace garrison::message
