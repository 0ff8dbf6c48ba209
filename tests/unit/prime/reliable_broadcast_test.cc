// Bracha's reliable broadcast as view changes use it: what one correct server delivers all do, and nothing else.
#include <optional>

#include "tests/unit/prime/harness.h"

namespace garrison::prime {
namespace {

using message::BroadcastEntry;
using message::Report;
using message::VcEcho;
using message::VcReady;

constexpr View kView(1);

// Every server of a site but the last f, which the test plays.
class Site {
 public:
  Site(std::size_t n, std::size_t f, std::uint64_t seed) : keys_(n), rng_(seed), n_(n), f_(f), servers_(n - f) {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      servers_[i].config = config_of(keys_, i, n, f);
      servers_[i].promises.emplace(servers_[i].config.envelope);
      servers_[i].broadcast.emplace(servers_[i].config);
      servers_[i].broadcast->start_view(kView);
    }
  }

  template <typename Message>
  Stored from(std::size_t signer, const Message& message) {
    return keys_.verified(server(signer), message);
  }
  Stored report(std::size_t origin, std::uint64_t stable) { return from(origin, Report{kView, SeqNum(stable), 0}); }
  static Digest digest(const Stored& content) { return content->get().digest(); }

  void send(std::size_t to, const Stored& message) {
    if (to < servers_.size()) wire_.emplace_back(to, message);
  }
  void send(ServerSet to, const Stored& message) {
    to.for_each([&](ServerId id) { send(id.index(), message); });
  }
  // In an order that the seed decides.
  void run() {
    while (!wire_.empty()) {
      std::swap(wire_[rng_.below(wire_.size())], wire_.back());
      const auto [to, message] = std::move(wire_.back());
      wire_.pop_back();
      take(to, message);
    }
  }
  ordering::Output take(std::size_t i, const Stored& stored) {
    ordering::Output output;
    Server& at = servers_[i];
    const message::VerifiedMessage& message = stored->get();
    if (message.type() == message::MessageType::Report) at.broadcast->on_content(message, 0, output);
    if (message.type() == message::MessageType::VcEcho) at.broadcast->on_echo(message, output);
    if (message.type() == message::MessageType::VcReady) at.broadcast->on_ready(message, *at.promises, output);
    carry_out(i, output);
    return output;
  }
  // What server i repeats goes out.
  void repeat(std::size_t i) {
    ordering::Output output;
    servers_[i].broadcast->repeat(servers_[i].config.others(), *servers_[i].promises, output);
    carry_out(i, output);
  }

  [[nodiscard]] const std::vector<Stored>& delivered(std::size_t i) const { return servers_[i].delivered; }
  [[nodiscard]] std::size_t correct() const { return servers_.size(); }
  [[nodiscard]] std::size_t n() const { return n_; }
  [[nodiscard]] std::size_t f() const { return f_; }
  [[nodiscard]] const PrimeConfig& config() const { return servers_[0].config; }
  Rng& rng() { return rng_; }

 private:
  struct Server {
    PrimeConfig config;
    std::optional<Promises> promises;
    std::optional<ReliableBroadcast> broadcast;
    std::vector<Stored> delivered;
  };

  void carry_out(std::size_t i, ordering::Output& output) {
    Server& at = servers_[i];
    at.broadcast->speak(*at.promises, output);
    for (const ordering::Sign& sign : output.sign) {
      const Stored message = keys_.verified(keys_.server(server(i)), sign.content);
      send(i, message);
      send(sign.to, message);
    }
    for (const ordering::Forward& forward : output.forward) send(forward.to, forward.message);
    for (Stored& content : at.broadcast->take_delivered()) at.delivered.push_back(std::move(content));
  }

