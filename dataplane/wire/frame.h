// Frames as they stand on the NIC: Ethernet/IPv4/UDP, inside it the Garrison header, content and a 16-byte tag.
//
// Everything here is a pure function over memory of the caller; any thread. Parsing never trusts a length and
// names why it refuses; building is given sizes its caller has bounded.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/base/bounds.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/traffic.h"

namespace garrison::wire {

// Where a server's port is reached. MACs are pinned by the topology, nothing is learned.
struct NetAddress {
  std::array<std::uint8_t, 6> mac{};
  std::uint32_t ipv4 = 0;  // host order: 10.0.0.1 is 0x0a000001
  std::uint16_t udp_port = 0;
  friend bool operator==(const NetAddress&, const NetAddress&) = default;
};

// What stands in the UDP checksum field of a frame we build.
enum class UdpChecksum : std::uint8_t {
  none,      // zero: in-process segments, whose memory nobody can flip
  software,  // computed here: ports without offload
  offload,   // pseudo-header sum, which a port with UDP checksum offload completes
};

inline constexpr std::uint8_t kDscpExpedited = 46;  // EF, RFC 3246: frames that carry TIMELY messages
inline constexpr std::uint8_t kTimeToLive = 64;

// Writes the Ethernet, IPv4 and UDP headers into the first kEncapsulationBytes of `frame`; the rest of `frame` is
// the UDP payload, already in place. DF is set, so the IPv4 identification is zero (RFC 6864, atomic datagrams).
void encapsulate(MutableBytes frame, const NetAddress& from, const NetAddress& to, TrafficClass traffic,
                 UdpChecksum checksum);

// One received datagram; `payload` points into the frame.
struct Datagram {
  NetAddress from;
  NetAddress to;
  std::uint8_t dscp = 0;
  ByteView payload;
};

// Fills `out`, or says why the frame is refused: truncated, not IPv4/UDP, a fragment, a wrong checksum (UDP's only
// where it is not zero). Whom the frame is addressed to is not judged here: a hub port overhears.
[[nodiscard]] std::optional<DropReason> parse_datagram(ByteView frame, Datagram& out);

// The same for a port that takes only what is sent to it: another MAC, address or port is frame_not_ours.
[[nodiscard]] std::optional<DropReason> parse_datagram_to(const NetAddress& self, ByteView frame, Datagram& out);

enum class FrameKind : std::uint8_t {
  hello = 1,
  channel = 2,
  hub_part = 3,     // wire/hub_frame.h
  hub_request = 4,  // the same
};

// The Garrison header. Little-endian, in this order, without padding; `reserved` (two bytes after length) is zero.
struct FrameHeader {
  FrameKind kind = FrameKind::hello;
  std::uint16_t length = 0;  // whole UDP payload: header, content and tag
  SiteId src_site;
  ServerId src_server;
  SiteId dst_site;
  ServerId dst_server;
  std::uint64_t port_sequence = 0;  // frames sent by this port so far; whoever hears the port counts gaps
  std::uint64_t counter = 0;        // of the session: packet number and GMAC nonce
  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

inline constexpr std::uint16_t kFrameMagic = 0x5247;  // "GR" in the order of bytes
inline constexpr std::uint8_t kFrameVersion = 1;
inline constexpr std::size_t kFrameHeaderBytes = 32;
inline constexpr std::size_t kFrameTagBytes = 16;
inline constexpr std::size_t kFrameOverheadBytes = kFrameHeaderBytes + kFrameTagBytes;
static_assert(kFrameHeaderBytes == 2 + 1 + 1 + 2 + 2 + 4 * 2 + 8 + 8);

// The largest UDP payload of a path that carries IP packets of `path_ip_bytes`.
constexpr std::size_t udp_payload_budget(std::size_t path_ip_bytes) {
  return path_ip_bytes - kIpv4HeaderBytes - kUdpHeaderBytes;
}

// Writes the header into the first kFrameHeaderBytes of `payload`.
void write_frame_header(MutableBytes payload, const FrameHeader& header);

// Reads the header of a whole UDP payload. Refuses by name what is too short, has another magic, version or kind,
// reserved bits, or a length that is not the payload's.
[[nodiscard]] std::optional<DropReason> parse_frame_header(ByteView payload, FrameHeader& out);

// The parts of a payload whose header was parsed: what the tag covers, the content, the tag.
inline ByteView frame_authenticated(ByteView payload) { return payload.first(payload.size() - kFrameTagBytes); }
inline ByteView frame_content(ByteView payload) { return frame_authenticated(payload).subspan(kFrameHeaderBytes); }
inline ByteView frame_tag(ByteView payload) { return payload.last(kFrameTagBytes); }

}  // namespace garrison::wire
