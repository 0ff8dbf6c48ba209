// The Reconciliation sub-protocol [PRIME] 5.3 in whole sites: what is withheld is recovered, whoever lies about it.
#include <set>

#include "tests/unit/prime/harness.h"

namespace garrison::prime {
namespace {

using message::MessageType;

// Servers n-f .. n-1 get no PO-REQUEST of server 2 over the network.
class Withheld {
 public:
  Withheld(std::size_t f, std::uint64_t seed, Duration delay)
      : n_(3 * f + 1), f_(f), network_(n_, f, seed, [&](PrimeConfig& config) { config.recon_delay = delay; }) {
    network_.lose = [this](std::size_t from, std::size_t to, const message::VerifiedMessage& message) {
      if (message.type() == MessageType::Recon) {
        const auto recon = message.as<message::Recon>();
        ++parts_;
        senders_[{recon.introducer.value(), recon.sequence.value()}].insert(from);
      }
      return to >= n_ - f_ && message.type() == MessageType::PoRequest;
    };
  }
  void submit(std::size_t updates) {
    for (std::size_t k = 0; k < updates; ++k) {
      network_.submit(2, 0);
      for (std::uint64_t i = network_.rng().below(80); i > 0; --i) network_.deliver_one();
    }
  }
  void expect_all_executed(std::size_t updates) {
    for (std::size_t i = 0; i < n_; ++i) {
      if (network_.faulty.contains(server(i))) continue;
      EXPECT_EQ(network_.log(i).size(), updates) << "server " << i;
    }
  }
  // Servers of `faulty` send parts with a bit of their content flipped.
  void corrupt_parts_of(ServerSet faulty) {
    network_.faulty = faulty;
    network_.lie = [this](std::size_t i, const ordering::Sign& sign) {
      std::vector<std::pair<ServerSet, Bytes>> said = {{ServerSet(sign.to).insert(server(i)), sign.content}};
      const auto recon = message::decode<message::Recon>(sign.content);
      if (!recon.has_value()) return said;
      message::Recon bad = *recon;
      Bytes part = to_bytes(recon->part);
      part[part.size() / 2] ^= 0x40U;
      bad.part = part;
      said.front().second = message::encode(network_.keys().envelope(server(i)), bad);
      return said;
    };
  }

  Network& network() { return network_; }
  [[nodiscard]] std::size_t parts() const { return parts_; }
  [[nodiscard]] std::size_t n() const { return n_; }
  [[nodiscard]] const std::map<std::pair<std::uint16_t, std::uint64_t>, std::set<std::size_t>>& senders() const {
    return senders_;
  }

