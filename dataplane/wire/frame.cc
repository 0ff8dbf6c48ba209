#include "dataplane/wire/frame.h"

namespace garrison::wire {
namespace {

constexpr std::size_t kIpOffset = kEthernetHeaderBytes;
constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;
constexpr std::uint8_t kProtocolUdp = 17;
constexpr std::uint16_t kDontFragment = 0x4000;
constexpr std::uint16_t kFragmentMask = 0x3fff;  // more fragments, and the offset

std::uint16_t load_be16(const std::uint8_t* from) { return static_cast<std::uint16_t>(from[0] << 8U | from[1]); }
std::uint32_t load_be32(const std::uint8_t* from) {
  return static_cast<std::uint32_t>(load_be16(from)) << 16U | load_be16(from + 2);
}
void store_be16(std::uint8_t* to, std::uint16_t value) {
  to[0] = static_cast<std::uint8_t>(value >> 8U);
  to[1] = static_cast<std::uint8_t>(value);
}
void store_be32(std::uint8_t* to, std::uint32_t value) {
  store_be16(to, static_cast<std::uint16_t>(value >> 16U));
  store_be16(to + 2, static_cast<std::uint16_t>(value));
}

// One's complement sum (RFC 1071), not folded. It does not depend on byte order as long as loads and the final store
// agree, so it runs on native words.
std::uint64_t ones_sum(ByteView bytes, std::uint64_t sum = 0) {
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 4; left -= 4, at += 4) sum += load_le<std::uint32_t>(at);
  if (left >= 2) {
    sum += load_le<std::uint16_t>(at);
    left -= 2;
    at += 2;
  }
  return left == 0 ? sum : sum + *at;
}

std::uint16_t fold(std::uint64_t sum) {
  while ((sum >> 16U) != 0) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(sum);
}

// `ip` starts at the IPv4 header; the UDP datagram has `udp_bytes`.
std::uint64_t pseudo_header_sum(const std::uint8_t* ip, std::size_t udp_bytes) {
  std::array<std::uint8_t, 4> tail{0, kProtocolUdp, 0, 0};
  store_be16(tail.data() + 2, static_cast<std::uint16_t>(udp_bytes));
  return ones_sum(tail, ones_sum({ip + 12, 8}));
}

void store_sum(std::uint8_t* to, std::uint16_t sum) { store_le(to, sum); }

}  // namespace

void encapsulate(MutableBytes frame, const NetAddress& from, const NetAddress& to, TrafficClass traffic,
                 UdpChecksum checksum) {
  CHECK(frame.size() > kEncapsulationBytes && frame.size() <= kMaxFrameBytes);
  std::uint8_t* const ethernet = frame.data();
  std::memcpy(ethernet, to.mac.data(), 6);
  std::memcpy(ethernet + 6, from.mac.data(), 6);
  store_be16(ethernet + 12, kEtherTypeIpv4);

  std::uint8_t* const ip = ethernet + kIpOffset;
  const std::size_t ip_bytes = frame.size() - kIpOffset;
  ip[0] = 0x45;
  ip[1] = traffic == TrafficClass::timely ? kDscpExpedited << 2U : 0;
  store_be16(ip + 2, static_cast<std::uint16_t>(ip_bytes));
  store_be16(ip + 4, 0);
  store_be16(ip + 6, kDontFragment);
  ip[8] = kTimeToLive;
  ip[9] = kProtocolUdp;
  store_be16(ip + 10, 0);
  store_be32(ip + 12, from.ipv4);
  store_be32(ip + 16, to.ipv4);
  store_sum(ip + 10, static_cast<std::uint16_t>(~fold(ones_sum({ip, kIpv4HeaderBytes}))));

  std::uint8_t* const udp = ip + kIpv4HeaderBytes;
  const std::size_t udp_bytes = ip_bytes - kIpv4HeaderBytes;
  store_be16(udp, from.udp_port);
  store_be16(udp + 2, to.udp_port);
  store_be16(udp + 4, static_cast<std::uint16_t>(udp_bytes));
  store_be16(udp + 6, 0);
  if (checksum == UdpChecksum::none) return;
  const std::uint64_t pseudo = pseudo_header_sum(ip, udp_bytes);
  if (checksum == UdpChecksum::offload) return store_sum(udp + 6, fold(pseudo));
  const auto sum = static_cast<std::uint16_t>(~fold(ones_sum({udp, udp_bytes}, pseudo)));
  store_sum(udp + 6, sum == 0 ? 0xffff : sum);  // zero would say "no checksum" (RFC 768)
}

