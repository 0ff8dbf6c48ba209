#include "dataplane/base/bytes.h"

#include <gtest/gtest.h>

namespace garrison {
namespace {

TEST(BytesTest, a_reader_gets_what_a_writer_wrote) {
  Bytes memory(1 + 2 + 4 + 8 + 3 + 2 + 4);
  Writer out(memory);
  out.u8(1)
      .u16(0x0203)
      .u32(0x0405'0607)
      .u64(0x0809'0a0b'0c0d'0e0f)
      .bytes(Bytes{7, 8, 9})
      .zeros(2)
      .bytes(Bytes{1, 2, 3, 4});
  EXPECT_EQ(out.used(), memory.size());
  EXPECT_EQ(out.room(), 0U);
  Reader in(memory);
  EXPECT_EQ(in.u8(), 1);
  EXPECT_EQ(in.u16(), 0x0203);
  EXPECT_EQ(in.u32(), 0x0405'0607U);
  EXPECT_EQ(in.u64(), 0x0809'0a0b'0c0d'0e0fU);
  EXPECT_TRUE(equal(in.view(3), Bytes{7, 8, 9}));
  in.zeros(2);
  EXPECT_FALSE(in.done());
  EXPECT_EQ(in.array<4>(), (std::array<std::uint8_t, 4>{1, 2, 3, 4}));
  EXPECT_TRUE(in.done());
}

TEST(BytesTest, words_are_little_endian) {
  Bytes memory(4);
  Writer(memory).u32(0x0102'0304);
  EXPECT_EQ(memory, (Bytes{4, 3, 2, 1}));
}

TEST(BytesTest, a_read_past_the_end_is_bad_for_good_and_yields_zeros) {
  const Bytes memory{1, 2, 3};
  Reader in(memory);
  EXPECT_EQ(in.u32(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u8(), 0);  // although a byte would be there
  EXPECT_TRUE(in.view(1).empty());
  EXPECT_EQ(in.array<2>(), (std::array<std::uint8_t, 2>{}));
  EXPECT_EQ(in.remaining(), 0U);
  EXPECT_FALSE(in.done());
}

TEST(BytesTest, every_kind_of_read_fails_at_the_end_and_not_before) {
  const Bytes memory(8, 0);
  const auto fails_below = [&](std::size_t need, auto read) {
    for (std::size_t have = 0; have <= 8; ++have) {
      Reader in(ByteView(memory).first(have));
      read(in);
      EXPECT_EQ(in.ok(), have >= need) << need << " of " << have;
      EXPECT_EQ(in.done(), have == need);
    }
  };
  fails_below(1, [](Reader& in) { in.u8(); });
  fails_below(2, [](Reader& in) { in.u16(); });
  fails_below(4, [](Reader& in) { in.u32(); });
  fails_below(8, [](Reader& in) { in.u64(); });
  fails_below(5, [](Reader& in) { (void)in.view(5); });
  fails_below(5, [](Reader& in) { in.zeros(5); });
  fails_below(5, [](Reader& in) { (void)in.array<5>(); });
  Reader huge(memory);
  (void)huge.view(~std::size_t{0});
  EXPECT_FALSE(huge.ok());
}

TEST(BytesTest, reserved_bytes_that_are_not_zero_are_bad) {
  const Bytes memory{0, 0, 1, 0};
  Reader in(memory);
  in.zeros(2);
  EXPECT_TRUE(in.ok());
  in.zeros(2);
  EXPECT_FALSE(in.ok());
}

TEST(BytesTest, equal_compares_length_and_content) {
  EXPECT_TRUE(equal({}, {}));
  EXPECT_TRUE(equal(Bytes{1, 2}, Bytes{1, 2}));
  EXPECT_FALSE(equal(Bytes{1, 2}, Bytes{1, 3}));
  EXPECT_FALSE(equal(Bytes{1, 2}, Bytes{1, 2, 0}));
}

TEST(BytesDeathTest, writing_past_the_end_is_our_bug) {
  Bytes memory(3);
  EXPECT_DEATH(Writer(memory).u32(1), "CHECK failed");
  EXPECT_DEATH(Writer(memory).bytes(Bytes(4)), "CHECK failed");
  EXPECT_DEATH(Writer(memory).zeros(4), "CHECK failed");
  Writer full(memory);
  full.u16(1).u8(1).bytes({}).zeros(0);
  EXPECT_DEATH(full.u8(1), "CHECK failed");
}

}  // namespace
}  // namespace garrison
