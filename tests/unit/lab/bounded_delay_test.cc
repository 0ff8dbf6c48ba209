#include "apps/lab/bounded_delay.h"

#include <gtest/gtest.h>

#include "apps/lab/lab_site.h"

namespace garrison::lab {
namespace {

constexpr Duration kBeta = milliseconds(10);
constexpr Duration kSuspicion = milliseconds(50);

Instant at_ms(std::int64_t ms) { return Instant(ms * 1'000'000); }
prime::PreorderId request(std::uint16_t introducer, std::uint64_t sequence) {
  return {ServerId(introducer), SeqNum(sequence)};
}

// A4 is faulty.
class BoundedDelayTest : public ::testing::Test {
 protected:
  void introduce(std::int64_t ms, std::uint64_t sequence) { checker_.on_introduced(at_ms(ms), request(0, sequence)); }
  void execute(std::int64_t ms, std::uint64_t sequence, std::uint16_t servers = 3) {
    for (std::uint16_t i = 0; i < servers; ++i) checker_.on_executed(at_ms(ms), ServerId(i), request(0, sequence));
  }
  // From now on what takes longer than beta is late.
  void settle() {
    checker_.healed();
    introduce(0, 1000);
    execute(1, 1000);
  }
  std::string violation(std::int64_t ms) { return checker_.violation(at_ms(ms)).value_or(""); }

