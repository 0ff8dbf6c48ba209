// Several sites of real servers in virtual time.
#include "apps/lab/lab_system.h"

#include <gtest/gtest.h>

#include "apps/lab/system_simulation.h"
#include "control/config/timing.h"

namespace garrison::lab {
namespace {

class LabSystemTest : public ::testing::Test {
 protected:
  void start(const LabTopology& topology, std::size_t updates_each, Duration think) {
    keys_ = make_lab_keys(topology);
    system_ = std::make_unique<LabSystem>(events_, keys_, LabSystemOptions{.seed = 1});
    system_->start();
    for (std::uint16_t s = 0; s < keys_->topology.sites.size(); ++s) {
      system_->site(SiteId(s)).clients().start({.updates_each = updates_each, .think = think, .timeout = seconds(4)});
    }
  }
  void run_until(Duration end) {
    while (!events_.empty() && events_.now() < Instant(end.ns()) && !system_->violation().has_value()) {
      events_.run_next();
    }
  }
  void run_until_done(Duration end) {
    while (!events_.empty() && events_.now() < Instant(end.ns()) && !system_->violation().has_value() &&
           (system_->completed() < system_->wanted() || !system_->caught_up())) {
      events_.run_next();
    }
  }
  void expect_well(std::size_t updates) {
    EXPECT_EQ(system_->violation().value_or(""), "");
    EXPECT_EQ(system_->completed(), updates);
    EXPECT_TRUE(system_->caught_up());
    EXPECT_EQ(system_->state_difference().value_or(""), "");
  }

  // Of two sites of four servers on hubs, while they order twenty updates.
  double parts_per_message(config::LinkKind kind) {
    start({.sites = 2, .link = kind, .servers = 4, .clients = 4}, 5, milliseconds(200));
    run_until_done(seconds(30));
    expect_well(20);
    const link::HubSenderStats counts = system_->hub_counts().sent;
    const auto sent = static_cast<double>(counts.sent_first + counts.sent_second + counts.sent_asked);
    return sent / (static_cast<double>(counts.submitted) / 4);
  }