  testing::SiteKeys keys_;
  Rng rng_;
  std::size_t n_;
  std::size_t f_;
  std::vector<Server> servers_;
  std::vector<std::pair<std::size_t, Stored>> wire_;
};

VcEcho echo(std::size_t origin, const Digest& digest, std::uint32_t seq = 0) {
  return {kView, {{server(origin), seq, digest}}};
}
VcReady ready(std::size_t origin, const Digest& digest, std::uint32_t seq = 0) {
  return {kView, {{server(origin), seq, digest}}};
}

TEST(ReliableBroadcastTest, a_quorum_of_readies_and_the_content_deliver_once) {
  Site site(4, 1, 1);
  const Stored content = site.report(3, 5);
  const Digest digest = Site::digest(content);
  site.take(0, content);
  site.take(0, site.from(1, ready(3, digest)));
  site.take(0, site.from(2, ready(3, digest)));
  EXPECT_TRUE(site.delivered(0).empty()) << "two readies of three";
  site.take(0, site.from(2, ready(3, digest)));
  EXPECT_TRUE(site.delivered(0).empty()) << "nobody counts twice";
  site.take(0, site.from(3, ready(3, digest)));
  ASSERT_EQ(site.delivered(0).size(), 1U);
  site.take(0, site.from(0, ready(3, digest)));
  site.take(0, content);
  EXPECT_EQ(site.delivered(0).size(), 1U);

  for (const std::size_t from : {0U, 2U, 3U}) site.take(1, site.from(from, ready(3, digest)));
  EXPECT_TRUE(site.delivered(1).empty()) << "the content is missing";
  site.take(1, content);
  EXPECT_EQ(site.delivered(1).size(), 1U);
}

TEST(ReliableBroadcastTest, readies_for_other_contents_do_not_add_up) {
  Site site(4, 1, 1);
  const Stored content = site.report(3, 5);
  site.take(0, content);
  for (const std::size_t from : {1U, 2U}) site.take(0, site.from(from, ready(3, Site::digest(content))));
  site.take(0, site.from(3, ready(3, Site::digest(site.report(3, 6)))));
  EXPECT_TRUE(site.delivered(0).empty());
}

TEST(ReliableBroadcastTest, a_server_is_ready_after_a_quorum_of_echoes_or_f_plus_one_readies) {
  Site site(4, 1, 1);
  const Digest digest = Site::digest(site.report(3, 5));
  EXPECT_TRUE(site.take(0, site.from(1, echo(3, digest))).sign.empty());
  EXPECT_TRUE(site.take(0, site.from(2, echo(3, digest))).sign.empty());
  EXPECT_TRUE(dropped(site.take(0, site.from(2, echo(3, digest))), DropReason::prime_duplicate));
  EXPECT_EQ(count(site.take(0, site.from(3, echo(3, digest))), message::MessageType::VcReady), 1U);

  EXPECT_TRUE(site.take(1, site.from(2, ready(3, digest))).sign.empty());
  EXPECT_EQ(count(site.take(1, site.from(3, ready(3, digest))), message::MessageType::VcReady), 1U);
}

TEST(ReliableBroadcastTest, one_content_of_each_tag_is_echoed_and_a_second_one_is_blamed) {
  Site site(4, 1, 1);
  const Stored first = site.report(3, 5);
  EXPECT_EQ(last_signed<VcEcho>(site.take(0, first))->entries[0].digest, Site::digest(first));
  EXPECT_TRUE(site.take(0, first).sign.empty());
  const ordering::Output output = site.take(0, site.report(3, 6));
  EXPECT_TRUE(output.sign.empty());
  ASSERT_EQ(output.blame.size(), 1U);
  EXPECT_EQ(output.blame[0].server, server(3));
}

TEST(ReliableBroadcastTest, correct_origins_reach_everyone_without_the_faulty) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::size_t f = 1 + seed % 3;
    Site site(3 * f + 1, f, seed);
    for (std::size_t origin = 0; origin < site.correct(); ++origin) {
      site.send(ServerSet::all(site.n()), site.report(origin, origin));
    }
    site.run();
    for (std::size_t i = 0; i < site.correct(); ++i) EXPECT_EQ(site.delivered(i).size(), site.correct());
  }
}

// The origin tells f + 1 correct servers, and the faulty echo to them alone.
TEST(ReliableBroadcastTest, what_a_faulty_origin_tells_only_some_reaches_all) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::size_t f = 1 + seed % 3;
    Site site(3 * f + 1, f, seed);
    const std::size_t origin = site.n() - 1;
    const Stored content = site.report(origin, 5);
    for (std::size_t i = 0; i <= f; ++i) {
      site.send(i, content);
      for (std::size_t k = site.correct(); k < site.n(); ++k) {
        site.send(i, site.from(k, echo(origin, Site::digest(content))));
      }
    }
    site.run();
    for (std::size_t i = 0; i < site.correct(); ++i) EXPECT_EQ(site.delivered(i).size(), 1U) << "seed " << seed;
  }
}

