#include "control/config/hub_sets.h"

#include <gtest/gtest.h>

#include <set>

namespace garrison::config {
namespace {

constexpr LinkEnd site_of(std::size_t f) { return {.n = 3 * f + 1, .f = f}; }

TEST(HubSetsTest, two_f_plus_1_of_3f_plus_1_parts_decode_and_the_receiving_site_does_not_matter) {
  for (std::size_t f = 1; f <= kMaxFaults; ++f) {
    for (std::size_t other = 1; other <= kMaxFaults; ++other) {
      const HubSets sets(site_of(f), site_of(other));
      EXPECT_EQ(sets.count(), 3 * f + 1);
      EXPECT_EQ(sets.needed(), 2 * f + 1);
    }
  }
  EXPECT_EQ(HubSets({.n = 6, .f = 1}, site_of(1)).needed(), 5U);
}

TEST(HubSetsTest, the_first_set_has_as_many_members_as_decode_and_all_are_in_it_equally_often) {
  for (const LinkEnd site : {site_of(1), site_of(2), site_of(5), LinkEnd{.n = 6, .f = 1}}) {
    const HubSets sets(site, site);
    std::vector<std::size_t> times(site.n);
    for (std::uint64_t sequence = 1; sequence <= 3 * site.n; ++sequence) {
      const ServerSet first = sets.first(SeqNum(sequence), {});
      first.for_each([&](ServerId server) { ++times.at(server.index()); });
      EXPECT_EQ(first.size(), sets.needed()) << sequence;
    }
    for (const std::size_t each : times) EXPECT_EQ(each, 3 * sets.needed());
  }
}

TEST(HubSetsTest, who_is_demoted_is_in_no_first_set_and_those_remain_as_large) {
  const HubSets sets(site_of(2), site_of(1));
  const ServerSet demoted = ServerSet::only(ServerId(1)).insert(ServerId(6));
  for (std::uint64_t sequence = 1; sequence <= 14; ++sequence) {
    EXPECT_EQ(sets.first(SeqNum(sequence), demoted), ServerSet::all(6).without(ServerId(1))) << sequence;
    const ServerSet one = sets.first(SeqNum(sequence), ServerSet::only(ServerId(3)));
    EXPECT_EQ(one.size(), 5U);
    EXPECT_FALSE(one.contains(ServerId(3)));
  }
}

TEST(HubSetsTest, the_second_set_moves_on_with_every_sequence) {
  const HubSets sets(site_of(1), site_of(1));
  std::set<std::size_t> second;
  for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) {
    const ServerSet first = sets.first(SeqNum(sequence), {});
    for (std::uint16_t i = 0; i < 4; ++i) {
      if (!first.contains(ServerId(i))) second.insert(i);
    }
    EXPECT_EQ(second.size(), sequence);
  }
}

TEST(HubSetsTest, f_plus_1_servers_of_the_receiving_site_introduce_a_part) {
  for (const auto& [sender, receiver] :
       {std::pair(site_of(1), site_of(1)), std::pair(site_of(1), site_of(2)), std::pair(site_of(3), site_of(1))}) {
    const HubSets sets(sender, receiver);
    std::vector<std::size_t> times(receiver.n);
    for (std::uint64_t sequence = 1; sequence <= receiver.n; ++sequence) {
      for (std::size_t i = 0; i < sets.count(); ++i) {
        std::size_t introducers = 0;
        for (std::uint16_t server = 0; server < receiver.n; ++server) {
          if (!sets.introduces(ServerId(server), i, SeqNum(sequence))) continue;
          ++introducers;
          ++times[server];
        }
        EXPECT_EQ(introducers, receiver.f + 1);
      }
    }
    for (const std::size_t each : times) EXPECT_EQ(each, sets.count() * (receiver.f + 1)) << "work is shared evenly";
  }
}

TEST(HubSetsTest, parts_are_addressed_to_servers_in_turn) {
  const HubSets sets(site_of(2), site_of(1));
  EXPECT_EQ(sets.addressee(3), ServerId(3));
  EXPECT_EQ(sets.addressee(6), ServerId(2));
}

}  // namespace
}  // namespace garrison::config
