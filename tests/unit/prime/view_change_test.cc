// Whole sites change views [PRIME] A.3: nothing that was ordered is lost, everything that was submitted is executed.
#include <map>

#include "tests/unit/prime/harness.h"

namespace garrison::prime {
namespace {

using message::MessageType;
using message::Replay;
using message::VcPartialSig;

using Said = std::vector<std::pair<ServerSet, Bytes>>;

void expect_executed(Network& network, std::size_t n, std::size_t updates, ServerSet without = {}) {
  for (std::size_t i = 0; i < n; ++i) {
    if (without.contains(server(i))) continue;
    const ordering::Status status = network.core(i).status();
    EXPECT_TRUE(status.view_installed) << "server " << i << " view " << status.view.value();
    EXPECT_EQ(network.log(i).size(), updates) << "server " << i << " view " << status.view.value();
  }
}
View view(Network& network, std::size_t i) { return network.core(i).status().view; }

TEST(ViewChangeTest, leaders_that_crash_in_a_row_are_replaced_and_nothing_is_lost) {
  for (std::size_t f = 1; f <= 3; ++f) {
    const std::size_t n = 3 * f + 1;
    Network network(n, f);
    std::size_t submitted = 0;
    const auto submit = [&](std::size_t from) {
      for (std::size_t i = from; i < n; ++i, ++submitted) network.submit(i, 0);
    };
    for (std::size_t leader = 0; leader < f; ++leader) {
      submit(f);
      network.run(milliseconds(1));
      submit(f);  // under way when the leader crashes
      network.crashed.insert(server(leader));
      network.run(seconds(1));
      EXPECT_EQ(view(network, f), View(leader + 1));
    }
    submit(f);
    network.run(seconds(1));
    expect_executed(network, n, submitted, network.crashed);
    EXPECT_TRUE(network.blame().empty());
  }
}

TEST(ViewChangeTest, leaders_that_have_crashed_already_are_passed_over) {
  for (std::size_t f = 1; f <= 3; ++f) {
    const std::size_t n = 3 * f + 1;
    Network network(n, f);
    for (std::size_t i = 0; i < f; ++i) network.crashed.insert(server(i));
    for (std::size_t i = f; i < n; ++i) network.submit(i, 0);
    network.run(seconds(3));
    expect_executed(network, n, n - f, network.crashed);
    EXPECT_EQ(view(network, f), View(f));
  }
}

// COMMITs say how far their senders have executed, or what lies between two RTT-PINGs would all be reported.
TEST(ViewChangeTest, reports_carry_no_more_than_what_is_under_way) {
  Network network(4, 1);
  std::size_t most = 0;
  network.lose = [&](std::size_t, std::size_t, const message::VerifiedMessage& message) {
    if (message.type() == MessageType::Report) {
      most = std::max<std::size_t>(most, message.as<message::Report>().num_seq);
    }
    return message.type() == MessageType::RttPing && message.as<message::RttPing>().executed > SeqNum(0);
  };
  for (int k = 0; k < 100; ++k) {
    network.submit(1, 0);
    network.run(milliseconds(5));
  }
  EXPECT_GE(network.core(1).status().globally_ordered, SeqNum(90));
  network.submit(1, 0);
  network.crashed.insert(server(0));
  network.run(seconds(1));
  EXPECT_EQ(view(network, 1), View(1));
  EXPECT_GE(most, 1U);
  EXPECT_LE(most, 4U);
  expect_executed(network, 4, 101, network.crashed);
}

TEST(ViewChangeTest, a_server_that_was_cut_off_meanwhile_joins_the_new_view) {
  Network network(7, 2);
  network.submit(6, 0);
  network.run(milliseconds(20));
  network.crashed.insert(server(0));
  network.lose = [](std::size_t from, std::size_t to, const message::VerifiedMessage&) { return from == 6 || to == 6; };
  for (std::size_t i = 1; i < 6; ++i) network.submit(i, 0);
  network.run(seconds(1));
  expect_executed(network, 7, 6, ServerSet::only(server(0)).insert(server(6)));
  EXPECT_EQ(view(network, 6), View(0));
  network.lose = {};
  network.run(seconds(2));
  network.submit(6, 0);
  network.run(seconds(1));
  expect_executed(network, 7, 7, network.crashed);
  EXPECT_EQ(view(network, 6), View(1));
}

TEST(ViewChangeTest, a_leader_that_sends_no_replay_is_replaced) {
  Network network(7, 2);
  network.crashed.insert(server(0));
  network.faulty.insert(server(1));
  network.lie = [](std::size_t i, const ordering::Sign& sign) {
    if (sign.type == MessageType::Replay) return Said();
    return Said{{ServerSet(sign.to).insert(server(i)), sign.content}};
  };
  for (std::size_t i = 2; i < 7; ++i) network.submit(i, 0);
  network.run(seconds(3));
  expect_executed(network, 7, 5, network.crashed);
  EXPECT_EQ(view(network, 2), View(2));
}

// The leader of view 1 signs a list of its own beside that of the others, gathers a proof for each, and tells half of
// the servers one and half the other.
TEST(ViewChangeTest, a_leader_that_sends_conflicting_replays_is_blamed_and_replaced) {
  Network network(7, 2);
  network.crashed.insert(server(0));
  network.faulty.insert(server(1));
  std::map<std::uint32_t, std::map<std::uint16_t, Stored>> lists;  // VC-PARTIAL-SIGs of view 1 by ids and signer
  network.lose = [&](std::size_t, std::size_t, const message::VerifiedMessage& message) {
    if (message.type() != MessageType::VcPartialSig) return false;
    const auto sig = message.as<VcPartialSig>();
    if (sig.view == View(1)) lists[sig.ids.bits()].emplace(message.server().value(), store(message));
    return false;
  };
  bool sent = false;
  network.lie = [&](std::size_t i, const ordering::Sign& sign) {
    const message::Envelope envelope = network.keys().envelope(server(i));
    Said said;
    if (auto list = message::decode<message::VcList>(sign.content); list && list->view == View(1)) {
      list->ids = ServerSet::all(7).without(server(0)).without(server(2));
      said.emplace_back(ServerSet::all(7), message::encode(envelope, *list));
    } else if (const auto replay = message::decode<Replay>(sign.content); !replay || replay->view != View(1)) {
      said.emplace_back(ServerSet(sign.to).insert(server(i)), sign.content);
    }
    ServerSet to = ServerSet::only(server(2)).insert(server(3)).insert(server(4));
    const bool both = lists.size() == 2 && lists.begin()->second.size() >= 5 && lists.rbegin()->second.size() >= 5;
    if (!both || std::exchange(sent, true)) return said;
    for (const auto& [ids, sigs] : lists) {
      Replay replay{View(1), ServerSet::from_bits(ids), {}, {}};
      for (const auto& [signer, sig] : sigs) {
        replay.start_seq = sig->get().as<VcPartialSig>().start_seq;
        if (replay.proof.size() < 5) replay.proof.push_back(sig->get().bytes());
      }
      said.emplace_back(to, message::encode(envelope, replay));
      to = ServerSet::only(server(5)).insert(server(6));
    }
    return said;
  };
  for (std::size_t i = 2; i < 7; ++i) network.submit(i, 0);
  network.run(seconds(3));
  ASSERT_TRUE(sent);
  ASSERT_FALSE(network.blame().empty());
  for (const ordering::Blame& blame : network.blame()) {
    EXPECT_EQ(blame.server, server(1));
    EXPECT_EQ(blame.first->get().type(), MessageType::Replay);
  }
  expect_executed(network, 7, 5, network.crashed);
  EXPECT_EQ(view(network, 2), View(2));
}

TEST(ViewChangeTest, a_leader_that_equivocates_is_replaced) {
  Network network(4, 1);
  network.faulty.insert(server(0));
  network.lie = [&](std::size_t i, const ordering::Sign& sign) {
    auto second = message::decode<message::PrePrepare>(sign.content);
    if (!second.has_value()) return Said{{ServerSet(sign.to).insert(server(i)), sign.content}};
    for (ByteView& row : second->rows) row = {};
    return Said{{ServerSet::only(server(0)).insert(server(1)), sign.content},
                {ServerSet::only(server(2)), message::encode(network.keys().envelope(server(i)), *second)},
                {ServerSet::only(server(3)), sign.content}};
  };
  for (std::size_t i = 1; i < 4; ++i) network.submit(i, 0);
  network.run(seconds(2));
  EXPECT_FALSE(network.blame().empty());
  EXPECT_EQ(view(network, 1), View(1));
  expect_executed(network, 4, 3, network.faulty);
}

// One server alone has seen a quorum of COMMITs when the leader crashes: what it executed stays executed.
TEST(ViewChangeTest, what_one_server_has_ordered_survives_under_any_schedule) {
  std::size_t alone = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Network network(4, 1, seed);
    const std::size_t lucky = 1 + seed % 3;
    bool hiding = false;
    network.lose = [&](std::size_t, std::size_t to, const message::VerifiedMessage& message) {
      const bool commit = message.type() == MessageType::Commit && message.as<message::Commit>().view == View(0);
      return hiding && (commit || message.type() == MessageType::Ordered) && to != lucky;
    };
    std::size_t submitted = 0;
    const auto submit = [&]() { network.submit(1 + network.rng().below(3), 0), ++submitted; };
    submit();
    network.run(milliseconds(10));
    hiding = true;
    for (int k = 0; k < 3; ++k) submit();
    network.run(milliseconds(network.rng().below(20)));
    submit();
    for (std::uint64_t i = network.rng().below(200); i > 0; --i) network.deliver_one();
    std::size_t least = network.log(1).size();
    for (std::size_t i = 2; i < 4; ++i) least = std::min(least, network.log(i).size());
    alone += network.log(lucky).size() > least ? 1 : 0;
    network.crashed.insert(server(0));
    submit();
    network.run(milliseconds(300));
    hiding = false;
    network.run(milliseconds(700));
    expect_executed(network, 4, submitted, network.crashed);
    EXPECT_GE(view(network, 1), View(1));
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
  EXPECT_GT(alone, 50U) << "else the schedules do not show what they should";
}

TEST(ViewChangeTest, view_changes_under_random_schedules_and_losses_lose_nothing) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const std::size_t f = 1 + seed % 2;
    const std::size_t n = 3 * f + 1;
    Network network(n, f, seed);
    bool losing = true;
    network.lose = [&](std::size_t, std::size_t, const message::VerifiedMessage&) {
      return losing && network.rng().chance(100'000);
    };
    std::size_t submitted = 0;
    for (std::size_t round = 0; round <= f; ++round) {
      for (std::size_t i = f; i < n; ++i, ++submitted) network.submit(i, 0);
      for (std::uint64_t i = network.rng().below(300); i > 0; --i) network.deliver_one();
      if (round < f) network.crashed.insert(server(round));
      network.run(milliseconds(300));
    }
    losing = false;
    network.run(seconds(3));
    expect_executed(network, n, submitted, network.crashed);
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

}  // namespace
}  // namespace garrison::prime
