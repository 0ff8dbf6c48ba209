#include "dataplane/wire/chunk.h"

#include <gtest/gtest.h>

namespace garrison::wire {
namespace {

template <typename Write>
Bytes written(Write&& write_it) {
  Bytes out(256);
  Writer writer(out);
  write_it(writer);
  out.resize(writer.used());
  return out;
}

TEST(ChunkTest, hello_has_golden_bytes) {
  const Hello hello{.src = Incarnation(7), .dst = Incarnation(0x0102), .answer_wanted = true};
  const Bytes golden = {7, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
  const Bytes bytes = written([&](Writer& out) { write(out, hello); });
  EXPECT_EQ(bytes, golden);
  EXPECT_EQ(bytes.size(), kHelloBytes);
  EXPECT_EQ(read_hello(bytes), hello);
}

TEST(ChunkTest, a_malformed_hello_is_none) {
  Bytes good =
      written([](Writer& out) { write(out, Hello{.src = Incarnation(7), .dst = {}, .answer_wanted = false}); });
  ASSERT_TRUE(read_hello(good));
  EXPECT_FALSE(read_hello(ByteView(good).first(23)));
  for (const std::size_t at : {17U, 20U}) {
    Bytes bad = good;
    bad[at] = 2;
    EXPECT_FALSE(read_hello(bad));
  }
  good[0] = 0;
  EXPECT_FALSE(read_hello(good));
}

TEST(ChunkTest, ack_has_golden_bytes_and_says_which_counters_it_contains) {
  Ack ack{.largest = 300, .words = 1, .below = {}};
  ack.below[0] = std::uint64_t{1} << 63U | 2;
  const Bytes golden = {1, 1, 0, 0, 0x2c, 1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0x80};
  const Bytes bytes = written([&](Writer& out) { write(out, ack); });
  EXPECT_EQ(bytes, golden);
  EXPECT_EQ(bytes.size(), ack_bytes(1));
  Reader in(bytes);
  ASSERT_EQ(read_chunk_type(in), ChunkType::ack);
  const Ack read = read_ack(in);
  ASSERT_TRUE(in.done());
  for (std::uint64_t counter = 1; counter < 310; ++counter) {
    EXPECT_EQ(read.contains(counter), counter == 300 || counter == 299 || counter == 237) << counter;
  }
}

TEST(ChunkTest, data_and_base_have_golden_bytes) {
  const Bytes body = {0xaa, 0xbb};
  const DataChunk chunk{.traffic = TrafficClass::bounded, .sequence = 9, .total = 5, .offset = 3, .bytes = body};
  const Bytes golden = {2, 0, 2, 0, 5, 0, 0, 0, 3, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0xaa, 0xbb};
  const Bytes bytes = written([&](Writer& out) { write(out, chunk); });
  EXPECT_EQ(bytes, golden);
  DataChunk timely = chunk;
  timely.traffic = TrafficClass::timely;
  EXPECT_EQ(written([&](Writer& out) { write(out, timely); })[0], 3);
  const Bytes base_golden = {4, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(written([](Writer& out) { write_base(out, 9); }), base_golden);

  Reader in(bytes);
  ASSERT_EQ(read_chunk_type(in), ChunkType::bounded);
  const DataChunk read = read_data(in, TrafficClass::bounded);
  ASSERT_TRUE(in.done());
  EXPECT_EQ(read.sequence, 9U);
  EXPECT_EQ(read.offset, 3U);
  EXPECT_TRUE(equal(read.bytes, body));
}

TEST(ChunkTest, inconsistent_chunks_are_bad) {
  const Bytes body = {0xaa, 0xbb};
  const Bytes good =
      written([&](Writer& out) { write(out, DataChunk{.sequence = 9, .total = 5, .offset = 3, .bytes = body}); });
  const auto bad = [&](std::size_t at, std::uint8_t value) {
    Bytes changed = good;
    changed[at] = value;
    Reader in(changed);
    (void)read_chunk_type(in);
    (void)read_data(in, TrafficClass::bounded);
    return !in.done();
  };
  EXPECT_TRUE(bad(1, 1));      // reserved
  EXPECT_TRUE(bad(2, 0));      // empty
  EXPECT_TRUE(bad(2, 3));      // longer than the frame
  EXPECT_TRUE(bad(4, 4));      // beyond its total
  EXPECT_TRUE(bad(11, 0xff));  // offset that would wrap
  EXPECT_TRUE(bad(12, 0));     // sequence 0
  const Bytes unknown = {5};
  Reader in(unknown);
  EXPECT_FALSE(read_chunk_type(in));
  const Bytes wide = {5, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
  Reader ack(wide);
  (void)read_ack(ack);
  EXPECT_FALSE(ack.ok());
}

}  // namespace
}  // namespace garrison::wire
