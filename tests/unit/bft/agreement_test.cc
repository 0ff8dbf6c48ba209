// Whole sites: normal operation, silence, random schedules, losses, and faulty servers.
#include <set>

#include "tests/unit/bft/harness.h"

namespace garrison::bft {
namespace {

constexpr std::array kBoth = {Authentication::channel, Authentication::signature};

void quick_checkpoints(BftConfig& config) {
  config.checkpoint_interval = 4;
  config.window = 8;
}

TEST(BftAgreementTest, every_site_size_orders_what_clients_send_to_all_servers) {
  for (std::size_t f = 0; f <= kMaxFaults; ++f) {
    Network network({.n = 3 * f + 1, .f = f});
    for (std::uint32_t k = 0; k < 8; ++k) {
      network.submit(k);
      network.run(milliseconds(1));
    }
    network.expect_executed(8);
    EXPECT_EQ(network.core(0).status().view, View(0));
  }
}

TEST(BftAgreementTest, more_servers_than_three_f_plus_one_work_with_larger_quorums) {
  for (const auto& [n, f] : std::vector<std::pair<std::size_t, std::size_t>>{{2, 0}, {5, 1}, {6, 1}, {9, 2}}) {
    Network network({.n = n, .f = f});
    network.submit(0);
    network.run(milliseconds(1));
    network.expect_executed(1);
  }
}

TEST(BftAgreementTest, updates_that_arrive_while_the_pipeline_is_full_share_a_pre_prepare) {
  Network network({});
  for (std::uint32_t k = 0; k < 40; ++k) network.submit(k % 8);
  network.run(milliseconds(1));
  network.expect_executed(40);
  EXPECT_LE(network.sent().at(message::MessageType::BftPrePrepare), 6U);
}

TEST(BftAgreementTest, servers_agree_under_random_schedules_and_losses) {
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    const std::size_t f = 1 + seed % 2;
    Network network(
        {.n = 3 * f + 1, .f = f, .seed = seed, .authentication = kBoth[seed % 2], .tweak = quick_checkpoints});
    const std::uint64_t loss = network.rng().below(300'000);
    network.lose = [&](auto, auto, const auto&) { return network.rng().chance(loss); };
    for (int k = 0; k < 30; ++k) {
      network.submit(static_cast<std::uint32_t>(network.rng().below(8)));
      for (std::uint64_t i = network.rng().below(60); i > 0; --i) network.deliver_one();
      if (network.rng().below(4) == 0) network.run(milliseconds(150));
    }
    network.lose = {};
    network.run(seconds(60));
    network.expect_executed(30);
    EXPECT_TRUE(network.blame().empty());
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(BftAgreementTest, f_crashes_the_leaders_among_them_stop_nothing) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const std::size_t f = 1 + seed % 2;
    Network network(
        {.n = 3 * f + 1, .f = f, .seed = seed, .authentication = kBoth[seed % 2], .tweak = quick_checkpoints});
    for (int k = 0; k < 20; ++k) {
      network.submit(static_cast<std::uint32_t>(k % 8));
      for (std::uint64_t i = network.rng().below(60); i > 0; --i) network.deliver_one();
      // The leaders of the first views, one after the other, in the middle of things.
      if (k % 8 == 5 && network.crashed.size() < f) network.crashed.insert(server(network.crashed.size()));
      if (k % 8 == 7) network.run(seconds(1));
    }
    network.run(seconds(60));
    network.expect_executed(20, network.crashed);
    EXPECT_GE(network.core(f).status().view, View(f));
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(BftAgreementTest, f_plus_one_silent_servers_stop_everything_and_break_nothing) {
  Network network({});
  network.crashed.insert(server(3)).insert(server(2));
  network.submit(0);
  network.run(seconds(5));
  EXPECT_TRUE(network.log(0).empty());
}

TEST(BftAgreementTest, an_equivocating_leader_is_replaced_and_no_two_servers_disagree) {
  for (const Authentication authentication : kBoth) {
    Network network({.seed = 7, .authentication = authentication});
    network.faulty.insert(server(0));
    network.lie = [&](std::size_t, const ordering::Sign& sign) -> std::vector<std::pair<ServerSet, Bytes>> {
      const auto said = message::decode<message::BftPrePrepare>(sign.content);
      if (!said.has_value() || said->updates.size() < 2) return {{sign.to, sign.content}};
      message::BftPrePrepare other = *said;
      std::swap(other.updates.front(), other.updates.back());
      const ServerSet half = ServerSet::only(server(0)).insert(server(1));
      const ServerSet rest = ServerSet::only(server(2)).insert(server(3));
      return {{half, sign.content}, {rest, message::encode(network.keys().envelope(server(0)), other)}};
    };
    for (std::uint32_t k = 0; k < 24; ++k) network.submit(k % 8);
    network.run(seconds(10));
    network.expect_executed(24, network.faulty);
    EXPECT_GE(network.core(1).status().view, View(1));
  }
}

TEST(BftAgreementTest, an_update_that_its_client_keeps_from_f_servers_is_fetched) {
  Network network({});
  network.submit(0, ServerSet::all(3));
  network.run(milliseconds(1));
  network.expect_executed(1, ServerSet::only(server(3)));  // it knows the order, but not the update [PRIME] 2.1
  EXPECT_TRUE(network.log(3).empty());
  network.run(milliseconds(50));
  network.expect_executed(1);
  EXPECT_EQ(network.core(0).status().view, View(0));
}

TEST(BftAgreementTest, an_update_that_its_client_keeps_from_the_leader_is_handed_on) {
  Network network({.tweak = [](BftConfig& config) { config.timeout = seconds(2); }});
  network.submit(0, ServerSet::only(server(2)));
  network.run(seconds(1));
  network.expect_executed(1);
  EXPECT_EQ(network.core(0).status().view, View(0));
}

TEST(BftAgreementTest, what_may_have_been_committed_is_replayed_by_the_next_leader) {
  Network network({});
  // Server 3 alone sees the COMMITs; then the leader falls silent.
  network.lose = [](auto, std::size_t to, const message::VerifiedMessage& message) {
    return message.type() == message::MessageType::BftCommit && to != 3;
  };
  network.submit(0);
  network.submit(1);
  network.run(milliseconds(1));
  ASSERT_EQ(network.log(3).size(), 2U);
  ASSERT_TRUE(network.log(1).empty() && network.log(2).empty());
  network.crashed.insert(server(0));
  network.lose = [](auto, auto, const message::VerifiedMessage& message) {  // what is repeated of them as well
    return message.type() == message::MessageType::BftCommit && message.as<message::BftCommit>().view == View(0);
  };
  network.run(seconds(5));
  network.expect_executed(2, network.crashed);  // the harness compares with what server 3 has executed
  EXPECT_EQ(network.core(1).status().view, View(1));
}

TEST(BftAgreementTest, checkpoints_discard_the_log_and_a_server_that_was_cut_off_catches_up) {
  Network network({.tweak = quick_checkpoints});
  network.lose = [](std::size_t from, std::size_t to, const auto&) { return from == 3 || to == 3; };
  for (std::uint32_t k = 0; k < 30; ++k) {
    network.submit(k % 8, ServerSet::all(3));
    network.run(milliseconds(1));
  }
  EXPECT_EQ(network.core(0).stable(), SeqNum(28));
  EXPECT_TRUE(network.log(3).empty());
  network.lose = {};
  network.run(seconds(5));
  network.expect_executed(30);
  EXPECT_EQ(network.core(3).stable(), SeqNum(28));
}

TEST(BftAgreementTest, the_leader_waits_at_the_high_water_mark_for_a_stable_checkpoint) {
  Network network({.tweak = quick_checkpoints});
  network.lose = [](auto, auto, const auto& message) { return message.type() == message::MessageType::BftCheckpoint; };
  for (std::uint32_t k = 0; k < 12; ++k) {
    network.submit(k % 8);
    network.run(milliseconds(1));
  }
  network.expect_executed(8);
  network.lose = {};
  network.run(seconds(5));
  network.expect_executed(12);
}

TEST(BftAgreementTest, stuck_servers_take_along_those_that_are_not_even_when_one_of_them_leads) {
  Network network({});
  // Server 2 commits what nobody else does, 3 crashes, and 1 loses patience with leader 0.
  network.lose = [](std::size_t, std::size_t to, const auto& message) {
    return message.type() == message::MessageType::BftCommit && to != 2;
  };
  network.submit(0);
  network.run(milliseconds(1));
  ASSERT_EQ(network.log(2).size(), 1U);
  network.crashed.insert(server(3));
  network.run(seconds(1));
  network.lose = {};
  network.run(seconds(20));
  network.expect_executed(1, network.crashed);
}

TEST(BftAgreementTest, a_server_that_is_ahead_repeats_its_votes_for_what_a_new_view_orders_again) {
  Network network({});
  // Server 2 executes what nobody else does, and 3 crashes: it takes all of the others to order it again.
  network.lose = [](std::size_t, std::size_t to, const auto& message) {
    return message.type() == message::MessageType::BftCommit && to != 2;
  };
  network.submit(0);
  network.run(milliseconds(1));
  ASSERT_EQ(network.log(2).size(), 1U);
  network.crashed.insert(server(3));
  // In no view does a PREPARE arrive that is not repeated.
  std::set<std::tuple<std::size_t, std::size_t, Digest>> lost;
  network.lose = [&](std::size_t from, std::size_t to, const auto& message) {
    return message.type() == message::MessageType::BftPrepare && lost.emplace(from, to, message.digest()).second;
  };
  network.run(seconds(20));
  network.expect_executed(1, network.crashed);
}

TEST(BftAgreementTest, a_restored_server_fetches_what_it_has_to_vote_for_though_it_has_executed_it) {
  Network network({.n = 7, .f = 2});
  // Servers 3 to 5 execute what 0 to 2 only prepare, and 6 takes over their state.
  network.lose = [](std::size_t from, std::size_t to, const auto& message) {
    return from == 6 || to == 6 || (message.type() == message::MessageType::BftCommit && to <= 2);
  };
  network.submit(0, ServerSet::all(6));
  network.run(milliseconds(1));
  network.restore(6, 3);
  // Without 4 and 5 neither claims nor states of f + 1 servers show the others what was committed: all five must order
  // it again.
  network.crashed.insert(server(4)).insert(server(5));
  network.lose = {};
  network.run(seconds(20));
  network.expect_executed(1, network.crashed);
}

TEST(BftAgreementTest, evidence_under_macs_is_never_handed_on) {
  // The harness refuses every message of another that a receiver's Validator does not accept; here the repairs and view
  // changes that could tempt a server really happen.
  Network network({.seed = 3, .tweak = quick_checkpoints});
  network.lose = [&](auto, auto, const auto&) { return network.rng().chance(200'000); };
  for (std::uint32_t k = 0; k < 40; ++k) {
    network.submit(k % 8);
    network.run(milliseconds(100));
    if (k == 20) network.crashed.insert(network.core(1).status().leader);
  }
  network.lose = {};
  network.run(seconds(60));
  network.expect_executed(40, network.crashed);
  EXPECT_TRUE(network.blame().empty());
  for (const message::MessageType type : {message::MessageType::BftViewChange, message::MessageType::BftNewView,
                                          message::MessageType::BftBatch, message::MessageType::BftStatus}) {
    EXPECT_GT(network.sent().at(type), 0U) << message::name(type);
  }
}

TEST(BftAgreementTest, a_restored_server_goes_on_behind_its_checkpoint) {
  Network network({.tweak = [](BftConfig& config) {
    quick_checkpoints(config);
    config.kept_sequences = 2;
  }});
  network.lose = [](std::size_t from, std::size_t to, const auto&) { return from == 3 || to == 3; };
  for (std::uint32_t k = 0; k < 12; ++k) {
    network.submit(k % 8, ServerSet::all(3));
    network.run(milliseconds(1));
  }
  network.lose = {};
  network.run(seconds(2));
  ASSERT_TRUE(network.log(3).empty());  // nobody keeps what it lacks
  EXPECT_EQ(network.core(3).progress().evident, SeqNum(12));
  EXPECT_EQ(network.core(0).checkpoint()->sequence, SeqNum(12));
  network.restore(3, 0);
  for (std::uint32_t k = 0; k < 3; ++k) {
    network.submit(k);
    network.run(milliseconds(1));
  }
  network.run(seconds(2));
  network.expect_executed(15);
}

TEST(BftAgreementTest, at_the_high_water_mark_the_checkpoint_of_a_restored_server_counts) {
  Network network({.tweak = [](BftConfig& config) {
    quick_checkpoints(config);
    config.kept_sequences = 2;
  }});
  network.lose = [](std::size_t from, std::size_t to, const auto& message) {
    return from == 3 || to == 3 || message.type() == message::MessageType::BftCheckpoint;
  };
  for (std::uint32_t k = 0; k < 8; ++k) {
    network.submit(k, ServerSet::all(3));
    network.run(milliseconds(1));
  }
  network.expect_executed(8, ServerSet::only(server(3)));
  ASSERT_EQ(network.core(0).stable(), SeqNum(0));
  network.crashed.insert(server(1));
  network.lose = {};
  network.restore(3, 0);
  for (std::uint32_t k = 0; k < 3; ++k) network.submit(k);
  network.run(seconds(10));
  network.expect_executed(11, ServerSet::only(server(1)));
}

TEST(BftAgreementTest, a_server_that_lags_far_behind_votes_for_what_it_has_to_fetch) {
  Network network({.tweak = [](BftConfig& config) {
    quick_checkpoints(config);
    config.kept_sequences = 2;
    config.fetch_window = 2;
  }});
  network.lose = [](std::size_t from, std::size_t to, const auto&) { return from == 3 || to == 3; };
  for (std::uint32_t k = 0; k < 12; ++k) {
    network.submit(k % 8, ServerSet::all(3));
    network.run(milliseconds(1));
  }
  network.lose = {};
  network.run(seconds(1));
  ASSERT_TRUE(network.log(3).empty());
  ASSERT_EQ(network.core(3).stable(), SeqNum(12));
  network.crashed.insert(server(1));
  for (std::uint32_t k = 0; k < 3; ++k) network.submit(k, ServerSet::only(server(0)).insert(server(2)));
  network.run(seconds(2));
  network.expect_executed(15, ServerSet::only(server(1)).insert(server(3)));
  EXPECT_TRUE(network.log(3).empty());
}

}  // namespace
}  // namespace garrison::bft