  EventQueue events_;
  std::shared_ptr<const LabKeys> keys_;
  std::unique_ptr<LabSystem> system_;
};

TEST_F(LabSystemTest, four_sites_order_updates_of_all_their_clients) {
  start({.sites = 4, .servers = 4, .clients = 8}, 5, milliseconds(200));
  run_until_done(seconds(30));
  expect_well(40);
}

TEST_F(LabSystemTest, the_naive_link_serves_as_well) {
  start({.sites = 4, .link = config::LinkKind::naive, .servers = 4, .clients = 4}, 5, milliseconds(200));
  run_until_done(seconds(30));
  expect_well(20);
}

TEST_F(LabSystemTest, on_a_hub_without_faults_2f_plus_1_parts_of_a_message_are_sent) {
  EXPECT_NEAR(parts_per_message(config::LinkKind::hub_optimistic), 3.0, 0.05);
  EXPECT_EQ(system_->hub_counts().sent.needless, 0U);
}

TEST_F(LabSystemTest, with_minimum_parts_2f_plus_1_are_sent_without_any_timeout) {
  EXPECT_NEAR(parts_per_message(config::LinkKind::hub_minimum_parts), 3.0, 0.05);
}

TEST_F(LabSystemTest, the_immediate_hub_sends_all_parts) {
  EXPECT_DOUBLE_EQ(parts_per_message(config::LinkKind::hub_immediate), 4.0);
}

TEST_F(LabSystemTest, a_server_that_sends_its_parts_late_loses_its_turns_and_with_them_its_effect) {
  keys_ = make_lab_keys({.sites = 2, .link = config::LinkKind::hub_optimistic, .servers = 4, .clients = 4});
  adversary::HubLiar liar(adversary::HubLie::late, 4);
  LabSystemOptions options{.seed = 1};
  options.hub_liar = [&](SiteId site, ServerId server) {
    return site == SiteId(0) && server == ServerId(2) ? &liar : nullptr;
  };
  system_ = std::make_unique<LabSystem>(events_, keys_, options);
  system_->start();
  for (std::uint16_t s = 0; s < 2; ++s) {
    system_->site(SiteId(s)).clients().start({.updates_each = 100, .think = milliseconds(10), .timeout = seconds(4)});
  }
  const auto demoted = [&](std::uint16_t site, std::uint16_t at) {
    return system_->site(SiteId(site)).server(ServerId(at)).control().machine()->status().demoted;
  };
  run_until(seconds(5));
  EXPECT_EQ(system_->violation().value_or(""), "");
  for (std::uint16_t at = 0; at < 4; ++at) {
    EXPECT_EQ(demoted(0, at), ServerSet::only(ServerId(2))) << at;
    EXPECT_TRUE(demoted(1, at).empty()) << at;
  }
  const auto of_the_second_set = [&] {  // sent by correct servers
    std::uint64_t sum = 0;
    for (const ServerId at : {ServerId(0), ServerId(1), ServerId(3)}) {
      sum += system_->site(SiteId(0)).server(at).wan()->hub()->sent.sent_second;
    }
    return sum;
  };
  const std::uint64_t before = of_the_second_set();
  EXPECT_GT(before, 0U);
  run_until(seconds(7));
  EXPECT_EQ(of_the_second_set(), before);
}

TEST_F(LabSystemTest, forwarders_send_each_message_once_and_servers_nothing) {
  start({.sites = 4, .link = config::LinkKind::forwarder, .backup_forwarders = true, .servers = 4, .clients = 8}, 5,
        milliseconds(200));
  bool all_by_primaries = true;
  system_->wan().set_tap([&](StationId from, StationId /*to*/, ByteView /*frame*/) {
    all_by_primaries = all_by_primaries && system_->is_forwarder(from) &&
                       from == system_->station(system_->site_of(from), ServerId(4));
  });
  run_until_done(seconds(30));
  expect_well(40);
  EXPECT_TRUE(all_by_primaries);
  EXPECT_GT(system_->wan().counts().sent, 100U);
}

TEST_F(LabSystemTest, over_blink_links_one_server_sends_and_the_next_takes_over_when_it_crashes) {
  start({.sites = 4, .link = config::LinkKind::blink, .servers = 4, .clients = 8}, 10, milliseconds(500));
  run_until(seconds(2));
  EXPECT_EQ(system_->rotations(), 0U);
  const auto sent = [&](std::uint16_t server) {
    return system_->site(SiteId(2)).server(ServerId(server)).wan()->frames_sent();
  };
  EXPECT_GT(sent(0), 10 * sent(1));
  system_->crash(SiteId(2), ServerId(0));
  run_until_done(seconds(60));
  expect_well(80);
  EXPECT_GE(system_->rotations(), 6U);  // of the links from site 2, and of those to it
  EXPECT_LE(system_->rotations(), 8U);
}

TEST_F(LabSystemTest, a_backup_takes_over_from_forwarders_that_crash) {
  start({.sites = 4, .link = config::LinkKind::forwarder, .backup_forwarders = true, .servers = 4, .clients = 8}, 20,
        milliseconds(200));
  run_until(seconds(2));
  for (std::uint16_t site = 0; site < 4; ++site) system_->forwarders(SiteId(site)).front()->crash();
  run_until_done(seconds(60));
  expect_well(160);
}

TEST_F(LabSystemTest, two_sites_order_and_stop_when_one_is_lost) {
  start({.sites = 2, .servers = 4, .clients = 4}, 5, seconds(2));
  run_until(seconds(2));
  const std::size_t before = system_->completed();
  EXPECT_GT(before, 0U);
  system_->wan().partition(system_->stations(SiteId(1)));
  run_until(seconds(3));
  const std::size_t cut = system_->completed();
  run_until(seconds(6));
  EXPECT_EQ(system_->completed(), cut) << "neither of two sites goes on alone";
  system_->wan().partition({});
  run_until_done(seconds(60));
  expect_well(20);
}

// The others keep a few sequences only: what the site missed it gets as a state that F + 1 sites agree on.
TEST_F(LabSystemTest, a_site_that_was_away_for_long_takes_over_the_state_of_the_others) {
  LabTopology topology{.sites = 4, .servers = 4, .clients = 8};
  topology.global.prime.kept_window = config::kMinKeptWindow;
  topology.global.prime.checkpoint_interval = config::kMinKeptWindow / 2;
  topology.global.prime.ordering_window = config::kMinOrderingWindow;
  start(topology, 12, milliseconds(300));
  run_until(seconds(1));
  const SiteId away(3);
  system_->wan().partition(system_->stations(away));
  run_until(seconds(4));
  system_->wan().partition({});
  run_until_done(seconds(90));
  expect_well(96);
  for (std::uint16_t i = 0; i < 4; ++i) {
    EXPECT_GE(system_->site(away).checkers().restored(ServerId(i)), 1U) << "server " << i;
  }
}

// The servers of a site keep a few sequences only: who missed more is handed the logical machine.
TEST_F(LabSystemTest, a_server_that_its_site_has_left_behind_takes_over_the_logical_machine) {
  start({.sites = 4, .servers = 4, .clients = 8, .prime = small_windows_among_sites()}, 12, milliseconds(400));
  run_until(seconds(1));
  const ServerId away(3);
  for (const SiteId site : {SiteId(0), SiteId(2)}) {
    system_->site(site).network().partition(ServerSet::only(away));
  }
  run_until(seconds(4));
  for (const SiteId site : {SiteId(0), SiteId(2)}) system_->site(site).network().partition({});
  run_until_done(seconds(90));
  expect_well(96);
  run_until(Duration(events_.now().ns()) + seconds(5));
  EXPECT_EQ(system_->violation().value_or(""), "") << "it says what the others of its site say";
  for (const SiteId site : {SiteId(0), SiteId(2)}) {
    EXPECT_GE(system_->site(site).checkers().restored(away), 1U);
    const auto batches = [&](ServerId server) {
      return system_->site(site).server(server).control().machine()->status().batches;
    };
    EXPECT_GE(batches(away) + 5, batches(ServerId(0)));
    EXPECT_GT(system_->site(site).server(away).control().member()->signatures(), 0U);
  }
}

// With server 1 of each site crashed, nobody reaches a quorum without the one that was left behind.
TEST_F(LabSystemTest, a_site_with_a_crashed_server_goes_on_with_one_that_was_left_behind) {
  start({.sites = 4, .servers = 4, .clients = 8, .prime = small_windows_among_sites()}, 12, milliseconds(400));
  run_until(seconds(1));
  const ServerId away(3);
  for (std::uint16_t s = 0; s < 4; ++s) {
    system_->site(SiteId(s)).network().partition(ServerSet::only(away));
  }
  run_until(seconds(4));
  for (std::uint16_t s = 0; s < 4; ++s) {
    system_->crash(SiteId(s), ServerId(1));
    system_->site(SiteId(s)).network().partition({});
  }
  run_until_done(seconds(90));
  expect_well(96);
  for (std::uint16_t s = 0; s < 4; ++s) EXPECT_GE(system_->site(SiteId(s)).checkers().restored(away), 1U);
}

TEST_F(LabSystemTest, servers_crash_in_every_site_and_their_sites_go_on) {
  start({.sites = 4, .servers = 4, .clients = 8}, 8, milliseconds(500));
  run_until(seconds(1));
  // The leader of each site's local protocol, of the global leader's site among them.
  for (std::uint16_t s = 0; s < 4; ++s) system_->crash(SiteId(s), ServerId(0));
  run_until_done(seconds(60));
  expect_well(64);
}

// They act on what comes from other participants, which here are sites.
TEST(SystemSimulationTest, adversaries_that_go_by_who_speaks_act_among_sites_too) {
  for (const char* attack : {"deaf:types=PO-REQUEST", "replay:chance=20", "delay-leader"}) {
    const auto keys = make_lab_keys({.sites = 4, .clients = 4});
    const SystemSimulationResult result = simulate_system({.seed = 1,
                                                           .clients = 4,
                                                           .updates = 8,
                                                           .faults_for = seconds(1),
                                                           .calm_for = seconds(2),
                                                           .attack_on_sites = attack,
                                                           .first_sites = true},
                                                          keys);
    EXPECT_EQ(result.violation, "") << attack;
    EXPECT_EQ(result.acted.find("never"), std::string::npos) << result.acted;
  }
}

TEST(SystemSimulationTest, a_seed_gives_the_same_run_twice) {
  const auto keys = make_lab_keys({.sites = 4, .servers = 4, .clients = 8, .lossy = true});
  const SystemSimulationOptions options{.seed = 5,
                                        .updates = 16,
                                        .faults_for = seconds(1),
                                        .calm_for = seconds(1),
                                        .liars = true,
                                        .attack_on_sites = "random"};
  const SystemSimulationResult first = simulate_system(options, keys);
  EXPECT_EQ(first.violation, "");
  EXPECT_EQ(simulate_system(options, keys).digest, first.digest);
  SystemSimulationOptions other = options;
  other.seed = 6;
  EXPECT_NE(simulate_system(other, keys).digest, first.digest);
}

// Four sites whose servers say what is new once per 20 ms, with a fraction of the messages.
LabTopology paced_sites() {
  LabTopology topology{.sites = 4, .clients = 4, .lossy = true, .prime = paced({}, milliseconds(20))};
  const config::GlobalBounds bounds = config::global_bounds(topology.global, topology.prime);
  topology.global.clock_bound = bounds.clock_bound;
  topology.global.prime.delta_pp = bounds.delta_pp;
  return topology;
}

// Nothing but bytes of the same number differ: what holds with the stand-ins holds with what they stand for.
TEST(SystemSimulationTest, with_real_signatures_a_seed_runs_as_with_modelled_ones) {
  const auto run_with = [](crypto::Scheme of_servers, crypto::ThresholdScheme of_sites) {
    LabTopology topology = paced_sites();
    topology.server_scheme = topology.client_scheme = of_servers;
    topology.site_scheme = of_sites;
    return simulate_system({.seed = 2,
                            .clients = 4,
                            .updates = 8,
                            .faults_for = milliseconds(200),
                            .calm_for = milliseconds(500),
                            .liars = true,
                            .attack_on_sites = "equivocate-votes"},
                           make_lab_keys(topology));
  };
  const SystemSimulationResult real = run_with(crypto::Scheme::ed25519, crypto::ThresholdScheme::shoup_rsa1024);
  EXPECT_EQ(real.violation, "");
  EXPECT_GT(real.site_signatures, 0U);
  const SystemSimulationResult modelled = run_with(crypto::Scheme::modelled, crypto::ThresholdScheme::modelled_rsa1024);
  EXPECT_EQ(real.virtual_s, modelled.virtual_s);
  EXPECT_EQ(real.wan.sent, modelled.wan.sent);
  EXPECT_EQ(real.site_signatures, modelled.site_signatures);
  EXPECT_EQ(real.acted, modelled.acted);
  EXPECT_NE(real.digest, modelled.digest);
}

// A server of each site marks all that it sends TIMELY, and fills the uplink.
TEST(SystemSimulationTest, greedy_servers_stop_their_sites_unless_the_uplink_gives_each_server_its_share) {
  LabTopology topology = paced_sites();
  topology.link = config::LinkKind::hub_optimistic;
  topology.wan_rate = config::BitRate{5'000'000};
  const auto keys = make_lab_keys(topology);
  SystemSimulationOptions options{.seed = 2,
                                  .clients = 4,
                                  .updates = 16,
                                  .faults_for = milliseconds(200),
                                  .calm_for = seconds(3),
                                  .grace = seconds(6),
                                  .hub_liars = adversary::HubLie::greedy,
                                  .fair_uplinks = true};
  const SystemSimulationResult policed = simulate_system(options, keys);
  EXPECT_EQ(policed.violation, "");
  EXPECT_GT(policed.held_to_bound, 0U);
  EXPECT_LT(policed.slowest, policed.bound);
  EXPECT_LT(policed.p99, seconds(1));
  options.fair_uplinks = false;
  const SystemSimulationResult unpoliced = simulate_system(options, keys);
  EXPECT_EQ(unpoliced.violation.substr(0, 8), "liveness");
  EXPECT_EQ(unpoliced.updates, 0U);
}

// Whole sites that lie about who sent wrong parts, and servers that send them in all sites.
TEST(SystemSimulationTest, sites_that_lie_on_their_links_are_found_out_and_nobody_else_is) {
  const auto keys = make_lab_keys({.sites = 4, .servers = 4, .clients = 8, .lossy = true});
  std::size_t listed = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const SystemSimulationResult result = simulate_system({.seed = seed,
                                                           .updates = 16,
                                                           .faults_for = seconds(1),
                                                           .calm_for = seconds(1),
                                                           .liars = true,
                                                           .site_liars = true},
                                                          keys);
    EXPECT_EQ(result.violation, "") << "seed " << seed;
    listed += result.listed;
  }
  EXPECT_GT(listed, 0U);
}

}  // namespace
}  // namespace garrison::lab
