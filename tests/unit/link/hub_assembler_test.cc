#include "dataplane/link/hub_assembler.h"

#include <gtest/gtest.h>

namespace garrison::link {
namespace {

constexpr SiteId kFrom{1};

HubPartName named(std::uint64_t sequence, std::uint8_t index = 2) {
  return {kFrom, SiteId(0), TrafficClass::bounded, SeqNum(sequence), index};
}

Bytes message(std::size_t size, std::uint8_t salt) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i + salt);
  return bytes;
}

// The chunk of `whole` at `offset`.
wire::HubPart chunk(const Bytes& whole, std::uint32_t offset, std::size_t size, std::uint64_t mark) {
  return {.traffic = TrafficClass::bounded,
          .index = 2,
          .again = false,
          .total = static_cast<std::uint32_t>(whole.size()),
          .offset = offset,
          .mark = mark,
          .bytes = ByteView(whole).subspan(offset, size)};
}

std::optional<Bytes> whole_of(const HubAssembler::Outcome& outcome) {
  return outcome.whole.has_value() ? std::optional(to_bytes(*outcome.whole)) : std::nullopt;
}

TEST(HubAssemblerTest, chunks_in_any_order_make_the_part) {
  HubAssembler assembler({});
  const Bytes whole = message(30, 1);
  for (const std::uint32_t offset : {20U, 0U}) {
    const auto outcome = assembler.take(named(1), chunk(whole, offset, 10, 5));
    EXPECT_FALSE(outcome.whole.has_value() || outcome.refused.has_value());
  }
  EXPECT_EQ(assembler.take(named(1), chunk(whole, 20, 10, 5)).refused, DropReason::chunk_duplicate);
  EXPECT_EQ(assembler.open_bytes(kFrom), 30U);
  EXPECT_EQ(whole_of(assembler.take(named(1), chunk(whole, 10, 10, 5))), whole);
  EXPECT_EQ(assembler.open(), 0U);
  EXPECT_EQ(assembler.open_bytes(kFrom), 0U);
}

TEST(HubAssemblerTest, a_part_in_one_frame_takes_no_room) {
  HubAssembler assembler({});
  const Bytes whole = message(30, 1);
  EXPECT_EQ(whole_of(assembler.take(named(1), chunk(whole, 0, 30, 5))), whole);
  EXPECT_EQ(assembler.open(), 0U);
}

TEST(HubAssemblerTest, chunks_of_another_candidate_do_not_mix_and_the_oldest_of_three_gives_way) {
  HubAssembler assembler({});
  const Bytes right = message(20, 1);
  const Bytes wrong = message(20, 9);
  static_cast<void>(assembler.take(named(1), chunk(wrong, 0, 10, 8)));
  static_cast<void>(assembler.take(named(1), chunk(right, 0, 10, 5)));
  EXPECT_EQ(assembler.open(), 2U);
  static_cast<void>(assembler.take(named(1), chunk(wrong, 0, 10, 9)));
  EXPECT_EQ(assembler.open(), 2U);
  EXPECT_EQ(whole_of(assembler.take(named(1), chunk(right, 10, 10, 5))), right);
}

TEST(HubAssemblerTest, chunks_that_contradict_those_before_are_refused) {
  HubAssembler assembler({.max_part_bytes = 64, .open_per_site = 4, .bytes_per_site = 128});
  const Bytes whole = message(20, 1);
  static_cast<void>(assembler.take(named(1), chunk(whole, 0, 10, 5)));
  EXPECT_EQ(assembler.take(named(1), chunk(message(21, 1), 10, 5, 5)).refused, DropReason::chunk_malformed);
  EXPECT_EQ(assembler.take(named(1), chunk(whole, 5, 10, 5)).refused, DropReason::chunk_malformed);
  EXPECT_EQ(assembler.take(named(1), chunk(message(65, 1), 0, 5, 5)).refused, DropReason::message_oversized);
}

TEST(HubAssemblerTest, what_is_kept_of_a_site_is_bounded_and_does_not_crowd_out_another) {
  HubAssembler assembler({.max_part_bytes = 64, .open_per_site = 4, .bytes_per_site = 100});
  const Bytes whole = message(40, 1);
  HubPartName other = named(1);
  other.from = SiteId(2);
  static_cast<void>(assembler.take(other, chunk(whole, 0, 10, 5)));
  for (std::uint64_t sequence = 1; sequence <= 20; ++sequence) {
    static_cast<void>(assembler.take(named(sequence), chunk(whole, 0, 10, 5)));
    EXPECT_LE(assembler.open_bytes(kFrom), 100U);
  }
  for (std::uint64_t sequence = 30; sequence <= 50; ++sequence) {
    static_cast<void>(assembler.take(named(sequence), chunk(message(2, 1), 0, 1, 5)));
    EXPECT_LE(assembler.open(), 5U);
  }
  EXPECT_FALSE(assembler.take(other, chunk(whole, 10, 10, 5)).refused.has_value());
  EXPECT_EQ(whole_of(assembler.take(other, chunk(whole, 20, 20, 5))), whole);
}

}  // namespace
}  // namespace garrison::link
