#include "dataplane/wire/frame.h"

#include <gtest/gtest.h>

namespace garrison::wire {
namespace {

const NetAddress kFrom{.mac = {2, 0, 0, 0, 0, 1}, .ipv4 = 0x0a000001, .udp_port = 7000};
const NetAddress kTo{.mac = {2, 0, 0, 0, 0, 2}, .ipv4 = 0x0a000002, .udp_port = 7001};

Bytes built(std::size_t payload_bytes, TrafficClass traffic, UdpChecksum checksum) {
  Bytes frame(kEncapsulationBytes);
  for (std::size_t i = 0; i < payload_bytes; ++i) frame.push_back(static_cast<std::uint8_t>(i + 1));
  encapsulate(frame, kFrom, kTo, traffic, checksum);
  return frame;
}

std::optional<DropReason> refusal(const Bytes& frame) {
  Datagram out;
  return parse_datagram(frame, out);
}

// The byte-by-byte definition of RFC 1071, to hold the fast one against.
std::uint16_t slow_sum(ByteView bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? std::uint32_t{bytes[i]} << 8U : bytes[i];
  while ((sum >> 16U) != 0) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(sum);
}

void fix_ip_checksum(Bytes& frame) {
  frame[24] = frame[25] = 0;
  const auto sum = static_cast<std::uint16_t>(~slow_sum(ByteView(frame).subspan(14, 20)));
  frame[24] = static_cast<std::uint8_t>(sum >> 8U);
  frame[25] = static_cast<std::uint8_t>(sum);
}

TEST(FrameTest, encapsulation_has_golden_bytes) {
  const Bytes golden = {2,    0,    0,    0,    0,    2,    2,    0,    0,    0,    0,    1,    0x08, 0x00,  // Ethernet
                        0x45, 0xb8, 0x00, 0x1f, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0x26, 0x14,              // IPv4
                        10,   0,    0,    1,    10,   0,    0,    2,                                         //
                        0x1b, 0x58, 0x1b, 0x59, 0x00, 0x0b, 0xb1, 0x22, 1,    2,    3};                      // UDP
  EXPECT_EQ(built(3, TrafficClass::timely, UdpChecksum::software), golden);
}

TEST(FrameTest, checksums_of_a_built_frame_add_up_by_the_definition) {
  for (const std::size_t size : {1, 2, 3, 7, 64, 1371, 1372}) {
    const Bytes frame = built(size, TrafficClass::bounded, UdpChecksum::software);
    EXPECT_EQ(slow_sum(ByteView(frame).subspan(14, 20)), 0xffff);
    Bytes pseudo(frame.begin() + 26, frame.begin() + 34);
    pseudo.insert(pseudo.end(), {0, 17, frame[38], frame[39]});
    pseudo.insert(pseudo.end(), frame.begin() + 34, frame.end());
    EXPECT_EQ(slow_sum(pseudo), 0xffff) << size;
  }
}

TEST(FrameTest, offload_leaves_the_sum_of_the_pseudo_header_for_the_port_to_complete) {
  const Bytes frame = built(5, TrafficClass::bounded, UdpChecksum::offload);
  Bytes pseudo(frame.begin() + 26, frame.begin() + 34);
  pseudo.insert(pseudo.end(), {0, 17, frame[38], frame[39]});
  EXPECT_EQ((frame[40] << 8) | frame[41], slow_sum(pseudo));
}

TEST(FrameTest, what_was_built_is_parsed) {
  for (const UdpChecksum checksum : {UdpChecksum::none, UdpChecksum::software}) {
    const Bytes frame = built(100, TrafficClass::timely, checksum);
    Datagram out;
    ASSERT_FALSE(parse_datagram_to(kTo, frame, out));
    EXPECT_EQ(out.from, kFrom);
    EXPECT_EQ(out.to, kTo);
    EXPECT_EQ(out.dscp, kDscpExpedited);
    EXPECT_TRUE(equal(out.payload, ByteView(frame).subspan(kEncapsulationBytes)));
  }
  EXPECT_EQ(built(1, TrafficClass::bounded, UdpChecksum::none)[15], 0);
}

TEST(FrameTest, ethernet_padding_is_not_payload) {
  Bytes frame = built(4, TrafficClass::bounded, UdpChecksum::software);
  frame.resize(60);
  Datagram out;
  ASSERT_FALSE(parse_datagram(frame, out));
  EXPECT_EQ(out.payload.size(), 4U);
}

TEST(FrameTest, every_refusal_has_its_name) {
  const Bytes good = built(64, TrafficClass::bounded, UdpChecksum::software);
  ASSERT_FALSE(refusal(good));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(refusal(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))),
              DropReason::frame_truncated);
  }
  Bytes arp = good;
  arp[13] = 0x06;
  EXPECT_EQ(refusal(arp), DropReason::frame_not_ours);
  Bytes corrupt = good;
  corrupt[30] ^= 1;
  EXPECT_EQ(refusal(corrupt), DropReason::frame_bad_checksum);
  corrupt = good;
  corrupt.back() ^= 1;
  EXPECT_EQ(refusal(corrupt), DropReason::frame_bad_checksum);
  Bytes tcp = good;
  tcp[23] = 6;
  fix_ip_checksum(tcp);
  EXPECT_EQ(refusal(tcp), DropReason::frame_not_ours);
  for (const auto& [at, bits] : {std::pair{20, 0x20}, std::pair{20, 0x01}, std::pair{21, 0x01}}) {
    Bytes fragment = good;
    fragment[static_cast<std::size_t>(at)] |= static_cast<std::uint8_t>(bits);
    fix_ip_checksum(fragment);
    EXPECT_EQ(refusal(fragment), DropReason::frame_ip_fragment);
  }
  Bytes long_udp = good;
  long_udp[39] = static_cast<std::uint8_t>(long_udp[39] + 1);
  EXPECT_EQ(refusal(long_udp), DropReason::frame_truncated);
}

