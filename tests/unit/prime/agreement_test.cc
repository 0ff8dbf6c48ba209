// Whole sites: normal operation, silence, random schedules, losses, and faulty servers.
#include <set>

#include "tests/unit/prime/harness.h"

namespace garrison::prime {
namespace {

void expect_all_executed(Network& network, std::size_t n, std::size_t updates, ServerSet without = {}) {
  for (std::size_t i = 0; i < n; ++i) {
    if (without.contains(server(i))) continue;
    const ordering::Status status = network.core(i).status();
    EXPECT_EQ(network.log(i).size(), updates)
        << "server " << i << " view " << status.view.value() << (status.view_installed ? "" : " (not installed)")
        << " ordered " << status.globally_ordered.value();
    EXPECT_EQ(network.log(i), network.log((without.contains(server(0)) ? 1 : 0)));
  }
}

TEST(PrimeAgreementTest, every_site_size_orders_what_every_server_introduces) {
  for (std::size_t f = 0; f <= kMaxFaults; ++f) {
    const std::size_t n = 3 * f + 1;
    Network network(n, f);
    for (std::uint32_t k = 0; k < 4; ++k) {
      for (std::size_t i = 0; i < n; ++i) network.submit(i, k);
      network.run(milliseconds(1));
    }
    network.run(milliseconds(50));
    expect_all_executed(network, n, 4 * n);
    EXPECT_TRUE(network.blame().empty());
  }
}

TEST(PrimeAgreementTest, more_servers_than_three_f_plus_one_work_with_larger_quorums) {
  for (const auto& [n, f] : std::vector<std::pair<std::size_t, std::size_t>>{{2, 0}, {5, 1}, {6, 1}, {9, 2}}) {
    Network network(n, f);
    for (std::size_t i = 0; i < n; ++i) network.submit(i, 0);
    network.run(milliseconds(50));
    expect_all_executed(network, n, n);
  }
}

TEST(PrimeAgreementTest, one_update_costs_no_period_when_nothing_is_in_flight) {
  Network network(4, 1);
  network.submit(2, 0);
  network.run(Duration());  // no virtual time passes
  expect_all_executed(network, 4, 1);
}

TEST(PrimeAgreementTest, without_eagerness_every_round_waits_for_its_period) {
  Network network(4, 1, 0, [](PrimeConfig& config) { config.eager = false; });
  network.submit(2, 0);
  network.run(milliseconds(20));
  expect_all_executed(network, 4, 1);
  for (int i = 0; i < 10; ++i) network.submit(2, 0);
  network.run(Duration());
  expect_all_executed(network, 4, 1);
  network.run(milliseconds(30));
  expect_all_executed(network, 4, 11);
}

TEST(PrimeAgreementTest, in_a_hurry_nothing_waits_for_its_period) {
  Network network(4, 1, 0, [](PrimeConfig& config) { config.eager = false; });
  network.hurry = true;
  network.submit(2, 0);
  network.run(Duration());
  for (int i = 0; i < 10; ++i) network.submit(2, 0);
  network.run(Duration());
  expect_all_executed(network, 4, 11);
  network.hurry = false;
  network.submit(2, 0);
  network.run(Duration());
  expect_all_executed(network, 4, 11);
}

TEST(PrimeAgreementTest, f_silent_servers_stop_nothing) {
  for (std::size_t f = 1; f <= 3; ++f) {
    const std::size_t n = 3 * f + 1;
    Network network(n, f);
    for (std::size_t i = 0; i < f; ++i) network.crashed.insert(server(n - 1 - i));
    for (int k = 0; k < 20; ++k) {
      for (std::size_t i = 0; i < n - f; ++i) network.submit(i, 0);
      network.run(milliseconds(2));
    }
    network.run(milliseconds(50));
    expect_all_executed(network, n, 20 * (n - f), network.crashed);
  }
}

TEST(PrimeAgreementTest, f_plus_one_silent_servers_stop_everything_and_break_nothing) {
  Network network(4, 1);
  network.crashed.insert(server(3)).insert(server(2));
  network.submit(0, 0);
  network.run(seconds(2));
  EXPECT_TRUE(network.log(0).empty());
}

TEST(PrimeAgreementTest, servers_agree_under_random_schedules) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const std::size_t f = 1 + seed % 2;
    const std::size_t n = 3 * f + 1;
    Network network(n, f, seed);
    network.duplicates = true;
    for (int k = 0; k < 12; ++k) {
      network.submit(network.rng().below(n), static_cast<std::uint32_t>(network.rng().below(8)));
      for (std::uint64_t i = network.rng().below(60); i > 0; --i) network.deliver_one();
    }
    network.run(milliseconds(100));
    expect_all_executed(network, n, 12);
    EXPECT_TRUE(network.blame().empty());
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(PrimeAgreementTest, random_losses_are_repaired_once_they_end) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Network network(4, 1, seed);
    bool losing = true;
    network.lose = [&](std::size_t, std::size_t, const message::VerifiedMessage&) {
      return losing && network.rng().chance(300'000);
    };
    for (int k = 0; k < 20; ++k) {
      network.submit(network.rng().below(4), 0);
      network.run(milliseconds(3));
    }
    losing = false;
    network.run(seconds(3));
    expect_all_executed(network, 4, 20);
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

// Answers to repeated votes are votes themselves: they must not be answered in turn, however late they come.
TEST(PrimeAgreementTest, servers_that_have_repaired_each_other_fall_silent) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Network network(4, 1, seed);
    bool losing = true;
    std::size_t votes = 0;
    std::size_t answers = 0;
    network.lose = [&](std::size_t, std::size_t, const message::VerifiedMessage& message) {
      const bool vote =
          message.type() == message::MessageType::Prepare || message.type() == message::MessageType::Commit;
      if (losing) return network.rng().chance(300'000);
      votes += vote ? 1 : 0;
      answers += message.type() == message::MessageType::Ordered ? 1 : 0;
      return false;
    };
    for (int k = 0; k < 20; ++k) {
      network.submit(network.rng().below(4), 0);
      network.run(milliseconds(3));
    }
    losing = false;
    network.delay = [&](std::size_t, std::size_t, const message::VerifiedMessage&) {
      return milliseconds(static_cast<std::int64_t>(network.rng().below(150)));
    };
    network.run(seconds(10));
    expect_all_executed(network, 4, 20);
    votes = answers = 0;
    network.run(seconds(3));
    EXPECT_LT(votes, 200U) << "seed " << seed << ": more than a few sequences' worth";
    EXPECT_LT(answers, 100U) << "seed " << seed;
  }
}

TEST(PrimeAgreementTest, total_loss_for_a_while_is_repaired) {
  Network network(4, 1);
  network.lose = [](std::size_t, std::size_t, const message::VerifiedMessage&) { return true; };
  for (std::size_t i = 0; i < 4; ++i) network.submit(i, 0);
  network.run(milliseconds(900));
  EXPECT_TRUE(network.log(0).empty());
  network.lose = {};
  network.run(seconds(2));
  expect_all_executed(network, 4, 4);
}

TEST(PrimeAgreementTest, a_server_that_was_cut_off_catches_up_within_the_windows) {
  Network network(4, 1);
  network.lose = [](std::size_t from, std::size_t to, const message::VerifiedMessage&) { return from == 3 || to == 3; };
  for (int k = 0; k < 60; ++k) {
    for (std::size_t i = 0; i < 3; ++i) network.submit(i, 0);
    network.run(milliseconds(1));
  }
  EXPECT_EQ(network.log(0).size(), 180U);
  EXPECT_TRUE(network.log(3).empty());
  network.lose = {};
  network.run(seconds(3));
  expect_all_executed(network, 4, 180);
}

TEST(PrimeAgreementTest, what_a_dead_introducer_left_is_sent_by_those_who_executed_it) {
  Network network(4, 1);
  network.lose = [](std::size_t, std::size_t to, const message::VerifiedMessage& message) {
    return to == 3 &&
           (message.type() == message::MessageType::PoRequest || message.type() == message::MessageType::Recon);
  };
  network.submit(2, 0);
  network.run(milliseconds(20));
  EXPECT_TRUE(network.log(3).empty());
  network.crashed.insert(server(2));
  network.lose = {};
  network.run(seconds(3));
  EXPECT_EQ(network.log(3).size(), 1U);
}

TEST(PrimeAgreementTest, an_idle_site_says_only_its_summaries_and_measures_its_network) {
  Network network(4, 1);
  network.submit(1, 0);
  network.run(seconds(2));
  const std::size_t before = network.steps();
  network.run(seconds(1));
  // Per retransmission period and server: a wakeup, a repeated summary from each of the others, TAT-MEASURE and TAT-UB
  // of everyone. Per ping period and server: a wakeup, its own ping and pongs and measures, and those of the others.
  EXPECT_LE(network.steps() - before, 4U * (5 + 1) * (1 + 3 + 2 * 4) + 4U * (10 + 1) * (2 + 3 + 6 * 3));
}

// Server 3 tells different servers different things about the same sequence numbers.
TEST(PrimeAgreementTest, an_introducer_that_equivocates_splits_nobody) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Network network(4, 1, seed);
    network.faulty.insert(server(3));
    const Bytes other = network.keys().client_op(ClientId(7), SeqNum(99), {});
    network.lie = [&](std::size_t i, const ordering::Sign& sign) {
      std::vector<std::pair<ServerSet, Bytes>> said;
      auto request = message::decode<message::PoRequest>(sign.content);
      if (!request.has_value()) return said = {{ServerSet::all(4), sign.content}}, said;
      request->updates = {other};
      const Bytes second = message::encode(network.keys().envelope(server(i)), *request);
      const std::uint64_t split = network.rng().below(8);
      ServerSet first_to = ServerSet::only(server(3));
      ServerSet second_to;
      for (std::size_t to = 0; to < 3; ++to) ((split >> to) & 1U ? first_to : second_to).insert(server(to));
      return said = {{first_to, sign.content}, {second_to, second}}, said;
    };
    for (std::uint32_t k = 0; k < 10; ++k) {
      network.submit(k % 4, k % 4);
      for (std::uint64_t i = network.rng().below(60); i > 0; --i) network.deliver_one();
    }
    network.run(seconds(3));
    // What correct servers introduce gets through, and the three agree (checked at every delivery).
    for (std::size_t i = 0; i < 3; ++i) {
      std::size_t from_correct = 0;
      for (const auto& update : network.log(i)) from_correct += update.first < 3 ? 1 : 0;
      EXPECT_EQ(from_correct, 8U) << "server " << i;
    }
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

// A leader that proposes different matrices to different servers, and drops rows as it likes.
TEST(PrimeAgreementTest, a_leader_that_equivocates_splits_nobody) {
  std::size_t caught = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Network network(4, 1, seed);
    network.faulty.insert(server(0));
    network.lie = [&](std::size_t i, const ordering::Sign& sign) {
      std::vector<std::pair<ServerSet, Bytes>> said;
      auto second = message::decode<message::PrePrepare>(sign.content);
      if (!second.has_value() || network.rng().chance(500'000)) {
        return said = {{ServerSet::all(4), sign.content}}, said;
      }
      second->rows[1 + network.rng().below(3)] = {};
      ServerSet first_to = ServerSet::only(server(0));
      ServerSet second_to;
      for (std::size_t to = 1; to < 4; ++to) (network.rng().chance(500'000) ? first_to : second_to).insert(server(to));
      said = {{first_to, sign.content}};
      said.emplace_back(second_to, message::encode(network.keys().envelope(server(i)), *second));
      return said;
    };
    for (std::uint32_t k = 0; k < 10; ++k) {
      network.submit(1 + k % 3, k % 3);
      for (std::uint64_t i = network.rng().below(80); i > 0; --i) network.deliver_one();
    }
    network.run(seconds(2));
    for (const ordering::Blame& blame : network.blame()) EXPECT_EQ(blame.server, server(0));
    caught += network.blame().empty() ? 0 : 1;
    if (HasFailure()) FAIL() << "seed " << seed;
  }
  EXPECT_GT(caught, 50U);
}

}  // namespace
}  // namespace garrison::prime