  BoundedDelay checker_{ServerSet::all(3), kBeta, kSuspicion};
};

TEST_F(BoundedDelayTest, beta_is_the_one_of_the_paper_and_our_batching) {
  DelayParameters parameters{.bounded = milliseconds(100),
                             .timely = milliseconds(1000),
                             .aggregation = milliseconds(10),
                             .preprepare = milliseconds(20),
                             .acknowledgement = milliseconds(1),
                             .reconciliation = milliseconds(5),
                             .k_lat = 3};
  EXPECT_EQ(delay_bound(parameters), milliseconds(6 * 100 + 2 * 3 * 1000 + 2 * 10 + 20 + 1 + 5));
  parameters.flood_on_request = true;
  EXPECT_EQ(delay_bound(parameters), milliseconds(8 * 100 + 2 * 3 * 1000 + 2 * 10 + 20 + 1 + 5));
}

TEST_F(BoundedDelayTest, what_all_correct_servers_execute_in_time_is_counted_and_fine) {
  settle();
  introduce(10, 1);
  execute(20, 1);
  EXPECT_EQ(violation(1000), "");
  EXPECT_EQ(checker_.counted(), 1U);
  EXPECT_EQ(checker_.worst(), milliseconds(10));
}

TEST_F(BoundedDelayTest, an_update_that_one_correct_server_executes_late_is_a_violation) {
  settle();
  introduce(10, 1);
  execute(15, 1, 2);
  checker_.on_executed(at_ms(21), ServerId(2), request(0, 1));
  EXPECT_EQ(violation(71), "") << "the leader may still be suspected for it";
  EXPECT_EQ(violation(72), "bounded-delay: PO-REQUEST 1 of A1 took 11ms, and beta is 10ms");
}

TEST_F(BoundedDelayTest, an_update_that_is_never_executed_is_a_violation) {
  settle();
  introduce(10, 1);
  EXPECT_EQ(violation(70), "");
  EXPECT_EQ(violation(71), "bounded-delay: PO-REQUEST 1 of A1 is not executed, and beta is 10ms");
}

TEST_F(BoundedDelayTest, a_view_change_in_time_excuses_what_was_late_and_what_is_open) {
  settle();
  introduce(10, 1);
  introduce(11, 2);
  execute(30, 1);
  checker_.on_view(at_ms(60), ServerId(0), View(1));
  EXPECT_EQ(violation(1000), "");
  EXPECT_EQ(checker_.view_changes(), 1U);
  checker_.on_view(at_ms(61), ServerId(1), View(1));
  EXPECT_EQ(checker_.view_changes(), 1U) << "the same one";
}

TEST_F(BoundedDelayTest, after_a_view_change_nothing_counts_until_leftovers_are_executed_and_the_view_orders) {
  settle();
  introduce(10, 1);
  checker_.on_view(at_ms(12), ServerId(0), View(1));
  introduce(20, 2);
  execute(100, 2);
  introduce(110, 3);
  execute(200, 3);
  EXPECT_EQ(violation(1000), "") << "request 1 is left over";
  execute(300, 1);
  introduce(310, 4);
  execute(330, 4);
  EXPECT_NE(violation(1000), "");
  EXPECT_EQ(checker_.counted(), 1U);
}

TEST_F(BoundedDelayTest, before_the_network_heals_nothing_counts) {
  introduce(10, 1);
  execute(500, 1);
  introduce(600, 2);
  EXPECT_EQ(violation(2000), "");
  EXPECT_EQ(checker_.counted(), 0U);
}

TEST_F(BoundedDelayTest, what_faulty_servers_introduce_or_execute_does_not_count) {
  settle();
  checker_.on_executed(at_ms(10), ServerId(0), request(3, 1));
  introduce(20, 1);
  execute(25, 1);
  EXPECT_EQ(violation(1000), "");
}

TEST_F(BoundedDelayTest, a_server_that_crashes_is_waited_for_no_longer) {
  settle();
  introduce(10, 1);
  execute(15, 1, 2);
  checker_.crashed(ServerId(2));
  EXPECT_EQ(violation(1000), "");
  introduce(20, 2);
  execute(22, 2, 2);
  introduce(30, 3);
  execute(33, 3, 2);
  EXPECT_EQ(checker_.counted(), 1U);
}

// Whole sites, of which A1 delays, over a network that is well from the beginning.
struct Attacked {
  std::string violation;
  std::uint64_t counted = 0;
  std::uint64_t view_changes = 0;
  Duration worst;
};
Attacked attacked(const std::string& specs, const config::PrimeSettings& prime) {
  constexpr Duration kBetaOfSite = milliseconds(60);
  EventQueue events;
  const auto keys = make_lab_keys({.servers = 4, .clients = 4, .prime = prime});
  const auto attack = adversary::Attack::make(adversary::AttackText{specs, "A1"},
                                              adversary::attacked_site(keys->topology, SiteId(0)), 1);
  CHECK(attack.ok());
  BoundedDelay checker(attack.value().conspiracy().correct(), kBetaOfSite, milliseconds(200));
  LabSite site(events, keys, {.attack = &attack.value(), .watcher = &checker});
  site.start();
  site.clients().start({.updates_each = 40, .think = milliseconds(100)});
  checker.healed();
  std::optional<std::string> violation;
  while (!violation.has_value() && events.now() < Instant() + seconds(5)) {
    events.run_next();
    violation = checker.violation(events.now());
  }
  EXPECT_FALSE(site.checkers().violation().has_value());
  return {violation.value_or(""), checker.counted(), checker.view_changes(), checker.worst()};
}

TEST(BoundedDelayOfSitesTest, a_leader_that_delays_as_much_as_it_dares_stays_and_is_within_the_bound) {
  const Attacked run = attacked("delay-leader", {});
  EXPECT_EQ(run.violation, "");
  EXPECT_EQ(run.view_changes, 0U);
  EXPECT_GT(run.counted, 20U);
  EXPECT_GT(run.worst, milliseconds(15)) << "the attack is felt";
}

TEST(BoundedDelayOfSitesTest, a_leader_that_delays_beyond_it_is_replaced_in_time) {
  const Attacked run = attacked("delay-leader:by=200ms", {});
  EXPECT_EQ(run.violation, "");
  EXPECT_EQ(run.view_changes, 1U);
  EXPECT_GT(run.counted, 20U);
}

TEST(BoundedDelayOfSitesTest, a_leader_that_delays_beyond_it_and_that_nobody_suspects_is_caught) {
  config::PrimeSettings lenient;
  lenient.delta_pp = seconds(10);
  EXPECT_EQ(attacked("delay-leader:by=200ms", lenient).violation.rfind("bounded-delay", 0), 0U);
}

}  // namespace
}  // namespace garrison::lab