// The faulty, origin included, say either of two things to everyone about everything.
TEST(ReliableBroadcastTest, an_equivocating_origin_delivers_nothing_or_one_thing_everywhere) {
  std::size_t delivering = 0;
  constexpr std::uint64_t kSeeds = 400;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const std::size_t f = 1 + seed % 2;
    Site site(3 * f + 1, f, seed);
    const std::size_t origin = site.n() - 1;
    const std::array contents = {site.report(origin, 5), site.report(origin, 6)};
    const std::uint64_t bias = 1'000'000 * (seed % 5) / 5;  // the more even, the rarer a delivery
    const auto pick = [&]() { return contents[site.rng().chance(bias) ? 1 : 0]; };
    for (std::size_t i = 0; i < site.correct(); ++i) {
      site.send(i, pick());
      for (std::size_t k = site.correct(); k < site.n(); ++k) {
        site.send(i, site.from(k, echo(origin, Site::digest(pick()))));
        site.send(i, site.from(k, ready(origin, Site::digest(pick()))));
      }
    }
    site.run();
    // Servers that miss something repeat what they have said.
    for (std::size_t i = 0; i < site.correct(); ++i) site.repeat(i);
    site.run();
    for (std::size_t i = 0; i < site.correct(); ++i) {
      ASSERT_LE(site.delivered(i).size(), 1U);
      ASSERT_EQ(site.delivered(i).size(), site.delivered(0).size()) << "seed " << seed << " server " << i;
      if (site.delivered(i).empty()) continue;
      ASSERT_EQ(Site::digest(site.delivered(i)[0]), Site::digest(site.delivered(0)[0]));
    }
    delivering += site.delivered(0).size();
  }
  EXPECT_GT(delivering, kSeeds / 10);
  EXPECT_LT(delivering, kSeeds);
}

// Server 2 echoed something else than what the others decide on; only they can pass that on.
TEST(ReliableBroadcastTest, who_echoed_another_content_gets_the_decided_one) {
  Site site(4, 1, 1);
  const Stored decided = site.report(3, 5);
  const Stored other = site.report(3, 6);
  for (const std::size_t i : {0U, 1U}) {
    site.take(i, site.from(2, echo(3, Site::digest(other))));
    site.take(i, decided);
    site.send(i, site.from(3, echo(3, Site::digest(decided))));
  }
  site.take(2, other);
  site.run();
  ASSERT_EQ(site.delivered(0).size(), 1U);
  ASSERT_EQ(site.delivered(2).size(), 1U);
  EXPECT_EQ(Site::digest(site.delivered(2)[0]), Site::digest(decided));
}

TEST(ReliableBroadcastTest, tags_beyond_the_bound_are_refused) {
  Site site(4, 1, 1);
  const auto last = static_cast<std::uint32_t>(site.config().max_pc_sets());
  for (const std::size_t from : {1U, 2U, 3U}) {
    const ordering::Output beyond = site.take(0, site.from(from, echo(3, Digest{}, last + 1)));
    EXPECT_TRUE(beyond.sign.empty());
    EXPECT_TRUE(dropped(beyond, DropReason::prime_beyond_window));
    EXPECT_TRUE(dropped(site.take(0, site.from(from, ready(3, Digest{}, last + 1))), DropReason::prime_beyond_window));
    EXPECT_EQ(site.take(0, site.from(from, echo(3, Digest{}, last))).sign.size(), from == 3 ? 1U : 0U);
  }
}

TEST(ReliableBroadcastTest, what_a_server_has_echoed_is_not_repeated_to_it_but_the_report_is) {
  testing::SiteKeys keys(4);
  const PrimeConfig config = config_of(keys, 0, 4, 1);
  Promises promises(config.envelope);
  ReliableBroadcast broadcast(config);
  broadcast.start_view(kView);
  for (const std::uint32_t seq : {0U, 1U}) {
    ordering::Output output;
    const Stored content = keys.verified(server(0), Report{kView, SeqNum(5), seq});
    broadcast.on_content(content->get(), seq, output);
    broadcast.on_echo(keys.verified(server(2), echo(0, Site::digest(content), seq))->get(), output);
    broadcast.on_echo(keys.verified(server(3), echo(0, Digest{}, seq))->get(), output);
  }
  ordering::Output output;
  broadcast.repeat(config.others(), promises, output);
  ASSERT_EQ(output.forward.size(), 2U);
  EXPECT_EQ(output.forward[0].to, config.others());
  EXPECT_EQ(output.forward[1].to, config.others().without(server(2))) << "server 3 has echoed something else";
}

TEST(ReliableBroadcastTest, another_view_starts_with_nothing) {
  testing::SiteKeys keys(4);
  const PrimeConfig config = config_of(keys, 0, 4, 1);
  Promises promises(config.envelope);
  ReliableBroadcast broadcast(config);
  broadcast.start_view(kView);
  ordering::Output output;
  const Stored content = keys.verified(server(3), Report{kView, SeqNum(5), 0});
  broadcast.on_content(content->get(), 0, output);
  broadcast.start_view(kView.next());
  broadcast.speak(promises, output);
  broadcast.repeat(config.others(), promises, output);
  EXPECT_TRUE(output.sign.empty() && output.forward.empty());
}

}  // namespace
}  // namespace garrison::prime
