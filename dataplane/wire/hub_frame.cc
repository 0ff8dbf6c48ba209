#include "dataplane/wire/hub_frame.h"

namespace garrison::wire {
namespace {

constexpr std::uint8_t kAgain = 1;

// False when it is no class.
bool read_traffic(Reader& in, TrafficClass& traffic) {
  const std::uint8_t byte = in.u8();
  traffic = static_cast<TrafficClass>(byte);
  return byte <= static_cast<std::uint8_t>(TrafficClass::bounded);
}

std::size_t without_tags(ByteView payload, const HubRequest& request) {
  return payload.size() - request.tags * kFrameTagBytes;
}

}  // namespace

void write(Writer& out, const HubPart& part) {
  out.u8(static_cast<std::uint8_t>(part.traffic)).u8(part.index).u8(part.again ? kAgain : 0).u8(0);
  out.u32(part.total).u32(part.offset).u64(part.mark).bytes(part.bytes);
}

std::optional<HubPart> read_hub_part(ByteView content) {
  if (content.size() <= kHubPartHeadBytes) return std::nullopt;
  const std::uint8_t* const at = content.data();  // no reader: this is done for every frame, and the size is known
  const std::uint8_t flags = at[2];
  if (at[0] > static_cast<std::uint8_t>(TrafficClass::bounded) || flags > kAgain || at[3] != 0) return std::nullopt;
  const HubPart part{.traffic = static_cast<TrafficClass>(at[0]),
                     .index = at[1],
                     .again = flags == kAgain,
                     .total = load_le<std::uint32_t>(at + 4),
                     .offset = load_le<std::uint32_t>(at + 8),
                     .mark = load_le<std::uint64_t>(at + 12),
                     .bytes = content.subspan(kHubPartHeadBytes)};
  if (part.offset > part.total || part.bytes.size() > part.total - part.offset) return std::nullopt;
  return part;
}

void write(Writer& out, const HubRequest& request) {
  CHECK(!request.entries.empty() && request.entries.size() <= kMaxHubRequestEntries);
  out.u64(request.incarnation.value()).u8(static_cast<std::uint8_t>(request.entries.size())).u8(request.tags);
  out.zeros(6);
  for (const HubRequest::Entry& entry : request.entries) {
    out.u8(static_cast<std::uint8_t>(entry.traffic)).zeros(3).u32(entry.held).u64(entry.sequence.value());
  }
}

std::optional<HubRequest> read_hub_request(ByteView content) {
  Reader in(content);
  HubRequest request;
  request.incarnation = Incarnation(in.u64());
  const std::size_t entries = in.u8();
  request.tags = in.u8();
  in.zeros(6);
  if (!in.ok() || request.incarnation.value() == 0 || entries == 0 || entries > kMaxHubRequestEntries) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < entries; ++i) {
    HubRequest::Entry entry;
    if (!read_traffic(in, entry.traffic)) in.fail();
    in.zeros(3);
    entry.held = in.u32();
    entry.sequence = SeqNum(in.u64());
    if (entry.sequence.value() == 0) in.fail();
    request.entries.push_back(entry);
  }
  static_cast<void>(in.view(request.tags * kFrameTagBytes));
  return in.done() ? std::optional(request) : std::nullopt;
}

ByteView hub_request_authenticated(ByteView payload, const HubRequest& request) {
  return payload.first(without_tags(payload, request));
}

ByteView hub_request_tag(ByteView payload, const HubRequest& request, std::size_t index) {
  CHECK(index < request.tags);
  return payload.subspan(without_tags(payload, request) + index * kFrameTagBytes, kFrameTagBytes);
}

}  // namespace garrison::wire
