#include "dataplane/io/wide_area.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "dataplane/base/rng.h"
#include "dataplane/wire/frame.h"
#include "tests/unit/runtime/eal_environment.h"

namespace garrison::io {
namespace {

using test::bytes_of;
using test::ethernet;
using test::free_frame;
using test::make_frame;
using test::tag_of;

constexpr Duration kDelay = milliseconds(10);
constexpr std::size_t kTrafficByte = 15;

MacAddress mac(std::uint8_t n) { return {0x02, 0, 0, 0, 1, n}; }

// Ports 0 and 1 are of site A, 2 and 3 of site B, each with its own pool; driven by hand.
struct Wan {
  explicit Wan(std::size_t slots = 64, std::size_t frames = 64, std::uint64_t bytes_per_s = 0) {
    std::vector<WideAreaPort> config;
    for (std::size_t i = 0; i < 4; ++i) {
      rx_pools.push_back(test::test_pool(255));
      config.push_back({{"p" + std::to_string(i), mac(static_cast<std::uint8_t>(i)), rx_pools.back().get()},
                        SiteId(static_cast<std::uint16_t>(i / 2))});
    }
    stage = std::make_unique<WideAreaStage>(
        "wan", config,
        WideAreaConfig{
            .bytes_per_s = {bytes_per_s, bytes_per_s}, .delay = {{{}, kDelay}, {kDelay, {}}}, .frames = frames},
        slots);
  }
  bool send(std::size_t from, const Bytes& frame) {
    rte_mbuf* mbuf = make_frame(tx_pool, frame);
    if (mbuf == nullptr) return false;
    const bool sent = stage->port(from).tx_burst({&mbuf, 1}) == 1;
    if (!sent) free_frame(mbuf);
    return sent;
  }
  std::vector<Bytes> receive(std::size_t at) {
    std::array<rte_mbuf*, 256> frames{};
    const std::size_t count = stage->port(at).rx_burst(frames);
    std::vector<Bytes> got;
    for (std::size_t i = 0; i < count; ++i) {
      got.push_back(to_bytes(bytes_of(frames[i])));
      free_frame(frames[i]);
    }
    return got;
  }
  void settle(Duration until) {
    while (stage->poll(Instant() + until) != 0) {
    }
  }
  [[nodiscard]] std::uint64_t drops(DropReason reason) const { return stage->counters().drops.get(reason); }
  void expect_exact() const {
    const SegmentCounters& c = stage->counters();
    EXPECT_EQ(c.copies_due.get(), c.frames_out.get() + c.drops.total() + stage->held());
  }

