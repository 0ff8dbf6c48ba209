// The modelled network between the servers of several sites.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "apps/lab/network.h"
#include "dataplane/wire/frame.h"

namespace garrison::lab {
namespace {

constexpr std::uint64_t kMegabit = 1'000'000;

Bytes frame(std::size_t bytes, TrafficClass traffic = TrafficClass::bounded, std::uint8_t mark = 0) {
  Bytes made(bytes);
  wire::encapsulate(made, {}, {}, traffic, wire::UdpChecksum::none);
  made[0] = mark;
  return made;
}

// Three sites, A of four servers, B of seven, C of four.
class WideNetworkTest : public ::testing::Test {
 protected:
  struct Arrival {
    Instant at;
    StationId to;
    std::uint8_t mark;
  };
  static constexpr std::array<std::uint16_t, 4> kFirst{0, 4, 11, 15};

  WideNetworkTest() { network_.set_model({.delay = milliseconds(50), .jitter = Duration()}); }

  static StationId a(std::uint16_t server) { return StationId(server); }
  static StationId b(std::uint16_t server) { return StationId(kFirst[1] + server); }
  static StationId c(std::uint16_t server) { return StationId(kFirst[2] + server); }
  static StationSet site(std::size_t index) {
    StationSet set;
    for (std::uint16_t i = kFirst[index]; i < kFirst[index + 1]; ++i) set.insert(StationId(i));
    return set;
  }
  static std::vector<std::size_t> sites() { return {4, 7, 4}; }

  void run() {
    while (!events_.empty()) events_.run_next();
    EXPECT_TRUE(network_.counts().balanced());
    EXPECT_EQ(network_.counts().in_flight, 0U);
  }