 private:
  std::size_t n_;
  std::size_t f_;
  Network network_;
  std::size_t parts_ = 0;
  std::map<std::pair<std::uint16_t, std::uint64_t>, std::set<std::size_t>> senders_;
};

TEST(PrimeReconciliationTest, what_f_servers_were_not_sent_reaches_them_while_it_is_ordered) {
  for (const std::size_t f : {1U, 2U, 3U}) {
    Withheld site(f, 0, Duration());
    site.submit(1);
    site.network().run(Duration());  // no period, no delay, no retransmission passes
    site.expect_all_executed(1);
    EXPECT_EQ(site.parts(), (2 * f + 1) * f);
    EXPECT_TRUE(site.network().blame().empty());
  }
}

TEST(PrimeReconciliationTest, the_delay_is_all_that_recovery_waits_for) {
  Withheld site(1, 0, milliseconds(5));
  site.submit(1);
  site.network().run(milliseconds(5) - Duration(1));
  EXPECT_EQ(site.parts(), 0U);
  EXPECT_TRUE(site.network().log(3).empty());
  site.network().run(Duration(1));
  site.expect_all_executed(1);
}

TEST(PrimeReconciliationTest, many_withheld_requests_are_recovered_under_random_schedules) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Withheld site(1 + seed % 2, seed, milliseconds(static_cast<std::int64_t>(seed % 3)));
    site.network().duplicates = true;
    site.submit(12);
    site.network().run(milliseconds(100));  // less than the retransmission period
    site.expect_all_executed(12);
    EXPECT_GT(site.parts(), 0U);
    EXPECT_TRUE(site.network().blame().empty());
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(PrimeReconciliationTest, all_servers_choose_the_same_senders_in_whatever_order_matrices_come) {
  std::size_t requests = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Withheld site(2, seed, Duration());
    site.submit(20);
    site.network().run(milliseconds(100));
    site.expect_all_executed(20);
    for (const auto& [id, senders] : site.senders()) {
      ++requests;
      EXPECT_LE(senders.size(), 5U) << "request " << id.second;
    }
    if (HasFailure()) FAIL() << "seed " << seed;
  }
  EXPECT_GT(requests, 100U);
}

TEST(PrimeReconciliationTest, a_site_without_faults_sends_no_parts) {
  for (const std::int64_t delay_ms : {0, 5}) {
    Network network(4, 1, 0, [&](PrimeConfig& config) { config.recon_delay = milliseconds(delay_ms); });
    std::size_t parts = 0;
    network.lose = [&](std::size_t, std::size_t, const message::VerifiedMessage& message) {
      parts += message.type() == MessageType::Recon ? 1 : 0;
      return false;
    };
    for (std::uint32_t k = 0; k < 50; ++k) {
      for (std::size_t i = 0; i < 4; ++i) network.submit(i, k % 8);
      network.run(milliseconds(1));
    }
    network.run(milliseconds(100));
    EXPECT_EQ(network.log(0).size(), 200U);
    EXPECT_EQ(parts, 0U);
  }
}

// Every faulty server is found, by proof everywhere, and stops nothing.
void expect_found(Withheld& site, ServerSet faulty, std::size_t updates) {
  site.corrupt_parts_of(faulty);
  site.submit(updates);
  site.network().run(milliseconds(100));
  site.expect_all_executed(updates);
  ServerSet blamed;
  for (const ordering::Blame& blame : site.network().blame()) {
    EXPECT_EQ(blame.reason, DropReason::prime_corrupt_part);
    EXPECT_TRUE(faulty.contains(blame.server)) << "server " << blame.server.value() << " is correct";
    blamed.insert(blame.server);
  }
  for (std::size_t i = 0; i < site.n(); ++i) {
    if (faulty.contains(server(i))) continue;
    EXPECT_EQ(site.network().core(i).status().blacklist, blamed) << "server " << i;
  }
}

TEST(PrimeReconciliationTest, corrupt_parts_are_found_and_stop_nothing_with_one_fault) {
  std::size_t found = 0;
  for (std::uint64_t seed = 0; seed <= 60; ++seed) {
    Withheld site(1, seed, Duration());
    expect_found(site, ServerSet::only(server(seed % 3)), 10);
    found += site.network().blame().empty() ? 0 : 1;
    if (HasFailure()) FAIL() << "seed " << seed;
  }
  EXPECT_GT(found, 30U);
}

TEST(PrimeReconciliationTest, corrupt_parts_are_found_and_stop_nothing_with_two_faults) {
  std::size_t found = 0;
  for (std::uint64_t seed = 0; seed <= 60; ++seed) {
    Withheld site(2, seed, Duration());
    expect_found(site, ServerSet::only(server(seed % 5)).insert(server((seed + 1) % 5)), 20);
    found += site.network().blame().empty() ? 0 : 1;
    if (HasFailure()) FAIL() << "seed " << seed;
  }
  EXPECT_GT(found, 30U);
}

TEST(PrimeReconciliationTest, parts_of_a_server_that_was_found_out_are_not_used_again) {
  Withheld site(1, 0, Duration());
  expect_found(site, ServerSet::only(server(0)), 10);
  ASSERT_FALSE(site.network().blame().empty());
  EXPECT_GT(site.network().drops().at(DropReason::prime_blacklisted), 5U);
}

// Two shares of the site's faults: one withholds, others send nothing.
TEST(PrimeReconciliationTest, a_silent_introducer_and_silent_senders_keep_nothing_back) {
  Withheld site(2, 0, Duration());
  site.network().faulty.insert(server(0)).insert(server(1));
  site.network().lie = [](std::size_t i, const ordering::Sign& sign) {
    std::vector<std::pair<ServerSet, Bytes>> said;
    if (sign.type != MessageType::Recon) said = {{ServerSet(sign.to).insert(server(i)), sign.content}};
    return said;
  };
  site.submit(5);
  site.network().run(milliseconds(100));
  site.expect_all_executed(5);
}

}  // namespace
}  // namespace garrison::prime
