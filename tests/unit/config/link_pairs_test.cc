#include "control/config/link_pairs.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <set>

namespace garrison::config {
namespace {

constexpr LinkEnd site_of(std::size_t f) { return {.n = 3 * f + 1, .f = f}; }

// The fewest pairs that are left when the worst f servers of each end are faulty, by trying all.
std::size_t fewest_correct_pairs(LinkEnd sender, LinkEnd receiver) {
  const LinkPairs pairs(sender, receiver);
  const auto faulty_sets = [](LinkEnd end) {
    std::set<std::uint32_t> sets;
    for (std::uint32_t set = 0; set < (1U << end.n); ++set) {
      if (static_cast<std::size_t>(std::popcount(set)) == end.f) sets.insert(set);
    }
    return sets;
  };
  std::size_t fewest = pairs.count();
  const auto receivers = faulty_sets(receiver);
  for (const std::uint32_t bad_senders : faulty_sets(sender)) {
    for (const std::uint32_t bad_receivers : receivers) {
      std::size_t correct = 0;
      for (std::size_t i = 0; i < pairs.count(); ++i) {
        const bool bad = (bad_senders >> pairs.sender(i).index() & 1U) != 0 ||
                         (bad_receivers >> pairs.receiver(i).index() & 1U) != 0;
        correct += bad ? 0 : 1;
      }
      fewest = std::min(fewest, correct);
    }
  }
  return fewest;
}

TEST(LinkPairsTest, sites_of_one_size_pair_equal_servers_and_need_f_plus_1_parts) {
  for (std::size_t f = 1; f <= kMaxFaults; ++f) {
    const LinkPairs pairs(site_of(f), site_of(f));
    ASSERT_EQ(pairs.count(), 3 * f + 1);
    EXPECT_EQ(pairs.needed(), f + 1);
    for (std::size_t i = 0; i < pairs.count(); ++i) {
      EXPECT_EQ(pairs.sender(i).index(), i);
      EXPECT_EQ(pairs.receiver(i).index(), i);
    }
  }
}

TEST(LinkPairsTest, servers_of_the_smaller_site_stand_in_several_pairs_in_turn) {
  const LinkPairs pairs(site_of(1), site_of(2));
  ASSERT_EQ(pairs.count(), 7U);
  EXPECT_EQ(pairs.sender(3), ServerId(3));
  EXPECT_EQ(pairs.sender(4), ServerId(0));
  EXPECT_EQ(pairs.sender(6), ServerId(2));
  EXPECT_EQ(pairs.receiver(6), ServerId(6));
  EXPECT_EQ(pairs.needed(), 7U - 1 * 2 - 2 * 1);
}

TEST(LinkPairsTest, faulty_servers_of_both_sites_leave_enough_pairs_whichever_they_are) {
  for (std::size_t sender = 1; sender <= 3; ++sender) {
    for (std::size_t receiver = 1; receiver <= 3; ++receiver) {
      const LinkPairs pairs(site_of(sender), site_of(receiver));
      EXPECT_LE(pairs.needed(), fewest_correct_pairs(site_of(sender), site_of(receiver))) << sender << " " << receiver;
    }
  }
  EXPECT_EQ(LinkPairs(site_of(1), site_of(2)).needed(), fewest_correct_pairs(site_of(1), site_of(2)));
}

TEST(LinkPairsTest, every_combination_of_sizes_saves_over_whole_messages_and_is_the_same_backwards) {
  for (std::size_t sender = 1; sender <= kMaxFaults; ++sender) {
    for (std::size_t receiver = 1; receiver <= kMaxFaults; ++receiver) {
      const LinkPairs there(site_of(sender), site_of(receiver));
      const LinkPairs back(site_of(receiver), site_of(sender));
      EXPECT_GE(there.needed(), 2U);
      EXPECT_EQ(there.needed(), back.needed());
      for (std::size_t i = 0; i < there.count(); ++i) {
        EXPECT_EQ(there.sender(i), back.receiver(i));
        EXPECT_EQ(there.receiver(i), back.sender(i));
      }
    }
  }
}

}  // namespace
}  // namespace garrison::config
