#include "dataplane/wire/hub_frame.h"

#include <gtest/gtest.h>

namespace garrison::wire {
namespace {

template <typename What>
Bytes written(const What& what) {
  Bytes out(1024);
  Writer writer(out);
  write(writer, what);
  out.resize(writer.used());
  return out;
}

HubPart a_part(ByteView bytes) {
  return {.traffic = TrafficClass::bounded,
          .index = 3,
          .again = true,
          .total = 9,
          .offset = 7,
          .mark = 0x0807060504030201,
          .bytes = bytes};
}

TEST(HubFrameTest, a_part_has_golden_bytes) {
  const Bytes body = {0xaa, 0xbb};
  const Bytes golden = {1, 3, 1, 0, 9, 0, 0, 0, 7, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0xaa, 0xbb};
  const Bytes bytes = written(a_part(body));
  EXPECT_EQ(bytes, golden);
  const auto read = read_hub_part(bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->traffic, TrafficClass::bounded);
  EXPECT_EQ(read->index, 3);
  EXPECT_TRUE(read->again);
  EXPECT_EQ(read->total, 9U);
  EXPECT_EQ(read->offset, 7U);
  EXPECT_EQ(read->mark, 0x0807060504030201U);
  EXPECT_TRUE(equal(read->bytes, body));
}

TEST(HubFrameTest, a_part_that_contradicts_itself_is_none) {
  const Bytes body = {0xaa, 0xbb};
  const Bytes good = written(a_part(body));
  ASSERT_TRUE(read_hub_part(good));
  EXPECT_FALSE(read_hub_part(ByteView(good).first(kHubPartHeadBytes))) << "no bytes";
  EXPECT_FALSE(read_hub_part(ByteView(good).first(kHubPartHeadBytes - 1)));
  for (const auto& [at, value] : {std::pair(0U, 2), std::pair(2U, 2), std::pair(3U, 1), std::pair(8U, 8)}) {
    Bytes bad = good;
    bad[at] = static_cast<std::uint8_t>(value);
    EXPECT_FALSE(read_hub_part(bad)) << at;
  }
}

HubRequest a_request(std::uint8_t tags) {
  return {.incarnation = Incarnation(5),
          .entries = {{TrafficClass::timely, 0x0b, SeqNum(300)}, {TrafficClass::bounded, 0, SeqNum(7)}},
          .tags = tags};
}

TEST(HubFrameTest, a_request_has_golden_bytes) {
  const Bytes golden = {5, 0, 0, 0, 0,    0, 0, 0, 2,    0, 0, 0, 0, 0, 0, 0,  //
                        0, 0, 0, 0, 0x0b, 0, 0, 0, 0x2c, 1, 0, 0, 0, 0, 0, 0,  //
                        1, 0, 0, 0, 0,    0, 0, 0, 7,    0, 0, 0, 0, 0, 0, 0};
  const Bytes bytes = written(a_request(0));
  EXPECT_EQ(bytes, golden);
  const auto read = read_hub_request(bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->incarnation, Incarnation(5));
  EXPECT_EQ(read->entries, a_request(0).entries);
}

TEST(HubFrameTest, a_request_that_contradicts_itself_is_none) {
  const Bytes good = written(a_request(0));
  EXPECT_FALSE(read_hub_request(ByteView(good).first(good.size() - 1)));
  // incarnation 0, no entries, more entries or tags than there are, reserved bytes, no class, sequence 0
  for (const auto& [at, value] : {std::pair(0U, 0), std::pair(8U, 0), std::pair(8U, 3), std::pair(9U, 1),
                                  std::pair(10U, 1), std::pair(16U, 2), std::pair(17U, 1), std::pair(40U, 0)}) {
    Bytes bad = good;
    bad[at] = static_cast<std::uint8_t>(value);
    EXPECT_FALSE(read_hub_request(bad)) << at;
  }
}

TEST(HubFrameTest, tags_of_a_request_cover_what_stands_before_the_first_one) {
  const HubRequest request = a_request(3);
  Bytes payload(hub_request_payload_bytes(2, 3));
  Writer writer(MutableBytes(payload).subspan(kFrameHeaderBytes));
  write(writer, request);
  for (std::uint8_t tag = 0; tag < 3; ++tag) writer.bytes(Bytes(kFrameTagBytes, tag));
  ASSERT_EQ(writer.room(), 0U);
  const auto read = read_hub_request(hub_content(payload));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(hub_request_authenticated(payload, *read).size(), payload.size() - 3 * kFrameTagBytes);
  for (std::uint8_t tag = 0; tag < 3; ++tag) {
    EXPECT_TRUE(equal(hub_request_tag(payload, *read, tag), Bytes(kFrameTagBytes, tag)));
  }
}

}  // namespace
}  // namespace garrison::wire
