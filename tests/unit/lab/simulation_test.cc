#include "apps/lab/simulation.h"

#include <gtest/gtest.h>

namespace garrison::lab {
namespace {

SimulationOptions small(std::uint64_t seed) {
  SimulationOptions options;
  options.seed = seed;
  options.clients = 4;
  options.updates = 60;
  options.faults_for = seconds(5);
  return options;
}

TEST(SimulationTest, a_seed_run_twice_has_the_same_digest_and_another_seed_another) {
  const auto keys = make_lab_keys({.servers = 4, .clients = 4, .lossy = true});
  const SimulationResult first = simulate(small(3), keys);
  EXPECT_EQ(first.violation, "");
  EXPECT_EQ(first.updates, 60U);
  EXPECT_EQ(simulate(small(3), keys).digest, first.digest);
  EXPECT_NE(simulate(small(4), keys).digest, first.digest);
}

TEST(SimulationTest, faults_really_happen_and_every_frame_is_accounted_for) {
  const auto keys = make_lab_keys({.servers = 4, .clients = 4, .lossy = true});
  NetworkCounts sum;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const SimulationResult result = simulate(small(seed), keys);
    EXPECT_EQ(result.violation, "") << "seed " << seed;
    EXPECT_GT(result.network.lost, 0U);
    sum.duplicated += result.network.duplicated;
    sum.overtaken += result.network.overtaken;
    sum.partitioned += result.network.partitioned;
  }
  EXPECT_GT(sum.duplicated, 0U);
  EXPECT_GT(sum.overtaken, 0U);
  EXPECT_GT(sum.partitioned, 0U);
}

TEST(SimulationTest, faulty_servers_act_and_the_rest_stays_right) {
  const auto keys = make_lab_keys({.servers = 4, .clients = 4, .lossy = true});
  for (const char* specs : {"withhold-requests,ack-only-faulty", "equivocate-po-request,replay", "execute-wrongly"}) {
    SimulationOptions options = small(5);
    options.attack = {specs, "A3"};
    const SimulationResult result = simulate(options, keys);
    EXPECT_EQ(result.violation, "") << specs;
    EXPECT_EQ(result.acted.find("never"), std::string::npos) << result.acted;
    EXPECT_EQ(simulate(options, keys).digest, result.digest);
  }
}

TEST(SimulationTest, faulty_clients_harm_nobody) {
  SimulationOptions options = small(6);
  options.clients = 6;
  options.faulty_clients = 3;
  const SimulationResult result = simulate(options, make_lab_keys({.servers = 4, .clients = 6, .lossy = true}));
  EXPECT_EQ(result.violation, "");
  EXPECT_GT(result.misdeeds, 20U);
}

TEST(SimulationTest, leaders_are_unseated_by_the_network_until_a_faulty_one_leads) {
  SimulationOptions options = small(7);
  options.unseat_leaders = true;
  options.calm_for = seconds(3);
  options.attack = {"delay-leader", "A3"};
  const SimulationResult result = simulate(options, make_lab_keys({.servers = 4, .clients = 4, .lossy = true}));
  EXPECT_EQ(result.violation, "");
  EXPECT_GT(result.partitions, 1U);
  EXPECT_GT(result.held_to_bound, 10U);
}

TEST(SimulationTest, bft_agrees_and_answers_although_leaders_crash) {
  const auto keys = make_lab_keys({.servers = 4, .clients = 4, .lossy = true, .protocol = config::LocalProtocol::bft});
  std::size_t crashes = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const SimulationResult result = simulate(small(seed), keys);
    EXPECT_EQ(result.violation, "") << "seed " << seed;
    EXPECT_EQ(result.updates, 60U);
    crashes += result.crashes;
  }
  EXPECT_GT(crashes, 0U);
  EXPECT_EQ(simulate(small(3), keys).digest, simulate(small(3), keys).digest);
}

TEST(SimulationTest, without_a_quorum_nothing_is_answered) {
  EventQueue events;
  LabSite site(events, make_lab_keys({.servers = 4, .clients = 2}), {});
  site.start();
  site.clients().start({.updates_each = 5, .think = milliseconds(10)});
  site.crash(ServerId(2));
  site.crash(ServerId(3));
  while (!events.empty() && events.now() < Instant(0) + seconds(5)) events.run_next();
  EXPECT_EQ(site.clients().completed(), 0U);
  EXPECT_FALSE(site.checkers().violation().has_value());
}

TEST(SimulationTest, a_server_that_starts_late_takes_over_the_state_and_counts_in_quorums) {
  EventQueue events;
  LabSite site(events, make_lab_keys({.servers = 4, .clients = 2, .prime = small_windows()}), {});
  const ServerId late(3);
  site.start(ServerSet::only(late));
  site.clients().start({.updates_each = 100, .think = milliseconds(200)});
  const auto run_to = [&](Duration time) {
    while (!events.empty() && events.now() < Instant(0) + time) events.run_next();
  };
  run_to(seconds(4));
  EXPECT_GT(site.checkers().agreed(), 40U);
  site.join(late);
  run_to(seconds(7));
  EXPECT_EQ(site.checkers().restored(late), 1U);
  site.crash(ServerId(1));
  run_to(seconds(60));
  EXPECT_EQ(site.clients().completed(), site.clients().wanted());
  EXPECT_TRUE(site.caught_up());
  EXPECT_EQ(site.state_difference(), std::nullopt);
  EXPECT_EQ(site.checkers().violation(), std::nullopt);
}

TEST(SimulationTest, one_that_lags_while_another_is_down_takes_over_the_state_of_a_site_that_stands_still) {
  EventQueue events;
  LabSite site(events, make_lab_keys({.servers = 4, .clients = 2, .prime = small_windows()}), {});
  const ServerId late(3);
  site.start(ServerSet::only(late));
  site.clients().start({.updates_each = 60, .think = milliseconds(100)});
  while (!events.empty() && events.now() < Instant(0) + seconds(2)) events.run_next();
  site.crash(ServerId(1));  // two are left, and nothing is ordered any more
  while (!events.empty() && events.now() < Instant(0) + seconds(3)) events.run_next();
  EXPECT_LT(site.clients().completed(), site.clients().wanted());
  site.join(late);
  while (!events.empty() && events.now() < Instant(0) + seconds(60)) events.run_next();
  EXPECT_EQ(site.clients().completed(), site.clients().wanted());
  EXPECT_GE(site.checkers().restored(late), 1U);
  EXPECT_EQ(site.state_difference(), std::nullopt);
  EXPECT_EQ(site.checkers().violation(), std::nullopt);
}

TEST(SimulationTest, servers_that_are_away_longer_than_anything_is_kept_catch_up) {
  const auto keys = make_lab_keys({.servers = 4, .clients = 4, .lossy = true, .prime = small_windows()});
  std::size_t restores = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SimulationOptions options = small(seed);
    options.laggards = true;
    options.updates = 200;
    options.faults_for = seconds(10);
    const SimulationResult result = simulate(options, keys);
    EXPECT_EQ(result.violation, "") << "seed " << seed;
    restores += result.restores;
  }
  EXPECT_GT(restores, 0U);
}

}  // namespace
}  // namespace garrison::lab
