#include "dataplane/io/segment.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "dataplane/base/rng.h"
#include "dataplane/io/ring_port.h"
#include "tests/unit/runtime/eal_environment.h"

namespace garrison::io {
namespace {

using test::bytes_of;
using test::ethernet;
using test::free_frame;
using test::make_frame;
using test::tag_of;

MacAddress mac(std::uint8_t n) { return {0x02, 0, 0, 0, 0, n}; }

// A segment of `count` servers, each with its own pool, driven by hand.
struct Lan {
  explicit Lan(std::size_t count, std::size_t slots = 64, std::size_t rx_mbufs = 255) {
    std::vector<SegmentPort> config;
    for (std::size_t i = 0; i < count; ++i) {
      rx_pools.push_back(test::test_pool(rx_mbufs));
      config.push_back({"p" + std::to_string(i), mac(static_cast<std::uint8_t>(i)), rx_pools.back().get()});
    }
    segment = std::make_unique<SegmentStage>("lan", config, slots);
  }
  bool send(std::size_t from, const Bytes& frame) {
    rte_mbuf* mbuf = make_frame(tx_pool, frame);
    if (mbuf == nullptr) return false;
    const bool sent = segment->port(from).tx_burst({&mbuf, 1}) == 1;
    if (!sent) free_frame(mbuf);
    return sent;
  }
  std::vector<rte_mbuf*> receive(std::size_t at) {
    std::array<rte_mbuf*, 256> frames{};
    const std::size_t count = segment->port(at).rx_burst(frames);
    return {frames.begin(), frames.begin() + count};
  }
  void settle() {
    while (segment->poll(Instant()) != 0) {
    }
  }
  [[nodiscard]] std::uint64_t drops(DropReason reason) const { return segment->counters().drops.get(reason); }
  void expect_exact() const {
    const SegmentCounters& c = segment->counters();
    EXPECT_EQ(c.copies_due.get(), c.frames_out.get() + c.drops.total());
  }

