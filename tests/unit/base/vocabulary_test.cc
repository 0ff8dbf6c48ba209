#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "dataplane/base/drops.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/result.h"
#include "dataplane/base/rng.h"
#include "dataplane/base/server_set.h"
#include "dataplane/base/traffic.h"

namespace garrison {
namespace {

std::vector<int> members(ServerSet set) {
  std::vector<int> out;
  set.for_each([&](ServerId id) { out.push_back(id.value()); });
  return out;
}

TEST(ServerSetTest, iterates_in_ascending_order_whatever_the_order_of_insertion) {
  ServerSet set;
  set.insert(ServerId(9)).insert(ServerId(0)).insert(ServerId(15)).insert(ServerId(9));
  EXPECT_EQ(members(set), (std::vector{0, 9, 15}));
  EXPECT_EQ(set.size(), 3U);
}

TEST(ServerSetTest, inserts_erases_and_contains) {
  ServerSet set = ServerSet::all(4);
  EXPECT_EQ(members(set), (std::vector{0, 1, 2, 3}));
  EXPECT_EQ(members(set.without(ServerId(2))), (std::vector{0, 1, 3}));
  EXPECT_TRUE(set.contains(ServerId(2)));
  set.erase(ServerId(2)).erase(ServerId(2));
  EXPECT_FALSE(set.contains(ServerId(2)));
  EXPECT_EQ(set.size(), 3U);
  EXPECT_EQ(ServerSet::only(ServerId(3)), ServerSet().insert(ServerId(3)));
  EXPECT_TRUE(ServerSet::all(0).empty());
  EXPECT_EQ(ServerSet::all(kMaxServersPerSite).size(), kMaxServersPerSite);
  EXPECT_TRUE(ServerSet::all(kMaxServersPerSite).contains(ServerId(15)));
}

TEST(ServerSetTest, its_bits_make_the_same_set_again) {
  const ServerSet set = ServerSet::only(ServerId(0)).insert(ServerId(15));
  EXPECT_EQ(set.bits(), 0x8001U);
  EXPECT_EQ(ServerSet::from_bits(set.bits()), set);
}

TEST(ServerSetTest, a_made_up_id_is_no_member) {
  for (const std::uint16_t id : std::initializer_list<std::uint16_t>{16, 31, 32, 33, 65'535}) {
    EXPECT_FALSE(ServerSet::all(kMaxServersPerSite).contains(ServerId(id)));
  }
}

TEST(ServerSetDeathTest, putting_in_a_made_up_id_is_our_bug) {
  EXPECT_DEATH(ServerSet().insert(ServerId(16)), "CHECK failed");
  EXPECT_DEATH(ServerSet().erase(ServerId(32)), "CHECK failed");
  EXPECT_DEATH((void)ServerSet::only(ServerId(48)), "CHECK failed");
  EXPECT_DEATH((void)ServerSet::all(17), "CHECK failed");
  EXPECT_DEATH((void)ServerSet::from_bits(0x10000), "CHECK failed");
}

TEST(RngTest, the_same_seed_gives_the_same_numbers_and_another_seed_others) {
  Rng one(1);
  Rng same(1);
  Rng other(2);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t number = one.next();
    EXPECT_EQ(number, same.next());
    EXPECT_NE(number, other.next());
    seen.insert(number);
  }
  EXPECT_EQ(seen.size(), 100U);
}

TEST(RngTest, numbers_stay_in_their_bounds_and_reach_all_of_them) {
  Rng rng(3);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70'000; ++i) ++counts[rng.below(7)];
  for (const int count : counts) {
    EXPECT_GT(count, 9'500);
    EXPECT_LT(count, 10'500);
  }
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(rng.between(10, 12));
  EXPECT_EQ(seen, (std::set<std::uint64_t>{10, 11, 12}));
  EXPECT_EQ(rng.below(1), 0U);
  EXPECT_EQ(rng.between(5, 5), 5U);
}

TEST(RngTest, the_whole_range_is_a_range) {
  Rng rng(4);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 100; ++i) seen.insert(rng.between(0, ~std::uint64_t{0}));
  EXPECT_EQ(seen.size(), 100U);
}

TEST(RngTest, chances_come_as_often_as_stated) {
  Rng rng(5);
  int hits = 0;
  for (int i = 0; i < 100'000; ++i) {
    hits += rng.chance(250'000) ? 1 : 0;
    EXPECT_FALSE(rng.chance(0));
    EXPECT_TRUE(rng.chance(1'000'000));
  }
  EXPECT_GT(hits, 24'000);
  EXPECT_LT(hits, 26'000);
}

TEST(RngDeathTest, nothing_is_below_zero_or_in_an_empty_range) {
  EXPECT_DEATH(Rng(1).below(0), "CHECK failed");
  EXPECT_DEATH(Rng(1).between(3, 2), "CHECK failed");
}

TEST(ResultTest, holds_a_value_or_an_error) {
  const Result<int> good = 7;
  EXPECT_TRUE(good.ok());
  EXPECT_EQ(good.value(), 7);
  const Result<int> bad = Error{"no disk; plug one in"};
  EXPECT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "no disk; plug one in");
  EXPECT_TRUE(Result<void>().ok());
  const Result<void> failed = Error{"no"};
  EXPECT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().message, "no");
}

TEST(ResultTest, gives_up_a_value_that_only_moves) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 3);
}

TEST(ResultTest, tells_a_string_value_from_an_error) {
  const Result<std::string> text = std::string("value");
  EXPECT_TRUE(text.ok());
  EXPECT_FALSE(Result<std::string>(Error{"value"}).ok());
}

TEST(ResultDeathTest, taking_what_is_not_there_is_our_bug) {
  const Result<int> good = 7;
  const Result<int> bad = Error{"no"};
  EXPECT_DEATH((void)good.error(), "CHECK failed");
  EXPECT_DEATH((void)bad.value(), "CHECK failed");
  EXPECT_DEATH((void)Result<void>().error(), "CHECK failed");
}

TEST(IdsTest, compare_hash_and_count) {
  EXPECT_LT(ServerId(1), ServerId(2));
  EXPECT_EQ(SeqNum(4).next(), SeqNum(5));
  EXPECT_EQ(std::unordered_set<ClientId>({ClientId(1), ClientId(1), ClientId(2)}).size(), 2U);
}

TEST(InstantTest, durations_and_instants_calculate) {
  const Instant start(1'000);
  EXPECT_EQ((start + microseconds(2)).ns(), 3'000);
  EXPECT_EQ((start + milliseconds(1)) - start, milliseconds(1));
  EXPECT_EQ(seconds(1) / 4, milliseconds(250));
  EXPECT_EQ(earlier(Instant::never(), start), start);
  EXPECT_DOUBLE_EQ(milliseconds(1'500).seconds(), 1.5);
}

TEST(DropsTest, every_reason_has_its_own_name_and_a_text) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    names.insert(name(static_cast<DropReason>(i)));
    EXPECT_FALSE(text(static_cast<DropReason>(i)).empty());
  }
  EXPECT_EQ(names.size(), kDropReasons);
  EXPECT_EQ(name(DropReason::message_bad_signature), "message_bad_signature");
}

TEST(DropsTest, counters_count_by_reason_and_in_total) {
  DropCounters drops;
  drops.add(DropReason::ring_full);
  drops.add(DropReason::frame_bad_tag, 4);
  EXPECT_EQ(drops.get(DropReason::ring_full), 1U);
  EXPECT_EQ(drops.get(DropReason::frame_bad_tag), 4U);
  EXPECT_EQ(drops.get(DropReason::frame_replayed), 0U);
  EXPECT_EQ(drops.total(), 5U);
}

TEST(TrafficTest, classes_are_named_as_the_paper_prints_them) {
  EXPECT_EQ(name(TrafficClass::timely), "TIMELY");
  EXPECT_EQ(name(TrafficClass::bounded), "BOUNDED");
}

}  // namespace
}  // namespace garrison
