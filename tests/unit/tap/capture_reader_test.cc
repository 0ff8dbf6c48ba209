#include "apps/tap/capture_reader.h"

#include <gtest/gtest.h>

#include <sstream>
#include <vector>

#include "tests/unit/tap/capture_bytes.h"

namespace garrison::tap {
namespace {

const Bytes kFrame{1, 2, 3, 4, 5};

struct Read {
  struct Frame {
    Instant when;
    std::size_t interface;
    Bytes bytes;
    std::size_t wire_bytes;
  };
  std::vector<Frame> frames;
  std::string fault;
};

Read read(const std::string& file) {
  std::istringstream in(file);
  CaptureReader reader(in);
  Read read;
  while (const auto frame = reader.next()) {
    read.frames.push_back({frame->when, frame->interface, to_bytes(frame->bytes), frame->wire_bytes});
  }
  EXPECT_FALSE(reader.next().has_value()) << "the end stays the end";
  if (reader.fault().has_value()) read.fault = reader.fault()->message;
  return read;
}

class BothOrdersTest : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, BothOrdersTest, ::testing::Values(false, true));

TEST_P(BothOrdersTest, frames_of_a_pcap_file_have_their_times) {
  const Read of_us = read(CaptureBytes(GetParam()).pcap_head().pcap_frame(7, 500'000, kFrame).text());
  ASSERT_EQ(of_us.frames.size(), 1U);
  EXPECT_EQ(of_us.frames[0].when, Instant(7'500'000'000));
  EXPECT_EQ(of_us.frames[0].bytes, kFrame);
  EXPECT_EQ(of_us.fault, "");
  const Read of_ns = read(CaptureBytes(GetParam()).pcap_head(0xa1b23c4d).pcap_frame(7, 5, {}).text());
  ASSERT_EQ(of_ns.frames.size(), 1U);
  EXPECT_EQ(of_ns.frames[0].when, Instant(7'000'000'005));
}

TEST_P(BothOrdersTest, frames_of_a_pcapng_file_have_their_interfaces_and_times) {
  CaptureBytes file(GetParam());
  file.section().interface().interface_of(9).interface_of(0x80 | 10);
  file.block(0xbad, file.body().u32(1));  // of a kind that nobody knows
  file.packet(0, 2'000'001, kFrame).packet(1, 3'000'000'007, kFrame).packet(2, 3 * 1024 + 512, kFrame);
  const Read got = read(file.text());
  ASSERT_EQ(got.frames.size(), 3U) << got.fault;
  EXPECT_EQ(got.frames[0].when, Instant(2'000'001'000));
  EXPECT_EQ(got.frames[1].when, Instant(3'000'000'007));
  EXPECT_EQ(got.frames[2].when, Instant(3'500'000'000));
  EXPECT_EQ(got.frames[2].interface, 2U);
  EXPECT_EQ(got.frames[2].bytes, kFrame);
  EXPECT_EQ(got.fault, "");
}

TEST(CaptureReaderTest, sections_follow_each_other_in_any_order_of_bytes) {
  const std::string first = CaptureBytes(false).section().interface().packet(0, 1, kFrame).text();
  const std::string second = CaptureBytes(true).section().interface().packet(0, 2, kFrame).text();
  const Read got = read(first + second);
  ASSERT_EQ(got.frames.size(), 2U) << got.fault;
  EXPECT_EQ(got.frames[1].when, Instant(2000));
}

TEST(CaptureReaderTest, an_interface_belongs_to_its_section) {
  const std::string first = CaptureBytes().section().interface().text();
  const std::string second = CaptureBytes().section().packet(0, 2, kFrame).text();
  EXPECT_NE(read(first + second).fault.find("not described"), std::string::npos);
}

TEST(CaptureReaderTest, a_simple_packet_is_as_long_as_its_interface_keeps) {
  CaptureBytes file;
  file.section()
      .block(1, file.body().u16(1).u16(0).u32(3))
      .block(3, file.body().u32(5).bytes(ByteView(kFrame).first(3)));
  const Read got = read(file.text());
  ASSERT_EQ(got.frames.size(), 1U) << got.fault;
  EXPECT_EQ(got.frames[0].bytes, (Bytes{1, 2, 3}));
  EXPECT_EQ(got.frames[0].wire_bytes, 5U);
}

TEST(CaptureReaderTest, a_file_that_breaks_off_gives_what_stands_before_and_says_where) {
  for (const std::string& whole :
       {CaptureBytes().pcap_head().pcap_frame(1, 1, kFrame).pcap_frame(2, 2, kFrame).text(),
        CaptureBytes().section().interface().packet(0, 1, kFrame).packet(0, 2, kFrame).text()}) {
    ASSERT_EQ(read(whole).frames.size(), 2U);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Read got = read(whole.substr(0, size));
      EXPECT_LE(got.frames.size(), 1U) << size;
      if (size + 1 == whole.size()) {
        EXPECT_EQ(got.frames.size(), 1U);
        EXPECT_NE(got.fault.find("breaks off"), std::string::npos) << got.fault;
      }
    }
  }
}

TEST(CaptureReaderTest, lengths_beyond_every_bound_are_refused_before_they_take_memory) {
  CaptureBytes pcap;
  pcap.pcap_head().u32(1).u32(1).u32(0xfffffff0).u32(5);
  EXPECT_NE(read(pcap.text()).fault.find("a frame of 4294967280 bytes"), std::string::npos);
  CaptureBytes block;
  block.section().u32(6).u32(0xfffffff0);
  EXPECT_NE(read(block.text()).fault.find("a block of 4294967280 bytes"), std::string::npos);
  CaptureBytes tiny;
  tiny.section().u32(6).u32(8);
  EXPECT_NE(read(tiny.text()).fault.find("a block of 8 bytes"), std::string::npos);
}

TEST(CaptureReaderTest, what_does_not_fit_together_is_a_fault) {
  const auto fault = [](const CaptureBytes& file) { return read(file.text()).fault; };
  CaptureBytes ends;
  ends.section().u32(5).u32(16).u32(0).u32(20);
  EXPECT_NE(fault(ends).find("another length"), std::string::npos);
  CaptureBytes packet;
  packet.section().interface().block(6, packet.body().u32(0).u32(0).u32(0).u32(100).u32(100).u32(0));
  EXPECT_NE(fault(packet).find("longer than its block"), std::string::npos);
  EXPECT_NE(fault(CaptureBytes().section().packet(0, 0, kFrame)).find("not described"), std::string::npos);
  EXPECT_NE(fault(CaptureBytes().section().interface(101)).find("not Ethernet"), std::string::npos);
  EXPECT_NE(fault(CaptureBytes().pcap_head(0xa1b2c3d4, 101)).find("not Ethernet"), std::string::npos);
  EXPECT_NE(fault(CaptureBytes().section().interface_of(20)).find("resolution"), std::string::npos);
  EXPECT_NE(fault(CaptureBytes().section().interface_of(9).packet(0, ~std::uint64_t{0}, kFrame)).find("no time"),
            std::string::npos);
  EXPECT_NE(fault(CaptureBytes().u32(0x12345678)).find("no .pcap"), std::string::npos);
  EXPECT_NE(fault(CaptureBytes()).find("empty"), std::string::npos);
  CaptureBytes many;
  many.section();
  for (std::size_t i = 0; i <= CaptureReader::kMaxInterfaces; ++i) many.interface();
  EXPECT_NE(fault(many).find("too many interfaces"), std::string::npos);
}

}  // namespace
}  // namespace garrison::tap
