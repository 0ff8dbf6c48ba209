// A logical machine that is handed over: whoever gets it goes on as those who gave it.
#include <gtest/gtest.h>

#include "dataplane/base/rng.h"
#include "tests/unit/site/world.h"

namespace garrison::site {
namespace {

void submit_rounds(World& world, std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t i = first; i < first + count; ++i) {
    for (std::size_t s = 0; s < 4; ++s) world.submit(s, i % 4, static_cast<std::uint32_t>(s), i);
    world.run_for(milliseconds(50));
  }
}

// Equal bytes at all servers of each site, and they have executed `updates`.
void expect_equal_states(World& world, std::uint64_t updates) {
  for (std::size_t s = 0; s < 4; ++s) {
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(world.executed(s, i), updates) << "site " << s << " server " << i;
      EXPECT_EQ(world.machine(s, i).state_digest(), world.machine(s, 0).state_digest())
          << "site " << s << " server " << i;
    }
  }
}

// World::hand_over compares snapshots; World::closed what the servers of a site say.
TEST(MachineStateTest, servers_that_are_handed_the_machine_at_any_event_say_what_the_others_say) {
  World world;
  world.hand_over_every = 97;
  world.run_for(seconds(1));
  submit_rounds(world, 1, 5);
  world.run_for(seconds(2));
  EXPECT_GT(world.handed_over, 20U);
  expect_equal_states(world, 20);
}

TEST(MachineStateTest, so_they_do_while_the_leaders_site_is_lost_and_pairs_are_faulty) {
  World world;
  world.hand_over_every = 151;
  world.corrupt = [](SiteId source, std::size_t from, message::LinkPart& part, Bytes& bytes) {
    if (from == (source.index() + 1) % 4) bytes[part.sequence.value() % bytes.size()] ^= 1U;
    return true;
  };
  world.run_for(seconds(1));
  world.cut = [](SiteId a, SiteId b) { return a == SiteId(0) || b == SiteId(0); };
  submit_rounds(world, 1, 4);
  world.run_for(seconds(5));
  world.cut = nullptr;
  world.run_for(seconds(12));
  EXPECT_GT(world.handed_over, 40U);
  EXPECT_GE(world.machine(1, 0).replica().core().status().view, View(1));
  expect_equal_states(world, 16);
}

// One server of site 1 is away; of the pairs of site 1 and site 2 one more is faulty, so its parts are needed.
TEST(MachineStateTest, a_server_that_was_away_sends_its_parts_again) {
  World world;
  world.run_for(seconds(1));
  world.away.insert({1, 3});
  world.cut = [](SiteId a, SiteId b) { return a == SiteId(1) || b == SiteId(1); };
  submit_rounds(world, 1, 3);
  world.run_for(seconds(1));
  world.corrupt = [](SiteId source, std::size_t from, message::LinkPart& /*part*/, Bytes& /*bytes*/) {
    return source != SiteId(1) || from > 1;  // 2 of 4 parts decode: those of servers 2 and 3
  };
  world.hand_over(1, 0, 3);
  world.cut = nullptr;
  world.run_for(seconds(15));
  submit_rounds(world, 4, 2);
  world.run_for(seconds(3));
  expect_equal_states(world, 20);
}

TEST(MachineStateTest, a_snapshot_that_is_cut_short_or_altered_is_refused_or_read_and_never_more) {
  World world;
  world.run_for(milliseconds(500));
  submit_rounds(world, 1, 2);
  const Bytes good = world.machine(0, 0).snapshot();
  world.heeds_restored = false;  // nonsense, it may be
  Rng rng(7);
  std::size_t refused = 0;
  for (int i = 0; i < 60; ++i) {
    Bytes bad = good;
    if (rng.below(3) == 0) {
      bad.resize(rng.below(bad.size()));
    } else {
      for (std::uint64_t n = rng.between(1, 4); n > 0; --n) {
        bad[rng.below(bad.size())] = static_cast<std::uint8_t>(rng.below(256));
      }
    }
    refused += world.machine(0, 1).restore(bad).ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 15U);
  EXPECT_FALSE(world.machine(0, 1).restore({}).ok());
  world.heeds_restored = true;
  world.away.insert({0, 1});  // what it was told is not so
  world.hand_over(0, 0, 1);
}

TEST(MachineStateTest, a_snapshot_that_is_refused_changes_nothing) {
  World world;
  world.run_for(milliseconds(500));
  Bytes bad = world.machine(0, 0).snapshot();
  bad.pop_back();
  const Bytes before = world.machine(0, 1).snapshot();
  EXPECT_FALSE(world.machine(0, 1).restore(bad).ok());
  EXPECT_TRUE(world.machine(0, 1).snapshot() == before);
}

}  // namespace
}  // namespace garrison::site
