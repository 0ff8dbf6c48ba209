#include "apps/lab/network.h"

#include <gtest/gtest.h>

#include <utility>

#include "dataplane/wire/frame.h"

namespace garrison::lab {
namespace {

constexpr ServerId kA1(0);
constexpr ServerId kA2(1);
constexpr ServerId kA3(2);
constexpr ServerId kA4(3);
constexpr std::uint64_t kMegabit = 1'000'000;

// A frame of so many bytes; its first byte tells it apart.
Bytes frame(std::size_t bytes, TrafficClass traffic = TrafficClass::bounded, std::uint8_t mark = 0) {
  Bytes made(bytes);
  wire::encapsulate(made, {}, {}, traffic, wire::UdpChecksum::none);
  made[0] = mark;
  return made;
}

class NetworkTest : public ::testing::Test {
 protected:
  struct Arrival {
    Instant at;
    ServerId to;
    std::uint8_t mark;
  };

  NetworkTest() { network_.set_model({.delay = milliseconds(50), .jitter = Duration()}); }

  void run() {
    while (!events_.empty()) events_.run_next();
    EXPECT_TRUE(network_.counts().balanced());
    EXPECT_EQ(network_.counts().in_flight, 0U);
  }

  EventQueue events_;
  std::vector<Arrival> arrived_;
  std::vector<ServerId> ready_;
  Network network_{events_, 4, 1,
                   [this](ServerId to, ByteView bytes) {
                     arrived_.push_back({events_.now(), to, bytes[0]});
                   },
                   [this](ServerId server) { ready_.push_back(server); }};
};

TEST_F(NetworkTest, a_partition_cuts_exactly_what_crosses_it) {
  network_.partition(ServerSet::only(kA1).insert(kA2));
  network_.send(kA1, kA2, frame(60));
  network_.send(kA1, kA3, frame(60));
  network_.send(kA3, kA4, frame(60));
  run();
  EXPECT_EQ(arrived_.size(), 2U);
  EXPECT_EQ(network_.counts().partitioned, 1U);
  network_.partition({});
  network_.send(kA1, kA3, frame(60));
  run();
  EXPECT_EQ(arrived_.back().to, kA3);
}

TEST_F(NetworkTest, a_frame_takes_its_bytes_over_the_rate_and_then_the_delay) {
  network_.set_egress({.bits_per_s = 10 * kMegabit}, EgressScope::server);
  network_.send(kA1, kA2, frame(1250));
  network_.send(kA1, kA3, frame(1250));
  network_.send(kA2, kA3, frame(1250));  // an egress of its own
  run();
  ASSERT_EQ(arrived_.size(), 3U);
  EXPECT_EQ(arrived_[0].at, Instant() + milliseconds(51));
  EXPECT_EQ(arrived_[1].at, Instant() + milliseconds(51));
  EXPECT_EQ(arrived_[2].at, Instant() + milliseconds(52));
}

TEST_F(NetworkTest, servers_of_a_site_share_its_egress) {
  network_.set_egress({.bits_per_s = 10 * kMegabit}, EgressScope::site);
  network_.send(kA1, kA3, frame(1250));
  network_.send(kA2, kA3, frame(1250));
  run();
  ASSERT_EQ(arrived_.size(), 2U);
  EXPECT_EQ(arrived_[1].at - arrived_[0].at, milliseconds(1));
}

TEST_F(NetworkTest, a_timely_frame_goes_before_all_that_waits_and_not_into_what_is_being_sent) {
  network_.set_egress({.bits_per_s = 10 * kMegabit}, EgressScope::server);
  for (std::uint8_t mark = 1; mark <= 3; ++mark) network_.send(kA1, kA2, frame(1250, TrafficClass::bounded, mark));
  network_.send(kA1, kA2, frame(1250, TrafficClass::timely, 9));
  run();
  std::vector<std::uint8_t> order;
  for (const Arrival& arrival : arrived_) order.push_back(arrival.mark);
  EXPECT_EQ(order, (std::vector<std::uint8_t>{1, 9, 2, 3}));
}

TEST_F(NetworkTest, what_finds_the_buffer_full_is_a_named_drop) {
  network_.set_egress({.bits_per_s = kMegabit, .buffer_bytes = 3000}, EgressScope::server);
  for (int i = 0; i < 5; ++i) network_.send(kA1, kA2, frame(1000));
  EXPECT_EQ(network_.counts().egress_full, 2U);
  EXPECT_EQ(network_.counts().in_flight, 3U);
  EXPECT_TRUE(network_.counts().balanced());
  run();
  EXPECT_EQ(arrived_.size(), 3U);
  EXPECT_EQ(network_.counts().sent_bytes, 5000U);
}

TEST_F(NetworkTest, a_sender_that_paces_itself_is_called_when_there_is_room) {
  network_.set_egress({.bits_per_s = 10 * kMegabit, .transmit_ring_bytes = 2000}, EgressScope::server);
  EXPECT_TRUE(network_.ready_for(kA1));
  network_.send(kA1, kA2, frame(1250));
  EXPECT_TRUE(network_.ready_for(kA1));
  network_.send(kA1, kA2, frame(1250));
  EXPECT_FALSE(network_.ready_for(kA1));
  EXPECT_TRUE(network_.ready_for(kA2));
  while (ready_.empty() && !events_.empty()) events_.run_next();
  EXPECT_EQ(ready_, std::vector<ServerId>{kA1});
  EXPECT_EQ(events_.now(), Instant() + milliseconds(1));  // the first of the two frames has left
  run();
  EXPECT_EQ(ready_.size(), 1U);  // called once for one refusal
}

TEST_F(NetworkTest, one_direction_of_a_pair_may_have_a_delay_of_its_own) {
  network_.set_delay(kA1, kA2, milliseconds(7), Duration());
  network_.send(kA1, kA2, frame(60));
  network_.send(kA2, kA1, frame(60));
  run();
  ASSERT_EQ(arrived_.size(), 2U);
  EXPECT_EQ(arrived_[0].at, Instant() + milliseconds(7));
  EXPECT_EQ(arrived_[1].at, Instant() + milliseconds(50));
}

TEST_F(NetworkTest, connections_of_clients_take_their_turn_at_the_egress_and_wait_where_it_is_full) {
  network_.set_egress({.bits_per_s = kMegabit, .buffer_bytes = 3000}, EgressScope::server);
  std::vector<Instant> arrivals;
  const auto arrived = [&] { arrivals.push_back(events_.now()); };
  network_.send(kA1, kA3, frame(1250));
  for (int i = 0; i < 3; ++i) network_.carry(kA1, kA2, 1250, arrived);
  run();
  ASSERT_EQ(arrivals.size(), 3U);
  EXPECT_EQ(arrivals[0], Instant() + milliseconds(10 + 10 + 50));
  EXPECT_EQ(arrivals[2] - arrivals[0], milliseconds(20));
  EXPECT_EQ(network_.carried_bytes(kA1), 3750U);
  EXPECT_EQ(network_.carried_bytes(kA2), 0U);
  EXPECT_EQ(network_.counts().sent, 1U);
}

TEST_F(NetworkTest, a_connection_reaches_nobody_across_a_partition_nor_who_has_crashed) {
  network_.partition(ServerSet::only(kA1));
  network_.crash(kA4);
  std::size_t arrived = 0;
  network_.carry(kA1, kA2, 100, [&] { ++arrived; });
  network_.carry(kA2, kA4, 100, [&] { ++arrived; });
  network_.carry(kA2, kA3, 100, [&] { ++arrived; });
  run();
  EXPECT_EQ(arrived, 1U);
}

TEST_F(NetworkTest, losses_behind_a_limited_egress_are_accounted_for) {
  network_.set_model({.loss = 300'000, .duplication = 200'000, .reordering = 200'000});
  network_.set_egress({.bits_per_s = 10 * kMegabit, .buffer_bytes = 50'000}, EgressScope::server);
  for (int i = 0; i < 200; ++i) {
    network_.send(kA1, kA2, frame(500));
    if (i % 50 == 0) events_.run_next();
  }
  run();
  const NetworkCounts& counts = network_.counts();
  EXPECT_GT(counts.egress_full, 0U);
  EXPECT_GT(counts.lost, 0U);
  EXPECT_GT(counts.duplicated, 0U);
  EXPECT_EQ(counts.delivered, arrived_.size());
}

}  // namespace
}  // namespace garrison::lab
