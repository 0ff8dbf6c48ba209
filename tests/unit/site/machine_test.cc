// The logical machines of several sites together: agreement, faulty pairs of links, sites that are cut off.
#include <gtest/gtest.h>

#include "tests/unit/site/world.h"

namespace garrison::site {
namespace {

// Every server of these sites has executed `updates` and holds the same state.
void expect_agreement(World& world, std::uint64_t updates, std::vector<std::size_t> sites = {0, 1, 2, 3}) {
  for (const std::size_t s : sites) {
    for (std::size_t i = 0; i < world.options().servers; ++i) {
      EXPECT_EQ(world.executed(s, i), updates) << "site " << s << " server " << i;
      EXPECT_EQ(world.digest(s, i), world.digest(sites.front(), 0)) << "site " << s << " server " << i;
    }
  }
}

// One update per site of `sites` and round, from client `site`.
void submit_rounds(World& world, std::uint64_t first, std::uint64_t count,
                   std::vector<std::size_t> sites = {0, 1, 2, 3}) {
  for (std::uint64_t i = first; i < first + count; ++i) {
    for (const std::size_t s : sites) world.submit(s, i % 4, static_cast<std::uint32_t>(s), i);
    world.run_for(milliseconds(50));
  }
}

TEST(LogicalMachineTest, updates_of_all_sites_are_executed_everywhere_in_one_order) {
  World world;
  world.run_for(seconds(1));
  submit_rounds(world, 1, 5);
  world.run_for(seconds(2));
  expect_agreement(world, 20);
}

TEST(LogicalMachineTest, an_update_takes_six_wide_area_crossings_and_little_more) {
  World world;
  world.run_for(seconds(1));
  world.submit(1, 0, 1, 1);
  const Instant submitted = world.now();
  while (world.executed(1, 0) == 0) world.run_for(milliseconds(1));
  const Duration took = world.now() - submitted;
  EXPECT_GT(took, world.options().wan_delay * 4);
  EXPECT_LT(took, world.options().wan_delay * 6 + milliseconds(200));
}

Duration time_of_one_update(std::uint64_t hurry_bytes_per_s) {
  World world({.hurry_bytes_per_s = hurry_bytes_per_s});
  world.run_for(seconds(1));
  world.submit(1, 0, 1, 1);
  const Instant submitted = world.now();
  while (world.executed(1, 0) == 0) world.run_for(milliseconds(1));
  return world.now() - submitted;
}

// What is left beside the crossings is the order of what comes and of what was signed.
TEST(LogicalMachineTest, a_site_with_little_to_say_waits_for_no_period) {
  const WorldOptions options;
  const Duration least = options.wan_delay * 6 + options.local_order * 8;
  EXPECT_LT(time_of_one_update(10'000'000), least + milliseconds(20));
  EXPECT_GT(time_of_one_update(0), least + milliseconds(30));
}

TEST(LogicalMachineTest, sites_that_hurry_say_the_same_at_all_their_servers_and_no_more_than_they_may) {
  const auto bytes = [](std::uint64_t hurry_bytes_per_s) {
    World world({.hurry_bytes_per_s = hurry_bytes_per_s});
    world.run_for(seconds(1));
    submit_rounds(world, 1, 20);
    world.run_for(seconds(2));
    expect_agreement(world, 80);
    return world.machine(0, 0).status().batches;
  };
  const std::uint64_t never = bytes(0);
  EXPECT_GT(bytes(10'000'000), never * 5 / 4);
  EXPECT_LT(bytes(20'000), never * 9 / 8);
}

TEST(LogicalMachineTest, a_site_at_rest_is_told_the_time_less_often_than_a_busy_one) {
  World world;
  world.run_for(seconds(1));
  const auto in_two_seconds = [&](std::uint64_t rounds) {
    const std::uint64_t before = world.ticks();
    if (rounds > 0) submit_rounds(world, 1, rounds);
    world.run_for(seconds(2) - milliseconds(50) * static_cast<std::int64_t>(rounds));
    return world.ticks() - before;
  };
  const std::uint64_t at_rest = in_two_seconds(0);
  const std::uint64_t busy = in_two_seconds(40);
  EXPECT_GT(world.executed(0, 0), 100U);
  EXPECT_LT(at_rest * 4, busy * 3) << at_rest << " and " << busy;
  EXPECT_LE(busy, std::uint64_t{16} * 200);
}

TEST(LogicalMachineTest, the_naive_link_brings_the_same_and_sends_more) {
  World erasure;
  World naive({.link = config::LinkKind::naive});
  for (World* world : {&erasure, &naive}) {
    world->run_for(seconds(1));
    submit_rounds(*world, 1, 3);
    world->run_for(seconds(2));
    expect_agreement(*world, 12);
  }
}

TEST(LogicalMachineTest, the_hub_link_brings_the_same) {
  World world({.link = config::LinkKind::hub_immediate});
  world.run_for(seconds(1));
  submit_rounds(world, 1, 3);
  world.run_for(seconds(2));
  expect_agreement(world, 12);
}

TEST(LogicalMachineTest, over_forwarders_the_same_arrives_and_each_message_is_sent_once) {
  World world({.link = config::LinkKind::forwarder});
  world.run_for(seconds(1));
  submit_rounds(world, 1, 5);
  world.run_for(seconds(2));
  expect_agreement(world, 20);
  EXPECT_EQ(world.parts_sent(), 0U);
  const MachineStatus status = world.machine(0, 0).status();
  EXPECT_GT(status.link_messages, 100U);
  EXPECT_EQ(world.machine(0, 0).drops().get(DropReason::link_stale), status.link_messages) << "f + 1 introduce each";
}

TEST(LogicalMachineTest, what_forwarders_lose_is_presented_again_under_new_numbers) {
  World world({.link = config::LinkKind::forwarder});
  std::size_t lost = 0;
  world.loses = [&](SiteId /*source*/, const LinkName& link) {
    return link.traffic == TrafficClass::bounded && lost < 40 && ++lost % 2 == 0;
  };
  world.run_for(seconds(1));
  submit_rounds(world, 1, 5);
  world.run_for(seconds(30));
  expect_agreement(world, 20);
  EXPECT_EQ(lost, 40U);
}

TEST(LogicalMachineTest, over_blink_links_the_same_arrives_and_each_message_is_sent_and_ordered_once) {
  World world({.link = config::LinkKind::blink});
  world.run_for(seconds(1));
  submit_rounds(world, 1, 5);
  world.run_for(seconds(2));
  expect_agreement(world, 20);
  EXPECT_EQ(world.parts_sent(), 0U);
  EXPECT_GT(world.machine(0, 0).status().link_messages, 100U);
  EXPECT_EQ(world.machine(0, 0).drops().get(DropReason::link_stale), 0U);
  for (const MachineStatus::Office& office : world.machine(0, 0).status().offices) {
    EXPECT_EQ(office.rotations, 0U);
  }
}

// Of site 0's first pair the forwarder is faulty, of the second one the peer.
TEST(LogicalMachineTest, a_blink_link_reaches_a_correct_pair_and_sends_again_what_the_others_dropped) {
  World world({.link = config::LinkKind::blink});
  world.carries = [](SiteId source, std::size_t pair, const LinkName& /*link*/) {
    return source != SiteId(0) || pair > 1;
  };
  world.run_for(seconds(1));
  submit_rounds(world, 1, 5);
  world.run_for(seconds(30));
  expect_agreement(world, 20);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(world.machine(0, i).pairs().rotations(SiteId(1)), 2U);
    EXPECT_EQ(world.machine(1, i).pairs().rotations(SiteId(0)), 0U) << "the links of the others are not blamed";
  }
}

TEST(LogicalMachineTest, a_forwarder_that_drops_only_timely_messages_does_not_stay_in_office) {
  World world({.link = config::LinkKind::blink});
  world.carries = [](SiteId source, std::size_t pair, const LinkName& link) {
    return source != SiteId(0) || pair > 0 || link.source != source || link.traffic != TrafficClass::timely;
  };
  world.run_for(seconds(4));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(world.machine(0, i).pairs().rotations(SiteId(1)), 1U);
  submit_rounds(world, 1, 5);
  world.run_for(seconds(5));
  expect_agreement(world, 20);
}

TEST(LogicalMachineTest, which_pair_is_in_office_is_handed_over_with_the_machine) {
  World world({.link = config::LinkKind::blink});
  world.hand_over_every = 50;
  world.carries = [](SiteId source, std::size_t pair, const LinkName& /*link*/) {
    return source != SiteId(0) || pair > 0;
  };
  world.run_for(seconds(1));
  submit_rounds(world, 1, 5);
  world.run_for(seconds(20));
  expect_agreement(world, 20);
  EXPECT_GT(world.handed_over, 20U);
  EXPECT_EQ(world.machine(0, 0).pairs().in_office(SiteId(1)), 1U);
}

TEST(LogicalMachineTest, an_acknowledgement_that_its_site_has_not_signed_moves_nothing) {
  World world({.link = config::LinkKind::blink});
  world.carries = [&](SiteId source, std::size_t /*pair*/, const LinkName& link) {
    if (source != SiteId(0) || link.destination != SiteId(1) || link.source != source) return true;
    // Nothing of site 0's reaches site 1, and a server of site 0 says that it does.
    message::LinkMessage message{source, TrafficClass::timely, link.incarnation, SeqNum(2), SeqNum(1), {}};
    const Bytes content = message::encode(world.envelope(crypto::Principal::of_site(SiteId(1))), message);
    const Bytes other = world.keys().sign(crypto::Principal::server(source, ServerId(0)), content);
    Bytes bundle(4 + other.size());
    Writer(bundle).u32(static_cast<std::uint32_t>(other.size())).bytes(other);
    world.introduce_bundle(0, 3, bundle);
    return false;
  };
  world.run_for(seconds(4));
  EXPECT_GE(world.machine(0, 0).pairs().rotations(SiteId(1)), 1U);
  EXPECT_GT(world.machine(0, 0).drops().get(DropReason::link_bad_candidate), 0U);
}

TEST(LogicalMachineTest, a_bundle_that_its_site_has_not_signed_is_void_whoever_introduces_it) {
  World world({.link = config::LinkKind::forwarder});
  std::size_t forged = 0;
  world.loses = [&](SiteId source, const LinkName& link) {
    // A server of the receiving site is quicker than the correct ones, and wrong.
    message::LinkMessage message{link.destination, link.traffic, link.incarnation, link.sequence, SeqNum(0), {}};
    const Bytes content = message::encode(world.envelope(crypto::Principal::of_site(source)), message);
    const Bytes other = world.keys().sign(crypto::Principal::server(source, ServerId(0)), content);
    Bytes bundle(4 + other.size());
    Writer(bundle).u32(static_cast<std::uint32_t>(other.size())).bytes(other);
    world.introduce_bundle(link.destination.index(), 3, bundle);
    ++forged;
    return false;
  };
  world.run_for(seconds(1));
  submit_rounds(world, 1, 5);
  world.run_for(seconds(2));
  expect_agreement(world, 20);
  EXPECT_GT(forged, 100U);
  EXPECT_GT(world.machine(0, 0).drops().get(DropReason::link_bad_candidate), 100U);
}

// In every site server 3 sends wrong bytes or nothing: of the four pairs of each link one is faulty at each end.
TEST(LogicalMachineTest, a_faulty_server_in_every_site_neither_stops_nor_changes_anything) {
  World world;
  std::size_t spoilt = 0;
  world.corrupt = [&](SiteId source, std::size_t from, message::LinkPart& part, Bytes& bytes) {
    if (from != (source.index() + 1) % 4) return true;
    ++spoilt;
    if (part.sequence.value() % 3 == 0) return false;
    if (part.sequence.value() % 3 == 1) bytes.front() ^= 1U;
    if (part.sequence.value() % 3 == 2) part.bundle_bytes += 1;
    return true;
  };
  world.run_for(seconds(1));
  submit_rounds(world, 1, 5);
  world.run_for(seconds(2));
  expect_agreement(world, 20);
  EXPECT_GT(spoilt, 100U);
  EXPECT_GT(world.machine(0, 0).drops().get(DropReason::link_bad_candidate), 0U);
}

TEST(LogicalMachineTest, an_update_that_several_servers_introduce_enters_the_global_order_once) {
  World world;
  world.run_for(seconds(1));
  for (std::size_t i = 0; i < 4; ++i) world.submit(2, i, 1, 1);
  world.run_for(seconds(1));
  expect_agreement(world, 1);
  EXPECT_EQ(world.machine(2, 0).drops().get(DropReason::client_duplicate), 3U);
  EXPECT_EQ(world.machine(2, 0).replica().core().status().updates_delivered, 1U);
}

TEST(LogicalMachineTest, the_loss_of_a_site_does_not_stop_the_others) {
  World world;
  world.run_for(seconds(1));
  world.cut = [](SiteId a, SiteId b) { return a == SiteId(3) || b == SiteId(3); };
  submit_rounds(world, 1, 5, {0, 1, 2});
  world.run_for(seconds(3));
  expect_agreement(world, 15, {0, 1, 2});
  EXPECT_EQ(world.executed(3, 0), 0U);
}

TEST(LogicalMachineTest, the_loss_of_the_leaders_site_ends_in_a_view_change_that_all_servers_see_alike) {
  World world;
  world.run_for(seconds(1));
  world.cut = [](SiteId a, SiteId b) { return a == SiteId(0) || b == SiteId(0); };
  submit_rounds(world, 1, 5, {1, 2, 3});
  world.run_for(seconds(6));
  expect_agreement(world, 15, {1, 2, 3});
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(world.machine(1, i).replica().core().status().view, View(1));
}

TEST(LogicalMachineTest, a_site_that_comes_back_catches_up) {
  World world;
  world.run_for(seconds(1));
  world.cut = [](SiteId a, SiteId b) { return a == SiteId(2) || b == SiteId(2); };
  submit_rounds(world, 1, 5, {0, 1, 3});
  world.run_for(seconds(2));
  world.cut = nullptr;
  world.run_for(seconds(15));
  expect_agreement(world, 15);
  submit_rounds(world, 6, 2);
  world.run_for(seconds(3));
  expect_agreement(world, 15 + 6 + 2);
}

TEST(LogicalMachineTest, all_servers_of_a_site_say_the_same_whatever_they_say) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    World world({.servers = 7, .faulty_servers = 2, .seed = seed});
    world.run_for(milliseconds(500));
    submit_rounds(world, 1, 3);
    world.run_for(seconds(1));
    for (std::size_t s = 0; s < 4; ++s) {
      for (std::size_t i = 1; i < 7; ++i) {
        EXPECT_EQ(world.machine(s, i).status().fingerprint, world.machine(s, 0).status().fingerprint);
      }
      EXPECT_GT(world.machine(s, 0).status().batches, 20U);
    }
  }
}

}  // namespace
}  // namespace garrison::site
