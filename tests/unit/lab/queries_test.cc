// Queries answered within a site, in virtual time: what clients accept is true and consistent with their sessions, and
// clients for which it is not are noticed.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "apps/lab/query_history.h"
#include "apps/lab/simulation.h"
#include "apps/lab/system_simulation.h"
#include "control/service/kv_operation.h"
#include "control/service/kv_service.h"

namespace garrison::lab {
namespace {

constexpr ClientId kClient(0);

Bytes get(std::string_view key) { return service::encode(service::KvGet{as_bytes(key)}).value(); }
Bytes incr(std::string_view key) { return service::encode(service::KvIncrBy{as_bytes(key), 1}).value(); }
Bytes number(std::string_view digits) {
  Bytes out;
  service::encode(service::KvReply::bulk(as_bytes(digits)), out);
  return out;
}

TEST(QueryHistoryTest, every_place_of_the_order_has_its_answer) {
  QueryHistory history("kv");
  Bytes nil;
  service::encode(service::KvReply::nil(), nil);
  constexpr std::uint64_t kUpdates = 200;
  for (std::uint64_t i = 0; i < kUpdates; ++i) history.add(incr("n"));
  EXPECT_EQ(history.answer(0, get("n")), nil);
  for (std::uint64_t i = 1; i <= kUpdates; ++i) EXPECT_EQ(history.answer(i, get("n")), number(std::to_string(i)));
  EXPECT_EQ(history.updates(), kUpdates);
}

class QueryCheckersTest : public ::testing::Test {
 protected:
  // The order is ten times "add 1 to n".
  QueryCheckersTest() {
    checkers_.expect_queries("kv");
    for (std::uint64_t s = 1; s <= 10; ++s) {
      const Bytes update = incr("n");
      checkers_.on_submit(kClient, SeqNum(s), update);
      checkers_.on_execute(ServerId(0), {kClient, Incarnation(1), SeqNum(s), update},
                           {kClient, Incarnation(1), SeqNum(s), s, {}, false});
    }
  }
  std::string accept(std::uint64_t query, std::uint64_t state_sequence, std::string_view digits) {
    checkers_.on_answer(kClient, query, get("n"), state_sequence, number(digits));
    return checkers_.violation().value_or("").substr(0, 7);
  }
  Checkers checkers_{4};
};

TEST_F(QueryCheckersTest, what_is_true_and_not_older_than_before_is_right) {
  checkers_.on_query(kClient, 1);
  EXPECT_EQ(accept(1, 7, "7"), "");
  checkers_.on_query(kClient, 2);
  EXPECT_EQ(accept(2, 7, "7"), "");
  checkers_.on_query(kClient, 3);
  EXPECT_EQ(accept(3, 9, "9"), "");
}

TEST_F(QueryCheckersTest, a_result_of_another_state_is_noticed) {
  checkers_.on_query(kClient, 1);
  EXPECT_EQ(accept(1, 7, "8"), "queries");
}

TEST_F(QueryCheckersTest, a_state_to_come_is_noticed) {
  checkers_.on_query(kClient, 1);
  EXPECT_EQ(accept(1, 11, "11"), "queries");
}

TEST_F(QueryCheckersTest, going_back_behind_an_answer_is_noticed) {
  checkers_.on_query(kClient, 1);
  EXPECT_EQ(accept(1, 7, "7"), "");
  checkers_.on_query(kClient, 2);
  EXPECT_EQ(accept(2, 6, "6"), "session");
}

TEST_F(QueryCheckersTest, going_back_behind_an_own_update_is_noticed) {
  checkers_.on_accept(kClient, SeqNum(5), 5, {});
  checkers_.on_query(kClient, 1);
  EXPECT_EQ(accept(1, 4, "4"), "session");
}

TEST_F(QueryCheckersTest, a_query_is_held_to_what_was_seen_when_it_was_asked) {
  checkers_.on_query(kClient, 1);
  checkers_.on_query(kClient, 2);
  EXPECT_EQ(accept(1, 7, "7"), "");
  EXPECT_EQ(accept(2, 6, "6"), "");
}

SimulationOptions reading(std::uint64_t seed) {
  SimulationOptions options;
  options.seed = seed;
  options.clients = 4;
  options.updates = 200;
  options.faults_for = seconds(5);
  options.reads = client::Reads::site;
  return options;
}

TEST(QuerySimulationTest, sessions_are_consistent_although_servers_lie_and_lag) {
  for (const std::size_t f : {1U, 2U}) {
    const auto keys = make_lab_keys({.servers = 3 * f + 1, .clients = 4, .lossy = true});
    for (const char* specs : {"repeat:times=2", "execute-wrongly", "withhold-requests,ack-only-faulty"}) {
      SimulationOptions options = reading(f);
      options.f = f;
      options.attack = {specs, std::to_string(f)};
      const SimulationResult result = simulate(options, keys);
      EXPECT_EQ(result.violation, "") << specs;
      EXPECT_GT(result.queries.answered, 50U);
      EXPECT_GT(result.query_lies, 10U);
      EXPECT_EQ(simulate(options, keys).digest, result.digest);
    }
  }
}

TEST(QuerySimulationTest, sessions_are_consistent_with_servers_that_take_over_the_state) {
  const auto keys = make_lab_keys({.servers = 4, .clients = 4, .lossy = true, .prime = small_windows()});
  std::size_t restores = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SimulationOptions options = reading(seed);
    options.laggards = true;
    options.updates = 400;
    options.faults_for = seconds(10);
    const SimulationResult result = simulate(options, keys);
    EXPECT_EQ(result.violation, "") << "seed " << seed;
    restores += result.restores;
  }
  EXPECT_GT(restores, 0U);
}

TEST(QuerySimulationTest, faulty_clients_write_nothing_by_queries) {
  SimulationOptions options = reading(3);
  options.clients = 6;
  options.faulty_clients = 3;
  const SimulationResult result = simulate(options, make_lab_keys({.servers = 4, .clients = 6, .lossy = true}));
  EXPECT_EQ(result.violation, "");
  EXPECT_GT(result.misdeeds, 20U);
}

TEST(QuerySimulationTest, a_client_that_believes_f_servers_is_noticed) {
  for (const std::size_t f : {1U, 2U}) {
    SimulationOptions options = reading(1);
    options.f = f;
    options.attack = {"repeat:times=2", std::to_string(f)};
    options.careless = Careless::believes_f;
    const std::string violation =
        simulate(options, make_lab_keys({.servers = 3 * f + 1, .clients = 4, .lossy = true})).violation;
    const bool noticed = violation.starts_with("queries: ") || violation.starts_with("session: ");
    EXPECT_TRUE(noticed) << violation;
  }
}

TEST(QuerySimulationTest, a_client_that_forgets_its_token_is_noticed) {
  const auto keys = make_lab_keys({.servers = 4, .clients = 4, .lossy = true});
  std::string violation;
  for (std::uint64_t seed = 1; seed <= 10 && violation.empty(); ++seed) {
    SimulationOptions options = reading(seed);
    options.attack = {"repeat:times=2", "A2"};
    options.careless = Careless::forgets_token;
    violation = simulate(options, keys).violation;
  }
  EXPECT_TRUE(violation.starts_with("session: ")) << violation;
}

// States differ: messages take their time, and a faulty server never agrees with anybody.
TEST(QuerySimulationTest, a_site_that_is_busy_answers_most_queries_all_the_same) {
  EventQueue events;
  const auto keys = make_lab_keys({.servers = 4, .clients = 32});
  const auto attack = adversary::Attack::make(adversary::AttackText{"repeat:times=1", "A4"},
                                              adversary::attacked_site(keys->topology, SiteId(0)), 1);
  ASSERT_TRUE(attack.ok());
  LabSite site(events, keys, {.attack = &attack.value()});
  site.start();
  site.network().set_model({.delay = milliseconds(1), .jitter = milliseconds(10)});
  site.clients().start({.updates_each = 60,
                        .think = milliseconds(1),
                        .over_network = true,
                        .reads = client::Reads::site,
                        .query_lies = true});
  while (!events.empty() && site.clients().completed() < site.clients().wanted()) events.run_next();
  const client::QueryStats queries = site.clients().query_stats();
  EXPECT_EQ(site.checkers().violation(), std::nullopt);
  EXPECT_EQ(queries.answered + queries.ordered, queries.submitted);
  EXPECT_GT(queries.answered - queries.at_once, queries.submitted / 50) << "further rounds are needed";
  EXPECT_LT(queries.ordered, queries.submitted / 10);
}

TEST(QuerySimulationTest, sessions_are_consistent_among_several_sites) {
  const auto keys = make_lab_keys({.sites = 4, .servers = 4, .clients = 8, .lossy = true});
  SystemSimulationOptions options;
  options.clients = 8;
  options.updates = 160;
  options.faults_for = seconds(3);
  options.calm_for = seconds(3);
  options.liars = true;
  options.reads = client::Reads::site;
  const SystemSimulationResult result = simulate_system(options, keys);
  EXPECT_EQ(result.violation, "");
  EXPECT_GT(result.queries.answered, 50U);
  EXPECT_GT(result.query_lies, 50U);
}

}  // namespace
}  // namespace garrison::lab
