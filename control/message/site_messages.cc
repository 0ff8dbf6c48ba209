// Bodies of the logical machine's messages.
#include "control/message/codec.h"
#include "control/message/fields.h"

namespace garrison::message {
namespace {

constexpr std::size_t kPartFixedBytes = 2 + 1 + 1 + 1 + 1 + 2 + 8 + 8 + 4 + 4;
constexpr std::size_t kLinkFixedBytes = 2 + 1 + 1 + 2 + 2 + 8 + 8 + 8;
constexpr std::size_t kItemFixedBytes = 4 + 2 + 2;

static_assert(kPartFixedBytes <= kLinkPartFixedBytes &&
              kPartFixedBytes + kMaxLinkBundleBytes <= find_row(MessageType::LinkPart)->max_body_bytes);
// A LINK-PART fits a PO-REQUEST.
static_assert(8 + 8 + kLengthBytes + kEnvelopeBytes + find_row(MessageType::LinkPart)->max_body_bytes +
                  kMaxBlockBytes <=
              kMaxPoRequestBody);
// So does a message of the global protocol a link message, and a link message with its paths a bundle.
static_assert(kLinkFixedBytes + kItemFixedBytes + kMaxSiteMessageBytes <= kMaxLinkMessageBody);
static_assert(kLengthBytes + kEnvelopeBytes + kMaxLinkMessageBody + kMaxBlockBytes + kMaxMerklePath * sizeof(Digest) <=
              kMaxLinkBundleBytes);

TrafficClass read_traffic(Reader& reader) {
  const std::uint8_t value = reader.u8();
  if (value > 1) reader.fail();
  return value == 0 ? TrafficClass::timely : TrafficClass::bounded;
}

std::uint8_t number_of(TrafficClass traffic) { return traffic == TrafficClass::timely ? 0 : 1; }

SiteId read_site(Reader& reader) {
  const std::uint16_t site = reader.u16();
  if (site >= kMaxServersPerSite) reader.fail();
  return SiteId(site);
}

}  // namespace

// u64 clock in ns
template <>
struct Body<Tick> {
  static std::size_t size(const Tick& /*message*/) { return 8; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const Tick& message) {
    CHECK(message.clock.ns() >= 0);
    writer.u64(static_cast<std::uint64_t>(message.clock.ns()));
  }
  static Tick read(Reader& reader, const Envelope& /*envelope*/) {
    const std::uint64_t clock = reader.u64();
    if (clock > static_cast<std::uint64_t>(kLatestTick.ns())) {
      reader.fail();
      return {};
    }
    return {Instant(static_cast<std::int64_t>(clock))};
  }
};

// u16 destination, zero u16, u32 missed
template <>
struct Body<DutyReport> {
  static std::size_t size(const DutyReport& /*message*/) { return 8; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const DutyReport& message) {
    writer.u16(message.destination.value()).zeros(2).u32(message.missed.bits());
  }
  static DutyReport read(Reader& reader, const Envelope& /*envelope*/) {
    DutyReport message;
    message.destination = SiteId(reader.u16());
    reader.zeros(2);
    const std::uint32_t missed = reader.u32();
    if ((missed >> kMaxServersPerSite) != 0) {
      reader.fail();
      return {};
    }
    message.missed = ServerSet::from_bits(missed);
    return message;
  }
};

// u64 number
template <>
struct Body<SiteBatch> {
  static std::size_t size(const SiteBatch& /*message*/) { return 8; }
  static void write(Writer& writer, const Envelope& /*envelope*/, const SiteBatch& message) {
    CHECK(message.number > 0);
    writer.u64(message.number);
  }
  static SiteBatch read(Reader& reader, const Envelope& /*envelope*/) {
    const std::uint64_t number = reader.u64();
    if (number == 0) reader.fail();
    return {number};
  }
};

// u16 destination | u8 class | u8 index | u8 k | u8 n | 2 reserved | u64 incarnation | u64 sequence |
// u32 bundle_bytes | 4 reserved | part
template <>
struct Body<LinkPart> {
  static std::size_t size(const LinkPart& message) { return kPartFixedBytes + message.part.size(); }
  static void write(Writer& writer, const Envelope& /*envelope*/, const LinkPart& message) {
    CHECK(message.k >= 1 && message.k <= message.n && message.index < message.n && !message.part.empty());
    writer.u16(message.destination.value()).u8(number_of(message.traffic)).u8(message.index);
    writer.u8(message.k).u8(message.n).zeros(2).u64(message.incarnation.value()).u64(message.sequence.value());
    writer.u32(message.bundle_bytes).zeros(4).bytes(message.part);
  }
  static LinkPart read(Reader& reader, const Envelope& /*envelope*/) {
    LinkPart message;
    message.destination = read_site(reader);
    message.traffic = read_traffic(reader);
    message.index = reader.u8();
    message.k = reader.u8();
    message.n = reader.u8();
    reader.zeros(2);
    message.incarnation = Incarnation(reader.u64());
    message.sequence = SeqNum(reader.u64());
    message.bundle_bytes = reader.u32();
    reader.zeros(4);
    if (message.k == 0 || message.k > message.n || message.index >= message.n) reader.fail();
    if (message.sequence == SeqNum(0)) reader.fail();
    if (message.bundle_bytes == 0 || message.bundle_bytes > kMaxLinkBundleBytes) reader.fail();
    message.part = reader.view(reader.remaining());
    if (message.part.empty()) reader.fail();
    return message;
  }
};

// u16 destination | u8 class | u8 reserved | u16 items | 2 reserved | u64 incarnation | u64 sequence | u64 delivered |
// items, each u32 length | u16 leaf | 2 reserved | bytes
template <>
struct Body<LinkMessage> {
  static std::size_t size(const LinkMessage& message) {
    std::size_t size = kLinkFixedBytes;
    for (const LinkMessage::Item& item : message.items) size += kItemFixedBytes + item.bytes.size();
    return size;
  }
  static void write(Writer& writer, const Envelope& /*envelope*/, const LinkMessage& message) {
    CHECK(message.items.size() <= kMaxLinkItems);
    writer.u16(message.destination.value()).u8(number_of(message.traffic)).zeros(1);
    writer.u16(static_cast<std::uint16_t>(message.items.size())).zeros(2);
    writer.u64(message.incarnation.value()).u64(message.sequence.value()).u64(message.delivered.value());
    for (const LinkMessage::Item& item : message.items) {
      writer.u32(static_cast<std::uint32_t>(item.bytes.size())).u16(item.leaf).zeros(2).bytes(item.bytes);
    }
  }
  static LinkMessage read(Reader& reader, const Envelope& /*envelope*/) {
    LinkMessage message;
    message.destination = read_site(reader);
    message.traffic = read_traffic(reader);
    reader.zeros(1);
    const std::size_t count = reader.u16();
    reader.zeros(2);
    message.incarnation = Incarnation(reader.u64());
    message.sequence = SeqNum(reader.u64());
    message.delivered = SeqNum(reader.u64());
    if (count > kMaxLinkItems || message.sequence == SeqNum(0)) reader.fail();
    for (std::size_t i = 0; i < count && reader.ok(); ++i) {
      const std::size_t length = reader.u32();
      LinkMessage::Item item;
      item.leaf = reader.u16();
      reader.zeros(2);
      item.bytes = reader.view(length);
      message.items.push_back(item);
    }
    return message;
  }
};

// bundle
template <>
struct Body<LinkBundle> {
  static std::size_t size(const LinkBundle& message) { return message.bundle.size(); }
  static void write(Writer& writer, const Envelope& /*envelope*/, const LinkBundle& message) {
    CHECK(!message.bundle.empty());
    writer.bytes(message.bundle);
  }
  static LinkBundle read(Reader& reader, const Envelope& /*envelope*/) {
    const LinkBundle message{reader.view(reader.remaining())};
    if (message.bundle.empty()) reader.fail();
    return message;
  }
};

GARRISON_INSTANTIATE_CODEC(Tick);
GARRISON_INSTANTIATE_CODEC(SiteBatch);
GARRISON_INSTANTIATE_CODEC(LinkPart);
GARRISON_INSTANTIATE_CODEC(LinkMessage);
GARRISON_INSTANTIATE_CODEC(LinkBundle);
GARRISON_INSTANTIATE_CODEC(DutyReport);

}  // namespace garrison::message
