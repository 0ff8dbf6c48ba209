// Properties 5.1 and 5.2 of [PRIME], over links that take their time and with f servers that lie about what they
// measure.
#include "tests/unit/prime/harness.h"

namespace garrison::prime {
namespace {

using message::kLongestMeasured;
using message::MessageType;

// What a faulty server says instead of what it measures.
struct Lies {
  Duration tat;
  Duration rtt;
  Duration ub;
};
constexpr Lies kForTheLeader{Duration(), kLongestMeasured, kLongestMeasured};

using Said = std::vector<std::pair<ServerSet, Bytes>>;

// Everything else the faulty do as they should.
void let_lie(Network& network, ServerSet faulty, const Lies& lies) {
  network.faulty = faulty;
  network.lie = [&network, lies](std::size_t i, const ordering::Sign& sign) {
    const message::Envelope envelope = network.keys().envelope(server(i));
    const ServerSet to = ServerSet(sign.to).insert(server(i));
    if (auto said = message::decode<message::TatMeasure>(sign.content)) {
      return Said{{to, message::encode(envelope, message::TatMeasure{said->view, lies.tat})}};
    }
    if (auto said = message::decode<message::RttMeasure>(sign.content)) {
      return Said{{to, message::encode(envelope, message::RttMeasure{said->view, lies.rtt})}};
    }
    if (auto said = message::decode<message::TatUb>(sign.content)) {
      return Said{{to, message::encode(envelope, message::TatUb{said->view, lies.ub})}};
    }
    return Said{{to, sign.content}};
  };
}

void load(Network& network, std::size_t to, int times) {
  for (int k = 0; k < times; ++k) {
    network.submit(to, 0);
    network.run(milliseconds(5));
  }
}

// The first server leads, with f - 1 accomplices. Its links take 5 ms, and `held` more for each PRE-PREPARE to `slow`.
View view_after(std::size_t f, Duration held, ServerSet slow) {
  const std::size_t n = 3 * f + 1;
  Network network(n, f);
  ServerSet faulty = ServerSet::only(server(0));
  for (std::size_t i = 1; i < f; ++i) faulty.insert(server(n - i));
  let_lie(network, faulty, kForTheLeader);
  network.delay = [=](std::size_t from, std::size_t to, const message::VerifiedMessage& message) {
    const bool holds = from == 0 && message.type() == MessageType::PrePrepare && slow.contains(server(to));
    return milliseconds(5) + (holds ? held : Duration());
  };
  load(network, 1, 80);
  return network.core(1).status().view;
}

constexpr Duration kLatency = milliseconds(5);

// B = 2 * K_Lat * L_timely + delta_pp. A turnaround is `held`, two latencies, and up to a PRE-PREPARE period.
TEST(Property51Test, a_leader_that_gives_no_correct_server_a_timely_turnaround_is_replaced) {
  const PrimeConfig config;
  const Duration bound = kLatency * (2 * config.k_lat) + config.delta_pp;
  for (std::size_t f = 1; f <= 2; ++f) {
    const ServerSet all = ServerSet::all(3 * f + 1);
    EXPECT_GT(view_after(f, bound - kLatency * 2 + milliseconds(1), all), View(0)) << "f " << f;
    EXPECT_EQ(view_after(f, bound - kLatency * 2 - config.preprepare_period - milliseconds(6), all), View(0))
        << "f " << f << ": what is timely is accepted";
  }
}

TEST(Property51Test, a_leader_that_sends_no_pre_prepare_at_all_is_replaced) {
  for (std::size_t f = 1; f <= 2; ++f) EXPECT_GT(view_after(f, seconds(100), ServerSet::all(3 * f + 1)), View(0));
}

// Flooding brings the others what one correct server has in time.
TEST(Property51Test, a_timely_turnaround_for_one_correct_server_is_enough) {
  EXPECT_EQ(view_after(1, seconds(100), ServerSet::all(4).without(server(2))), View(0));
}

// Servers on a line, some of them far from the others: position i stands at `places[i]` ms.
struct Line {
  std::vector<std::int64_t> places;
  std::size_t f;
  ServerSet faulty;  // by position
};

// Whether a correct server suspects the one at `leads`, which is made server 0.
bool suspected(const Line& line, std::size_t leads, const Lies& lies) {
  const std::size_t n = line.places.size();
  const auto position = [=](std::size_t i) { return i == 0 ? leads : (i <= leads ? i - 1 : i); };
  Network network(n, line.f, 0, [](PrimeConfig& config) { config.k_lat = 1; });
  ServerSet faulty;
  for (std::size_t i = 0; i < n; ++i) {
    if (line.faulty.contains(server(position(i)))) faulty.insert(server(i));
  }
  let_lie(network, faulty, lies);
  network.delay = [&](std::size_t from, std::size_t to, const message::VerifiedMessage&) {
    const std::int64_t way = line.places[position(from)] - line.places[position(to)];
    return milliseconds(1 + std::max(way, -way));
  };
  bool seen = false;
  for (int k = 0; k < 20; ++k) {
    network.submit(1, 0);
    network.run(milliseconds(20));
    for (std::size_t i = 0; i < n; ++i) {
      if (!faulty.contains(server(i))) seen = seen || network.core(i).status().leader_suspected;
    }
    seen = seen || network.core(0).status().view > View(0);
  }
  return seen;
}

void expect_f_plus_one_unsuspected(const Line& line, const Lies& lies) {
  std::size_t unsuspected = 0;
  for (std::size_t i = 0; i < line.places.size(); ++i) {
    if (!line.faulty.contains(server(i))) unsuspected += suspected(line, i, lies) ? 0 : 1;
  }
  EXPECT_GE(unsuspected, line.f + 1) << "tat " << lies.tat.ns() << " rtt " << lies.rtt.ns() << " ub " << lies.ub.ns();
}

TEST(Property52Test, whatever_f_servers_say_f_plus_one_correct_leaders_are_never_suspected) {
  const std::vector<Line> sites = {{{0, 1, 2, 3}, 1, ServerSet::only(server(3))},
                                   {{0, 1, 40, 1}, 1, ServerSet::only(server(3))},
                                   {{0, 40, 0, 40}, 1, ServerSet::only(server(2))}};
  for (const Line& site : sites) {
    for (const Duration tat : {Duration(), kLongestMeasured}) {
      for (const Duration rtt : {Duration(), kLongestMeasured}) {
        for (const Duration ub : {Duration(), kLongestMeasured}) expect_f_plus_one_unsuspected(site, {tat, rtt, ub});
      }
    }
  }
  const Line seven{{0, 1, 2, 40, 41, 0, 20}, 2, ServerSet::only(server(5)).insert(server(6))};
  expect_f_plus_one_unsuspected(seven, {kLongestMeasured, Duration(), Duration()});
}

// The other half of the property's point: without lies and with like links nobody is suspected.
TEST(Property52Test, where_all_links_are_alike_no_leader_is_suspected) {
  const Line site{{0, 0, 0, 0}, 1, {}};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_FALSE(suspected(site, i, {}));
}

}  // namespace
}  // namespace garrison::prime