  Pool tx_pool = test::test_pool(1023);
  std::vector<Pool> rx_pools;
  std::unique_ptr<WideAreaStage> stage;  // destroyed before the pools it holds mbufs of
};

TEST(WideAreaTest, a_frame_reaches_its_destination_in_another_site_after_the_delay) {
  Wan wan;
  const Bytes sent = ethernet(mac(2), mac(0), 77);
  ASSERT_TRUE(wan.send(0, sent));
  wan.settle({});
  EXPECT_EQ(test::in_use(wan.tx_pool), 0U);  // the sender's buffer is free while its frame is under way
  EXPECT_EQ(wan.stage->held(), 1U);
  wan.expect_exact();
  wan.settle(kDelay - nanoseconds(1));
  EXPECT_TRUE(wan.receive(2).empty());
  wan.settle(kDelay);
  EXPECT_EQ(wan.receive(2), std::vector<Bytes>{sent});
  EXPECT_TRUE(wan.receive(3).empty());
  wan.expect_exact();
}

TEST(WideAreaTest, sleeps_until_a_frame_arrives) {
  Wan wan;
  runtime::Doorbell bell;
  wan.stage->bind(bell);
  EXPECT_EQ(wan.stage->next_wakeup(), Instant::never());
  ASSERT_TRUE(wan.send(0, ethernet(mac(2), mac(0), 1)));
  wan.settle({});
  EXPECT_EQ(wan.stage->next_wakeup(), Instant() + kDelay);
  wan.settle(kDelay);
  EXPECT_EQ(wan.stage->next_wakeup(), Instant::never());
}

TEST(WideAreaTest, expedited_frames_overtake_what_waits_at_their_site) {
  Wan wan(64, 64, 1'000'000);
  Bytes expedited = ethernet(mac(2), mac(1), 3, 64);
  expedited.at(kTrafficByte) = wire::kDscpExpedited << 2U;
  Bytes ordinary = ethernet(mac(2), mac(0), 1, 64);
  ordinary.at(kTrafficByte) = 0;
  ASSERT_TRUE(wan.send(0, ordinary));
  ASSERT_TRUE(wan.send(0, ordinary));
  ASSERT_TRUE(wan.send(1, expedited));
  wan.settle({});
  wan.settle(seconds(1));
  const std::vector<Bytes> got = wan.receive(2);
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[0], ordinary);  // was being sent when the expedited one came
  EXPECT_EQ(got[1], expedited);
  EXPECT_EQ(got[2], ordinary);
}

TEST(WideAreaTest, frames_to_nobody_to_a_group_within_a_site_and_without_a_header_are_named_drops) {
  Wan wan;
  ASSERT_TRUE(wan.send(0, ethernet(mac(9), mac(0), 1)));
  ASSERT_TRUE(wan.send(0, ethernet(kBroadcastMac, mac(0), 2)));
  ASSERT_TRUE(wan.send(0, ethernet(mac(1), mac(0), 3)));
  ASSERT_TRUE(wan.send(0, Bytes(13)));
  wan.settle(seconds(1));
  EXPECT_EQ(wan.drops(DropReason::segment_unknown_mac), 3U);
  EXPECT_EQ(wan.drops(DropReason::frame_truncated), 1U);
  EXPECT_EQ(wan.stage->counters().frames_out.get(), 0U);
  wan.expect_exact();
}

TEST(WideAreaTest, what_a_site_has_no_room_for_is_a_named_drop) {
  Wan wan(64, 2);
  for (std::uint32_t tag = 0; tag < 5; ++tag) ASSERT_TRUE(wan.send(0, ethernet(mac(2), mac(0), tag)));
  wan.settle({});
  EXPECT_EQ(wan.drops(DropReason::port_tx_full), 3U);
  wan.expect_exact();
  wan.settle(kDelay);
  EXPECT_EQ(wan.receive(2).size(), 2U);
}

TEST(WideAreaTest, accounting_is_exact_under_overload_of_tiny_rings) {
  Rng rng(7);
  Wan wan(3, 16);
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  Duration now;
  for (std::uint32_t tag = 1; tag <= 20'000; ++tag) {
    now = now + microseconds(static_cast<std::int64_t>(rng.below(200)));
    const std::size_t from = rng.below(4);
    const MacAddress to = mac(static_cast<std::uint8_t>(rng.below(6)));
    if (wan.send(from, ethernet(to, mac(static_cast<std::uint8_t>(from)), tag))) ++sent;
    if (rng.chance(300'000)) wan.stage->poll(Instant() + now);
    wan.expect_exact();
    if (rng.chance(100'000)) received += wan.receive(rng.below(4)).size();
  }
  wan.settle(now + seconds(1));
  for (std::size_t at = 0; at < 4; ++at) received += wan.receive(at).size();
  EXPECT_EQ(wan.stage->counters().frames_in.get(), sent);
  EXPECT_EQ(wan.stage->counters().frames_out.get(), received);
  EXPECT_GT(wan.drops(DropReason::segment_rx_full), 0U);
  EXPECT_EQ(wan.stage->held(), 0U);
  wan.expect_exact();
  EXPECT_EQ(test::in_use(wan.tx_pool), 0U);
  for (const Pool& pool : wan.rx_pools) EXPECT_EQ(test::in_use(pool), 0U);
}

}  // namespace
}  // namespace garrison::io