TEST(FrameTest, a_port_takes_only_its_own_mac_address_and_port) {
  const Bytes good = built(8, TrafficClass::bounded, UdpChecksum::none);
  Datagram out;
  NetAddress other = kTo;
  other.mac[5] = 9;
  EXPECT_EQ(parse_datagram_to(other, good, out), DropReason::frame_not_ours);
  other = kTo;
  other.ipv4 += 1;
  EXPECT_EQ(parse_datagram_to(other, good, out), DropReason::frame_not_ours);
  other = kTo;
  other.udp_port = 1;
  EXPECT_EQ(parse_datagram_to(other, good, out), DropReason::frame_not_ours);
}

const FrameHeader kHeader{.kind = FrameKind::channel,
                          .length = 50,
                          .src_site = SiteId(1),
                          .src_server = ServerId(2),
                          .dst_site = SiteId(3),
                          .dst_server = ServerId(4),
                          .port_sequence = 0x1122334455667788,
                          .counter = 5};

TEST(FrameTest, header_has_golden_bytes) {
  const Bytes golden = {'G',  'R',  1,    2,    50,   0,    0,    0,    1, 0, 2, 0, 3, 0, 4, 0,
                        0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 5, 0, 0, 0, 0, 0, 0, 0};
  Bytes payload(50);
  write_frame_header(payload, kHeader);
  EXPECT_TRUE(equal(ByteView(payload).first(kFrameHeaderBytes), golden));
  FrameHeader parsed;
  ASSERT_FALSE(parse_frame_header(payload, parsed));
  EXPECT_EQ(parsed, kHeader);
  EXPECT_EQ(frame_content(payload).size(), 2U);
}

TEST(FrameTest, header_refusals_have_their_names) {
  Bytes good(50);
  write_frame_header(good, kHeader);
  FrameHeader out;
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes bad = good;
    bad[at] = value;
    return parse_frame_header(bad, out);
  };
  EXPECT_EQ(parse_frame_header(ByteView(good).first(47), out), DropReason::frame_truncated);
  EXPECT_EQ(parse_frame_header(ByteView(good).first(49), out), DropReason::frame_truncated);
  EXPECT_EQ(with(0, 0), DropReason::frame_bad_magic);
  EXPECT_EQ(with(2, 2), DropReason::frame_bad_version);
  EXPECT_EQ(with(3, 0), DropReason::frame_bad_kind);
  EXPECT_EQ(with(3, 5), DropReason::frame_bad_kind);
  EXPECT_EQ(with(6, 1), DropReason::frame_bad_kind);
  EXPECT_EQ(with(4, 51), DropReason::frame_truncated);
}

}  // namespace
}  // namespace garrison::wire
