#include "dataplane/base/slab.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace garrison {
namespace {

constexpr SlabClass kClasses[] = {{.slot_bytes = 64, .slots = 4}, {.slot_bytes = 256, .slots = 2}};

TEST(SlabTest, gives_the_smallest_slot_that_holds_the_length) {
  Slab slab(kClasses, 1, 10'000);
  EXPECT_EQ(slab.whole(*slab.allocate(0, 0)).size(), 64U);
  EXPECT_EQ(slab.whole(*slab.allocate(0, 64)).size(), 64U);
  EXPECT_EQ(slab.whole(*slab.allocate(0, 65)).size(), 256U);
  EXPECT_EQ(slab.whole(*slab.allocate(0, 256)).size(), 256U);
  EXPECT_FALSE(slab.allocate(0, 257));
  EXPECT_EQ(slab.largest(), 256U);
}

TEST(SlabTest, takes_a_larger_slot_when_the_smaller_class_is_used_up_and_none_when_all_are) {
  Slab slab(kClasses, 1, 10'000);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(slab.whole(*slab.allocate(0, 10)).size(), 64U);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(slab.whole(*slab.allocate(0, 10)).size(), 256U);
  EXPECT_FALSE(slab.allocate(0, 10));
  EXPECT_EQ(slab.slots_in_use(), 6U);
}

TEST(SlabTest, an_owner_never_holds_more_than_its_quota_of_slot_bytes_and_leaves_others_alone) {
  Slab slab(kClasses, 2, 128);
  const SlotRef first = *slab.allocate(0, 1);
  EXPECT_TRUE(slab.allocate(0, 64));
  EXPECT_EQ(slab.used_bytes(0), 128U);
  EXPECT_FALSE(slab.allocate(0, 1));
  EXPECT_FALSE(slab.allocate(1, 200));
  EXPECT_TRUE(slab.allocate(1, 1));
  slab.free(first);
  EXPECT_EQ(slab.used_bytes(0), 64U);
  EXPECT_TRUE(slab.allocate(0, 1));
}

TEST(SlabTest, a_freed_slot_is_given_again) {
  Slab slab(kClasses, 1, 10'000);
  for (int round = 0; round < 100; ++round) {
    const SlotRef ref = *slab.allocate(0, 200);
    EXPECT_EQ(slab.slots_in_use(), 1U);
    slab.free(ref);
    EXPECT_EQ(slab.slots_in_use(), 0U);
    EXPECT_EQ(slab.used_bytes(0), 0U);
  }
}

TEST(SlabTest, slots_do_not_overlap) {
  Slab slab(kClasses, 1, 10'000);
  std::vector<SlotRef> held;
  while (const auto ref = slab.allocate(0, 10)) {
    std::ranges::fill(slab.whole(*ref), static_cast<std::uint8_t>(held.size()));
    held.push_back(*ref);
  }
  ASSERT_EQ(held.size(), 6U);
  for (std::size_t i = 0; i < held.size(); ++i) {
    for (const std::uint8_t byte : slab.whole(held[i])) EXPECT_EQ(byte, i);
  }
}

TEST(SlabTest, bytes_are_the_first_of_the_slot) {
  Slab slab(kClasses, 1, 10'000);
  const SlotRef ref = *slab.allocate(0, 10);
  EXPECT_EQ(slab.bytes(ref).size(), 10U);
  EXPECT_EQ(slab.bytes(ref).data(), slab.whole(ref).data());
  EXPECT_EQ(std::as_const(slab).bytes(ref).data(), slab.whole(ref).data());
}

TEST(SlabDeathTest, freeing_twice_or_a_foreign_slot_is_our_bug) {
  Slab slab(kClasses, 1, 10'000);
  const SlotRef ref = *slab.allocate(0, 10);
  slab.free(ref);
  EXPECT_DEATH(slab.free(ref), "CHECK failed");
  EXPECT_DEATH(slab.free(SlotRef{.slot = 6, .length = 1}), "CHECK failed");
}

TEST(SlabDeathTest, a_length_beyond_the_slot_is_our_bug) {
  Slab slab(kClasses, 1, 10'000);
  SlotRef ref = *slab.allocate(0, 10);
  ref.length = 65;
  EXPECT_DEATH((void)slab.bytes(ref), "CHECK failed");
  EXPECT_DEATH((void)std::as_const(slab).bytes(ref), "CHECK failed");
  EXPECT_DEATH((void)slab.allocate(1, 10), "CHECK failed");
}

TEST(SlabDeathTest, classes_out_of_order_are_our_bug) {
  const SlabClass descending[] = {{.slot_bytes = 256, .slots = 1}, {.slot_bytes = 64, .slots = 1}};
  EXPECT_DEATH(Slab(descending, 1, 1), "CHECK failed");
  EXPECT_DEATH(Slab({}, 1, 1), "CHECK failed");
}

}  // namespace
}  // namespace garrison