  Pool tx_pool = test::test_pool(1023);
  std::vector<Pool> rx_pools;
  std::unique_ptr<SegmentStage> segment;  // destroyed before the pools it holds mbufs of
};

void free_all(const std::vector<rte_mbuf*>& frames) {
  for (rte_mbuf* const frame : frames) free_frame(frame);
}

TEST(RingCableTest, carries_frames_both_ways_in_order_and_frees_what_is_left) {
  const Pool pool = test::test_pool();
  {
    RingCable cable("cable", mac(1), 8);
    for (std::uint32_t tag = 0; tag < 3; ++tag) {
      std::array<rte_mbuf*, 1> frame = {make_frame(pool, ethernet(mac(1), mac(2), tag))};
      EXPECT_EQ(cable.near_end().tx_burst(frame), 1U);
    }
    std::array<rte_mbuf*, 2> out{};
    ASSERT_EQ(cable.far_end().rx_burst(out), 2U);
    EXPECT_EQ(tag_of(bytes_of(out[0])), 0U);
    EXPECT_EQ(tag_of(bytes_of(out[1])), 1U);
    EXPECT_EQ(cable.near_end().rx_burst(out), 0U);
    EXPECT_EQ(cable.far_end().tx_burst(out), 2U);
    EXPECT_EQ(cable.near_end().stats().tx_frames, 3U);
    EXPECT_EQ(cable.far_end().stats().rx_frames, 2U);
    EXPECT_EQ(test::in_use(pool), 3U);
  }
  EXPECT_EQ(test::in_use(pool), 0U);
}

TEST(SegmentTest, a_unicast_frame_reaches_only_its_destination) {
  Lan lan(3);
  ASSERT_TRUE(lan.send(0, ethernet(mac(2), mac(0), 77)));
  lan.settle();
  EXPECT_TRUE(lan.receive(0).empty());
  EXPECT_TRUE(lan.receive(1).empty());
  const std::vector<rte_mbuf*> got = lan.receive(2);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_TRUE(equal(bytes_of(got[0]), ethernet(mac(2), mac(0), 77)));
  free_all(got);
  lan.expect_exact();
}

TEST(SegmentTest, a_receiver_that_writes_its_buffer_changes_nobody_elses) {
  Lan lan(3);
  const Bytes sent = ethernet(kBroadcastMac, mac(0), 5, 200);
  ASSERT_TRUE(lan.send(0, sent));
  lan.settle();
  const std::vector<rte_mbuf*> one = lan.receive(1);
  const std::vector<rte_mbuf*> two = lan.receive(2);
  ASSERT_EQ(one.size(), 1U);
  ASSERT_EQ(two.size(), 1U);
  EXPECT_TRUE(lan.receive(0).empty());  // never back to its sender
  for (std::uint8_t& byte : test::mutable_bytes_of(one[0])) byte = 0xEE;
  EXPECT_TRUE(equal(bytes_of(two[0]), sent));
  free_all(one);
  free_all(two);
}

TEST(SegmentTest, each_copy_lives_in_its_receivers_own_pool_and_the_senders_buffer_is_free) {
  Lan lan(3);
  ASSERT_TRUE(lan.send(0, ethernet(kBroadcastMac, mac(0), 5)));
  lan.settle();
  EXPECT_EQ(test::in_use(lan.tx_pool), 0U);
  EXPECT_EQ(test::in_use(lan.rx_pools[0]), 0U);
  EXPECT_EQ(test::in_use(lan.rx_pools[1]), 1U);
  EXPECT_EQ(test::in_use(lan.rx_pools[2]), 1U);
}

TEST(SegmentTest, frames_to_nobody_to_oneself_and_without_a_header_are_named_drops) {
  Lan lan(2);
  ASSERT_TRUE(lan.send(0, ethernet(mac(9), mac(0), 1)));
  ASSERT_TRUE(lan.send(0, ethernet(mac(0), mac(0), 2)));
  ASSERT_TRUE(lan.send(0, Bytes(13)));
  lan.settle();
  EXPECT_EQ(lan.drops(DropReason::segment_unknown_mac), 2U);
  EXPECT_EQ(lan.drops(DropReason::frame_truncated), 1U);
  EXPECT_EQ(lan.segment->counters().frames_out.get(), 0U);
  EXPECT_EQ(test::in_use(lan.tx_pool), 0U);
  lan.expect_exact();
}

TEST(SegmentTest, a_receiver_without_buffers_loses_only_its_own_copies) {
  Lan lan(3, 64, 15);
  std::vector<rte_mbuf*> held;
  while (rte_mbuf* const mbuf = make_frame(lan.rx_pools[1], Bytes(20))) held.push_back(mbuf);
  ASSERT_TRUE(lan.send(0, ethernet(kBroadcastMac, mac(0), 3)));
  lan.settle();
  EXPECT_EQ(lan.drops(DropReason::port_rx_no_mbuf), 1U);
  EXPECT_TRUE(lan.receive(1).empty());
  const std::vector<rte_mbuf*> got = lan.receive(2);
  EXPECT_EQ(got.size(), 1U);
  free_all(got);
  free_all(held);
  lan.expect_exact();
}

TEST(SegmentTest, accounting_is_exact_under_overload_of_tiny_rings) {
  Rng rng(7);
  Lan lan(4, 3);
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  for (std::uint32_t tag = 1; tag <= 20'000; ++tag) {
    const std::size_t from = rng.below(4);
    const MacAddress to = rng.chance(200'000) ? kBroadcastMac : mac(static_cast<std::uint8_t>(rng.below(6)));
    if (lan.send(from, ethernet(to, mac(static_cast<std::uint8_t>(from)), tag))) ++sent;
    if (rng.chance(300'000)) lan.segment->poll(Instant());
    if (!rng.chance(100'000)) continue;
    const std::size_t at = rng.below(4);
    const std::vector<rte_mbuf*> got = lan.receive(at);
    received += got.size();
    free_all(got);
  }
  lan.settle();
  for (std::size_t at = 0; at < 4; ++at) {
    const std::vector<rte_mbuf*> got = lan.receive(at);
    received += got.size();
    free_all(got);
  }
  EXPECT_EQ(lan.segment->counters().frames_in.get(), sent);
  EXPECT_EQ(lan.segment->counters().frames_out.get(), received);
  EXPECT_GT(lan.drops(DropReason::segment_rx_full), 0U);
  EXPECT_GT(lan.drops(DropReason::segment_unknown_mac), 0U);
  lan.expect_exact();
  EXPECT_EQ(test::in_use(lan.tx_pool), 0U);
  for (const Pool& pool : lan.rx_pools) EXPECT_EQ(test::in_use(pool), 0U);
}

TEST(SegmentTest, looks_by_itself_until_somebody_rings_for_it) {
  Lan lan(2);
  lan.segment->poll(Instant(1000));
  EXPECT_LT(lan.segment->next_wakeup(), Instant::never());
  runtime::Doorbell bell;
  lan.segment->bind(bell);
  EXPECT_EQ(lan.segment->next_wakeup(), Instant::never());
  EXPECT_TRUE(lan.segment->port(0).needs_polling());
  lan.segment->port(0).set_receiver(bell);
  EXPECT_FALSE(lan.segment->port(0).needs_polling());
}

}  // namespace
}  // namespace garrison::io