std::optional<DropReason> parse_datagram(ByteView frame, Datagram& out) {
  if (frame.size() < kEthernetHeaderBytes) return DropReason::frame_truncated;
  if (load_be16(frame.data() + 12) != kEtherTypeIpv4) return DropReason::frame_not_ours;
  if (frame.size() < kEthernetHeaderBytes + kIpv4HeaderBytes) return DropReason::frame_truncated;

  const std::uint8_t* const ip = frame.data() + kIpOffset;
  if ((ip[0] >> 4U) != 4) return DropReason::frame_not_ours;
  const std::size_t header_bytes = (ip[0] & 0x0fU) * std::size_t{4};
  const std::size_t ip_bytes = load_be16(ip + 2);
  if (header_bytes < kIpv4HeaderBytes || ip_bytes < header_bytes || ip_bytes > frame.size() - kIpOffset) {
    return DropReason::frame_truncated;
  }
  if (fold(ones_sum({ip, header_bytes})) != 0xffff) return DropReason::frame_bad_checksum;
  if (ip[9] != kProtocolUdp) return DropReason::frame_not_ours;
  if ((load_be16(ip + 6) & kFragmentMask) != 0) return DropReason::frame_ip_fragment;

  const std::uint8_t* const udp = ip + header_bytes;
  if (ip_bytes < header_bytes + kUdpHeaderBytes) return DropReason::frame_truncated;
  const std::size_t udp_bytes = load_be16(udp + 4);
  if (udp_bytes < kUdpHeaderBytes || udp_bytes > ip_bytes - header_bytes) return DropReason::frame_truncated;
  if (load_be16(udp + 6) != 0 && fold(ones_sum({udp, udp_bytes}, pseudo_header_sum(ip, udp_bytes))) != 0xffff) {
    return DropReason::frame_bad_checksum;
  }

  std::memcpy(out.to.mac.data(), frame.data(), 6);
  std::memcpy(out.from.mac.data(), frame.data() + 6, 6);
  out.from.ipv4 = load_be32(ip + 12);
  out.to.ipv4 = load_be32(ip + 16);
  out.from.udp_port = load_be16(udp);
  out.to.udp_port = load_be16(udp + 2);
  out.dscp = static_cast<std::uint8_t>(ip[1] >> 2U);
  out.payload = {udp + kUdpHeaderBytes, udp_bytes - kUdpHeaderBytes};
  return std::nullopt;
}

std::optional<DropReason> parse_datagram_to(const NetAddress& self, ByteView frame, Datagram& out) {
  if (frame.size() >= kEthernetHeaderBytes && !equal(frame.first(6), self.mac)) return DropReason::frame_not_ours;
  if (const auto refused = parse_datagram(frame, out)) return refused;
  if (out.to != self) return DropReason::frame_not_ours;
  return std::nullopt;
}

void write_frame_header(MutableBytes payload, const FrameHeader& header) {
  Writer writer(payload.first(kFrameHeaderBytes));
  writer.u16(kFrameMagic).u8(kFrameVersion).u8(static_cast<std::uint8_t>(header.kind)).u16(header.length).u16(0);
  writer.u16(header.src_site.value()).u16(header.src_server.value());
  writer.u16(header.dst_site.value()).u16(header.dst_server.value());
  writer.u64(header.port_sequence).u64(header.counter);
  CHECK(writer.room() == 0);
}

std::optional<DropReason> parse_frame_header(ByteView payload, FrameHeader& out) {
  if (payload.size() < kFrameOverheadBytes) return DropReason::frame_truncated;
  const std::uint8_t* const at = payload.data();  // no reader: this is done for every frame, and the size is known
  if (load_le<std::uint16_t>(at) != kFrameMagic) return DropReason::frame_bad_magic;
  if (at[2] != kFrameVersion) return DropReason::frame_bad_version;
  const std::uint8_t kind = at[3];
  if (kind < static_cast<std::uint8_t>(FrameKind::hello) || kind > static_cast<std::uint8_t>(FrameKind::hub_request)) {
    return DropReason::frame_bad_kind;
  }
  out.kind = static_cast<FrameKind>(kind);
  out.length = load_le<std::uint16_t>(at + 4);
  if (load_le<std::uint16_t>(at + 6) != 0) return DropReason::frame_bad_kind;
  if (out.length != payload.size()) return DropReason::frame_truncated;
  out.src_site = SiteId(load_le<std::uint16_t>(at + 8));
  out.src_server = ServerId(load_le<std::uint16_t>(at + 10));
  out.dst_site = SiteId(load_le<std::uint16_t>(at + 12));
  out.dst_server = ServerId(load_le<std::uint16_t>(at + 14));
  out.port_sequence = load_le<std::uint64_t>(at + 16);
  out.counter = load_le<std::uint64_t>(at + 24);
  return std::nullopt;
}

}  // namespace garrison::wire
