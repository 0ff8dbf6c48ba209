#include "dataplane/coding/code.h"

#include <gtest/gtest.h>

#include <bit>

#include "dataplane/base/rng.h"

namespace garrison::coding {
namespace {

// Below and around one vector, several of them, one link message, the largest PO-REQUEST.
constexpr std::size_t kSizes[] = {0, 1, 2, 63, 64, 65, 127, 640, 641, 1400, 96 * 1024 + 7};

Bytes random_bytes(std::size_t size, std::uint64_t seed) {
  Rng rng(seed);
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.next());
  return bytes;
}

// Calls visit(subset) with every set of k of n indices, as a bit mask.
template <typename Visit>
void for_each_subset(std::size_t n, std::size_t k, Visit&& visit) {
  for (std::uint32_t mask = 0; mask < std::uint32_t{1} << n; ++mask) {
    if (static_cast<std::size_t>(std::popcount(mask)) == k) visit(mask);
  }
}

std::vector<Part> parts_of(const Bytes& all, std::size_t part_bytes, std::uint32_t mask) {
  std::vector<Part> parts;
  for (std::size_t i = 0; i < kMaxParts; ++i) {
    if ((mask >> i & 1U) != 0) parts.push_back({i, ByteView(all).subspan(i * part_bytes, part_bytes)});
  }
  return parts;
}

Bytes encoded(const Code& code, const Bytes& message) {
  Bytes all(code.n() * code.part_bytes(message.size()));
  code.encode_all(message, all);
  return all;
}

TEST(CodeTest, every_k_parts_of_every_code_up_to_ten_decode_to_the_message) {
  for (std::size_t n = 1; n <= 10; ++n) {
    for (std::size_t k = 1; k <= n; ++k) {
      Code code(n, k);
      const Bytes message = random_bytes(193, n * 100 + k);  // rows of 20 to 193 bytes
      const Bytes all = encoded(code, message);
      for_each_subset(n, k, [&](std::uint32_t mask) {
        Bytes decoded(message.size());
        ASSERT_TRUE(code.decode(parts_of(all, code.part_bytes(message.size()), mask), decoded));
        ASSERT_EQ(decoded, message) << "(" << n << ", " << k << ") from " << mask;
      });
    }
  }
}

// Among them (13, 5), (16, 6) and (16, 11), where Vandermonde matrices fail.
TEST(CodeTest, every_k_parts_of_the_codes_of_larger_sites_decode_to_the_message) {
  for (const auto& [n, k] : std::vector<std::pair<std::size_t, std::size_t>>{{13, 5}, {16, 6}, {16, 11}}) {
    Code code(n, k);
    const Bytes message = random_bytes(100, n);
    const Bytes all = encoded(code, message);
    for_each_subset(n, k, [&, n = n, k = k](std::uint32_t mask) {
      Bytes decoded(message.size());
      ASSERT_TRUE(code.decode(parts_of(all, code.part_bytes(message.size()), mask), decoded));
      ASSERT_EQ(decoded, message) << "(" << n << ", " << k << ") from " << mask;
    });
  }
}

TEST(CodeTest, messages_of_odd_sizes_decode_from_any_k_parts) {
  for (const auto& [n, k] :
       std::vector<std::pair<std::size_t, std::size_t>>{{1, 1}, {3, 2}, {4, 2}, {5, 3}, {7, 5}, {7, 7}, {9, 1}}) {
    Code code(n, k);
    for (const std::size_t size : kSizes) {
      const Bytes message = random_bytes(size, size + n);
      const Bytes all = encoded(code, message);
      EXPECT_EQ(code.part_bytes(size), (size + k - 1) / k);
      for_each_subset(n, k, [&, n = n, k = k](std::uint32_t mask) {
        Bytes decoded(size, 0xee);
        ASSERT_TRUE(code.decode(parts_of(all, code.part_bytes(size), mask), decoded));
        ASSERT_EQ(decoded, message) << size << " bytes, (" << n << ", " << k << ") from " << mask;
      });
    }
  }
}

TEST(CodeTest, one_part_alone_equals_that_part_of_all) {
  for (const auto& [n, k] : std::vector<std::pair<std::size_t, std::size_t>>{{3, 2}, {7, 5}, {16, 6}, {32, 20}}) {
    const Code code(n, k);
    for (const std::size_t size : kSizes) {
      const Bytes message = random_bytes(size, size);
      const Bytes all = encoded(code, message);
      for (std::size_t i = 0; i < n; ++i) {
        Bytes part(code.part_bytes(size), 0xee);
        code.encode(message, i, part);
        ASSERT_TRUE(equal(part, ByteView(all).subspan(i * part.size(), part.size()))) << i << " of " << size;
      }
    }
  }
}

TEST(CodeTest, the_first_k_parts_are_the_message_itself) {
  const Code code(7, 3);
  const Bytes message = random_bytes(100, 1);
  const Bytes all = encoded(code, message);
  EXPECT_TRUE(equal(ByteView(all).first(100), message));
  EXPECT_EQ(all[100], 0);
  EXPECT_EQ(all[101], 0);
}

TEST(CodeTest, coding_touches_nothing_outside_its_buffers) {
  for (const std::size_t size : kSizes) {
    Code code(4, 2);
    const std::size_t part = code.part_bytes(size);
    // Exactly sized on the heap, at an odd address: an address sanitizer sees a byte too many.
    const Bytes storage = random_bytes(size + 1, size);
    const ByteView message = ByteView(storage).subspan(1);
    Bytes parts(2 * part + 2, 0xa5);
    for (std::size_t i = 0; i < 2; ++i) code.encode(message, 2 + i, MutableBytes(parts).subspan(1 + i * part, part));
    EXPECT_EQ(parts.front(), 0xa5);
    EXPECT_EQ(parts.back(), 0xa5);
    Bytes decoded(size + 2, 0xa5);
    const std::array<Part, 2> both = {Part{3, ByteView(parts).subspan(1 + part, part)},
                                      Part{2, ByteView(parts).subspan(1, part)}};
    ASSERT_TRUE(code.decode(both, MutableBytes(decoded).subspan(1, size)));
    EXPECT_TRUE(equal(ByteView(decoded).subspan(1, size), message));
    EXPECT_EQ(decoded.front(), 0xa5);
    EXPECT_EQ(decoded.back(), 0xa5);
  }
}

TEST(CodeTest, more_sets_of_survivors_than_tables_are_kept_decode_as_well_the_second_time) {
  Code code(10, 5);  // 252 sets
  const Bytes message = random_bytes(333, 5);
  const Bytes all = encoded(code, message);
  for (int round = 0; round < 2; ++round) {
    for_each_subset(10, 5, [&](std::uint32_t mask) {
      Bytes decoded(message.size());
      ASSERT_TRUE(code.decode(parts_of(all, code.part_bytes(message.size()), mask), decoded));
      ASSERT_EQ(decoded, message);
    });
  }
}

TEST(CodeTest, a_corrupt_part_decodes_to_another_message_without_a_sign) {
  Code code(4, 2);
  const Bytes message = random_bytes(200, 2);
  Bytes all = encoded(code, message);
  all[100 * 3 + 7] ^= 1U;
  Bytes decoded(message.size());
  ASSERT_TRUE(code.decode(parts_of(all, 100, 0b1001), decoded));
  EXPECT_NE(decoded, message);
  ASSERT_TRUE(code.decode(parts_of(all, 100, 0b0110), decoded));
  EXPECT_EQ(decoded, message);
}

TEST(CodeTest, parts_that_cannot_belong_together_are_refused_and_change_nothing) {
  Code code(4, 2);
  const Bytes message = random_bytes(200, 3);
  const Bytes all = encoded(code, message);
  const ByteView part = ByteView(all).first(100);
  const Bytes before(message.size(), 0x77);
  const auto refuses = [&](const std::vector<Part>& parts) {
    Bytes out = before;
    EXPECT_FALSE(code.decode(parts, out));
    EXPECT_EQ(out, before);
  };
  refuses({});
  refuses({{0, part}});
  refuses({{0, part}, {1, part}, {2, part}});
  refuses({{1, part}, {1, part}});
  refuses({{0, part}, {4, part}});
  refuses({{0, part}, {~std::size_t{0}, part}});
  refuses({{0, part}, {1, part.first(99)}});
  refuses({{0, part.first(99)}, {1, part.first(99)}});
  refuses({{0, part}, {1, {}}});
}

TEST(CodeTest, codes_beyond_the_bounds_do_not_exist) {
  EXPECT_TRUE(Code::valid(kMaxParts, kMaxParts));
  EXPECT_FALSE(Code::valid(kMaxParts + 1, 1));
  EXPECT_FALSE(Code::valid(4, 0));
  EXPECT_FALSE(Code::valid(4, 5));
  EXPECT_DEATH(Code(4, 5), "valid");
}

TEST(CodeTest, encoding_into_the_wrong_room_is_a_bug) {
  const Code code(4, 2);
  const Bytes message(200);
  Bytes part(100);
  EXPECT_DEATH(code.encode(message, 4, part), "index");
  part.resize(99);
  EXPECT_DEATH(code.encode(message, 0, part), "index");
  EXPECT_DEATH(code.encode_all(message, part), "parts");
}

}  // namespace
}  // namespace garrison::coding
