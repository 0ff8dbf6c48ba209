// What stands behind the header of the frames of a hub link [ARCH] 4.2. Everybody on the hub of either site hears them,
// whoever they are addressed to, so what they are is in them and not in their addresses: header and content say which
// link, link message and part. Little-endian, no padding.
//
//   part     header: src is who sends, dst_site the other end of the link, counter the link sequence
//            traffic u8, index u8, flags u8, zero u8, total u32, offset u32, mark u64, bytes to the end
//   request  header: src is who asks, dst_site whom, counter rises with every request of a life of the asker
//            incarnation u64, entries u8, tags u8, zero u16, zero u32
//            entries * (traffic u8, zero 3 bytes, held u32, sequence u64)
//            tags * 16 bytes, by the servers that are asked: each over all that stands before the first one
//
// A part is a signed message of control, in chunks where a frame has no room for it; chunks with another mark belong to
// another message under the same name. Nothing else authenticates it: overhearers have no key in common with its
// addressee, and the signature is what counts. A request says which link messages an asker cannot decode, and of each
// the parts that it holds.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/traffic.h"
#include "dataplane/wire/frame.h"

namespace garrison::wire {

struct HubPart {
  TrafficClass traffic = TrafficClass::bounded;
  std::uint8_t index = 0;
  bool again = false;        // flags bit 0: its site has not heard that the link message was executed
  std::uint32_t total = 0;   // bytes of the message that is the part
  std::uint32_t offset = 0;  // of `bytes` in it
  std::uint64_t mark = 0;    // the same in all its chunks
  ByteView bytes;            // never empty, never beyond total
};
inline constexpr std::size_t kHubPartHeadBytes = 20;
static_assert(kHubPartHeadBytes == 4 * 1 + 2 * 4 + 8 && kHubPartHeadBytes >= kFrameTagBytes);

// Behind the header of a payload whose header was parsed; a part frame has no tag.
inline ByteView hub_content(ByteView payload) { return payload.subspan(kFrameHeaderBytes); }

void write(Writer& out, const HubPart& part);
[[nodiscard]] std::optional<HubPart> read_hub_part(ByteView content);

struct HubRequest {
  struct Entry {
    TrafficClass traffic = TrafficClass::bounded;
    std::uint32_t held = 0;  // a bit per index
    SeqNum sequence;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  Incarnation incarnation;     // of the asker
  std::vector<Entry> entries;  // 1..kMaxHubRequestEntries
  std::uint8_t tags = 0;
};
inline constexpr std::size_t kMaxHubRequestEntries = 32;
inline constexpr std::size_t kHubRequestHeadBytes = 16;
inline constexpr std::size_t kHubRequestEntryBytes = 16;

constexpr std::size_t hub_request_payload_bytes(std::size_t entries, std::size_t tags) {
  return kFrameHeaderBytes + kHubRequestHeadBytes + entries * kHubRequestEntryBytes + tags * kFrameTagBytes;
}

// All but the tags.
void write(Writer& out, const HubRequest& request);
[[nodiscard]] std::optional<HubRequest> read_hub_request(ByteView content);
// Of a request's payload: what each tag covers, and tag `index` < request.tags.
[[nodiscard]] ByteView hub_request_authenticated(ByteView payload, const HubRequest& request);
[[nodiscard]] ByteView hub_request_tag(ByteView payload, const HubRequest& request, std::size_t index);

}  // namespace garrison::wire
