// Bodies of the messages that find who sent invalid parts.
#include "control/message/codec.h"
#include "control/message/fields.h"

namespace garrison::message {
namespace {

constexpr std::size_t kIdBytes = 2 + 1 + 1 + 4 + 8 + 8 + 8;
using Answer = LinkInquiryResponse::Answer;

// An INQUIRY fits a PO-REQUEST beside a TICK.
static_assert(8 + 8 + 2 * (kLengthBytes + kEnvelopeBytes) + find_row(MessageType::Tick)->max_body_bytes +
                  find_row(MessageType::LinkInquiry)->max_body_bytes + kMaxBlockBytes <=
              kMaxPoRequestBody);
static_assert(kIdBytes == 32);

// What both begin with; `detail` is the count of parts, or the answer.
void write_id(Writer& writer, const InquiryId& id, SiteId other, std::uint8_t detail) {
  CHECK(id.number > SeqNum(0) && id.sequence > SeqNum(0));
  writer.u16(other.value()).u8(id.traffic == TrafficClass::timely ? 0 : 1).u8(detail).zeros(4);
  writer.u64(id.incarnation.value()).u64(id.number.value()).u64(id.sequence.value());
}

std::uint8_t read_id(Reader& reader, InquiryId& id, SiteId& other) {
  const std::uint16_t site = reader.u16();
  const std::uint8_t traffic = reader.u8();
  const std::uint8_t detail = reader.u8();
  reader.zeros(4);
  other = SiteId(site);
  id.traffic = traffic == 0 ? TrafficClass::timely : TrafficClass::bounded;
  id.incarnation = Incarnation(reader.u64());
  id.number = SeqNum(reader.u64());
  id.sequence = SeqNum(reader.u64());
  if (traffic > 1 || site >= kMaxServersPerSite || id.asked == id.asker) reader.fail();
  if (id.number == SeqNum(0) || id.sequence == SeqNum(0)) reader.fail();
  return detail;
}

}  // namespace

// u16 asked site | u8 class | u8 parts | 4 reserved | u64 incarnation | u64 number | u64 sequence | parts, each u32
// length | bytes
template <>
struct Body<LinkInquiry> {
  static std::size_t size(const LinkInquiry& message) { return kIdBytes + strings_bytes(message.parts); }
  static void write(Writer& writer, const Envelope& envelope, const LinkInquiry& message) {
    CHECK(message.id.asker == envelope.signer.site);
    CHECK(!message.parts.empty() && message.parts.size() <= kMaxLinkInquiryParts);
    write_id(writer, message.id, message.id.asked, static_cast<std::uint8_t>(message.parts.size()));
    write_strings(writer, message.parts);
  }
  static LinkInquiry read(Reader& reader, const Envelope& envelope) {
    LinkInquiry message;
    message.id.asker = envelope.signer.site;
    const std::size_t count = read_id(reader, message.id, message.id.asked);
    if (count == 0 || count > kMaxLinkInquiryParts) reader.fail();
    for (std::size_t i = 0; i < count && reader.ok(); ++i) message.parts.push_back(reader.view(reader.u32()));
    return message;
  }
};

// u16 asker | u8 class | u8 answer | 4 reserved | u64 incarnation | u64 number | u64 sequence | bundle
template <>
struct Body<LinkInquiryResponse> {
  static std::size_t size(const LinkInquiryResponse& message) { return kIdBytes + message.bundle.size(); }
  static void write(Writer& writer, const Envelope& envelope, const LinkInquiryResponse& message) {
    CHECK(message.id.asked == envelope.signer.site && fits(message));
    write_id(writer, message.id, message.id.asker, static_cast<std::uint8_t>(message.answer));
    writer.bytes(message.bundle);
  }
  static LinkInquiryResponse read(Reader& reader, const Envelope& envelope) {
    LinkInquiryResponse message;
    message.id.asked = envelope.signer.site;
    const std::uint8_t answer = read_id(reader, message.id, message.id.asker);
    message.answer = static_cast<Answer>(answer);
    message.bundle = reader.view(reader.remaining());
    if (answer > static_cast<std::uint8_t>(Answer::forgotten) || !fits(message)) reader.fail();
    return message;
  }

 private:
  // BOUNDED messages are kept until they are acknowledged: none is ever forgotten.
  static bool fits(const LinkInquiryResponse& message) {
    if (message.answer == Answer::forgotten && message.id.traffic != TrafficClass::timely) return false;
    return message.bundle.empty() != (message.answer == Answer::message) &&
           message.bundle.size() <= kMaxLinkBundleBytes;
  }
};

GARRISON_INSTANTIATE_CODEC(LinkInquiry);
GARRISON_INSTANTIATE_CODEC(LinkInquiryResponse);

}  // namespace garrison::message