  EventQueue events_;
  std::vector<Arrival> arrived_;
  std::vector<StationId> ready_;
  Network network_{events_, 15, 1,
                   [this](StationId to, ByteView bytes) {
                     arrived_.push_back({events_.now(), to, bytes[0]});
                   },
                   [this](StationId station) { ready_.push_back(station); }};
};

TEST_F(WideNetworkTest, the_servers_of_a_site_share_its_egress_and_not_another_ones) {
  network_.set_egress({.bits_per_s = 10 * kMegabit}, sites());
  network_.send(a(0), b(0), frame(1250, TrafficClass::bounded, 1));
  network_.send(a(3), c(3), frame(1250, TrafficClass::bounded, 2));
  network_.send(a(2), c(2), frame(1250, TrafficClass::timely, 3));
  network_.send(b(0), c(0), frame(1250, TrafficClass::bounded, 4));
  run();
  std::vector<std::pair<std::uint8_t, Instant>> got;
  for (const Arrival& arrival : arrived_) got.emplace_back(arrival.mark, arrival.at);
  EXPECT_EQ(got, (std::vector<std::pair<std::uint8_t, Instant>>{{1, Instant() + milliseconds(51)},
                                                                {4, Instant() + milliseconds(51)},
                                                                {3, Instant() + milliseconds(52)},
                                                                {2, Instant() + milliseconds(53)}}));
}

TEST_F(WideNetworkTest, those_who_wait_for_an_egress_are_called_by_their_own) {
  network_.set_egress({.bits_per_s = 10 * kMegabit, .transmit_ring_bytes = 1000}, sites());
  network_.send(b(6), a(0), frame(1250));
  EXPECT_FALSE(network_.ready_for(b(0)));
  EXPECT_FALSE(network_.ready_for(b(6)));
  EXPECT_TRUE(network_.ready_for(a(3)));
  EXPECT_TRUE(network_.ready_for(c(0)));
  run();
  std::sort(ready_.begin(), ready_.end());
  EXPECT_EQ(ready_, (std::vector<StationId>{b(0), b(6)}));
}

TEST_F(WideNetworkTest,
       at_a_fair_egress_one_that_sends_too_much_of_everything_marked_timely_leaves_the_others_their_shares) {
  network_.set_egress({.bits_per_s = 10 * kMegabit, .buffer_bytes = 40'000, .fair = true}, sites());
  for (int i = 0; i < 40; ++i) network_.send(a(0), b(0), frame(1250, TrafficClass::timely, 1));
  EXPECT_EQ(network_.counts().egress_full, 20U) << "its own eighth of the buffer, and the half that all share";
  EXPECT_FALSE(network_.ready_for(a(0)));
  EXPECT_TRUE(network_.ready_for(a(3)));
  for (int i = 0; i < 4; ++i) network_.send(a(3), c(0), frame(1250, TrafficClass::bounded, 2));
  EXPECT_EQ(network_.counts().egress_full, 20U);
  run();
  EXPECT_EQ(network_.counts().delivered, 24U);
  Instant last;
  for (const Arrival& arrival : arrived_) last = arrival.mark == 2 ? arrival.at : last;
  EXPECT_LE(last, Instant() + milliseconds(50 + 13))
      << "a bucket of the greedy one's frames, and its share of the rest";
}

TEST_F(WideNetworkTest, at_a_fair_egress_each_server_is_called_when_its_own_frames_have_left) {
  network_.set_egress({.bits_per_s = 10 * kMegabit, .transmit_ring_bytes = 1000, .fair = true}, sites());
  for (int i = 0; i < 4; ++i) network_.send(a(0), b(0), frame(1250));
  network_.send(a(1), b(1), frame(1250));
  EXPECT_FALSE(network_.ready_for(a(0)));
  EXPECT_FALSE(network_.ready_for(a(1)));
  while (ready_.empty() && !events_.empty()) events_.run_next();
  EXPECT_EQ(ready_, std::vector<StationId>{a(1)});
  EXPECT_LE(events_.now(), Instant() + milliseconds(3));
  run();
  EXPECT_EQ(ready_, (std::vector<StationId>{a(1), a(0)}));
}

TEST_F(WideNetworkTest, a_site_that_is_partitioned_off_hears_itself_and_nobody_else) {
  network_.partition(site(1));
  network_.send(a(0), b(0), frame(100));
  network_.send(b(0), c(0), frame(100));
  network_.send(b(0), b(6), frame(100));
  network_.send(a(0), c(0), frame(100));
  run();
  EXPECT_EQ(arrived_.size(), 2U);
  EXPECT_EQ(network_.counts().partitioned, 2U);
  network_.partition({});
  network_.send(a(0), b(0), frame(100));
  run();
  EXPECT_EQ(arrived_.size(), 3U);
}

TEST_F(WideNetworkTest, a_crashed_server_takes_no_server_of_its_number_with_it) {
  network_.crash(b(0));
  for (const StationId from : {a(0), c(0)}) {
    network_.send(from, b(0), frame(100));
    network_.send(from, b(1), frame(100));
  }
  run();
  EXPECT_EQ(arrived_.size(), 2U);
  EXPECT_EQ(network_.counts().to_crashed, 2U);
  network_.join(b(0));
  network_.send(a(0), b(0), frame(100));
  run();
  EXPECT_EQ(arrived_.size(), 3U);
}

TEST(WideNetworkRunTest, sixteen_sites_of_sixteen_servers_are_accounted_for_and_run_twice_alike) {
  const auto run = [](std::uint64_t seed) {
    EventQueue events;
    std::uint64_t delivered = 0;
    Network network(
        events, 256, seed, [&](StationId, ByteView) { ++delivered; }, [](StationId) {});
    network.set_model({.delay = milliseconds(20),
                       .jitter = milliseconds(10),
                       .loss = 50'000,
                       .duplication = 50'000,
                       .reordering = 50'000});
    network.set_egress({.bits_per_s = kMegabit, .buffer_bytes = 100'000}, std::vector<std::size_t>(16, 16));
    StationSet last;
    for (std::uint16_t i = 240; i < 256; ++i) last.insert(StationId(i));
    network.partition(last);
    network.crash(StationId(17));
    for (std::uint16_t from = 0; from < 256; ++from) {
      for (std::uint16_t site = 0; site < 16; ++site) {
        const auto peer = static_cast<std::uint16_t>(16 * site + from % 16);
        if (site != from / 16) network.send(StationId(from), StationId(peer), frame(500));
      }
    }
    while (!events.empty()) events.run_next();
    const NetworkCounts& counts = network.counts();
    EXPECT_TRUE(counts.balanced());
    EXPECT_EQ(counts.sent, 256U * 15);
    EXPECT_EQ(counts.delivered, delivered);
    for (const std::uint64_t count : {counts.egress_full, counts.lost, counts.duplicated, counts.partitioned,
                                      counts.to_crashed, counts.delivered}) {
      EXPECT_GT(count, 0U);
    }
    return network.fingerprint();
  };
  const std::uint64_t first = run(1);
  EXPECT_EQ(run(1), first);
  EXPECT_NE(run(2), first);
}

}  // namespace
}  // namespace garrison::lab
