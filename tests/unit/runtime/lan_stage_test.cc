#include "dataplane/stages/lan_stage.h"

#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <thread>
#include <vector>

#include "dataplane/base/bounds.h"
#include "dataplane/io/segment.h"
#include "dataplane/runtime/worker.h"
#include "tests/unit/runtime/eal_environment.h"

namespace garrison::stages {
namespace {

using io::MacAddress;
using test::ethernet;
using test::tag_of;

MacAddress mac(std::uint8_t n) { return {0x02, 0, 0, 0, 1, n}; }

// Sends `to_send` numbered frames to its peer and records the numbers it hears.
class NumberedEndpoint final : public FrameEndpoint {
 public:
  NumberedEndpoint(MacAddress me, MacAddress peer, std::uint32_t to_send) : me_(me), peer_(peer), to_send_(to_send) {}

  void on_frame(Instant /*now*/, ByteView frame) override {
    // Relaxed stores by one writer: the test's thread only waits for the count.
    in_order = in_order && tag_of(frame) == heard.load(std::memory_order_relaxed);
    heard.store(heard.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  std::size_t next_frame(Instant /*now*/, MutableBytes out) override {
    ++asked;
    EXPECT_GE(out.size(), kMaxFrameBytes);
    if (sent_ == to_send_) return 0;
    const Bytes frame = ethernet(peer_, me_, sent_, 60 + sent_ % 1000);
    ++sent_;
    std::ranges::copy(frame, out.begin());
    return frame.size();
  }
  [[nodiscard]] Instant next_wakeup() const override { return wakeup; }
  void poll(Instant /*now*/) override { ++polls; }

  std::atomic<std::uint32_t> heard{0};
  bool in_order = true;
  std::uint32_t asked = 0;
  std::uint32_t polls = 0;
  Instant wakeup = Instant::never();

 private:
  MacAddress me_;
  MacAddress peer_;
  std::uint32_t to_send_;
  std::uint32_t sent_ = 0;
};

// A port that takes as many frames as it is told to.
class ScriptedPort final : public io::Port {
 public:
  ~ScriptedPort() override {
    for (rte_mbuf* const frame : taken) test::free_frame(frame);
  }
  std::size_t rx_burst(std::span<rte_mbuf*> out) override {
    std::size_t given = 0;
    for (; given < out.size() && !arriving.empty(); arriving.pop_front()) out[given++] = arriving.front();
    return given;
  }
  std::size_t tx_burst(std::span<rte_mbuf*> frames) override {
    const std::size_t takes = std::min(room, frames.size());
    room -= takes;
    taken.insert(taken.end(), frames.begin(), frames.begin() + takes);
    return takes;
  }
  [[nodiscard]] MacAddress mac() const override { return {}; }
  [[nodiscard]] bool needs_polling() const override { return polling; }
  [[nodiscard]] std::string_view name() const override { return "scripted"; }
  [[nodiscard]] io::PortStats stats() const override { return {}; }

  std::deque<rte_mbuf*> arriving;
  std::vector<rte_mbuf*> taken;
  std::size_t room = 0;
  bool polling = false;
};

TEST(LanStageTest, frames_the_port_did_not_take_are_kept_in_order_and_nothing_more_is_asked_for) {
  const io::Pool pool = test::test_pool();
  {
    ScriptedPort port;
    NumberedEndpoint endpoint(mac(0), mac(1), 50);
    LanStage stage("lan", port, endpoint, *pool);
    port.room = 10;
    EXPECT_EQ(stage.poll(Instant()), 10U);
    EXPECT_EQ(endpoint.asked, LanStage::kBurst);
    EXPECT_EQ(stage.poll(Instant()), 0U);
    EXPECT_EQ(endpoint.asked, LanStage::kBurst);
    EXPECT_EQ(test::in_use(pool), LanStage::kBurst);
    port.room = 1000;
    while (stage.poll(Instant()) != 0) {
    }
    ASSERT_EQ(port.taken.size(), 50U);
    for (std::uint32_t i = 0; i < 50; ++i) EXPECT_EQ(tag_of(test::bytes_of(port.taken[i])), i);
    EXPECT_EQ(stage.counters().tx_frames.get(), 50U);
    EXPECT_EQ(stage.counters().drops.total(), 0U);
  }
  EXPECT_EQ(test::in_use(pool), 0U);
}

TEST(LanStageTest, what_is_pending_when_it_ends_goes_back_to_the_pool) {
  const io::Pool pool = test::test_pool();
  {
    ScriptedPort port;
    NumberedEndpoint endpoint(mac(0), mac(1), 5);
    LanStage stage("lan", port, endpoint, *pool);
    stage.poll(Instant());
    EXPECT_EQ(test::in_use(pool), 6U);  // five pending and the spare
  }
  EXPECT_EQ(test::in_use(pool), 0U);
}

TEST(LanStageTest, received_buffers_are_free_after_the_pass_and_segmented_ones_are_dropped_by_name) {
  const io::Pool pool = test::test_pool();
  {
    ScriptedPort port;
    NumberedEndpoint endpoint(mac(0), mac(1), 0);
    LanStage stage("lan", port, endpoint, *pool);
    rte_mbuf* const jumbo = test::make_frame(pool, ethernet(mac(0), mac(1), 99));
    ASSERT_EQ(rte_pktmbuf_chain(jumbo, test::make_frame(pool, Bytes(100))), 0);
    port.arriving = {test::make_frame(pool, ethernet(mac(0), mac(1), 0)), jumbo,
                     test::make_frame(pool, ethernet(mac(0), mac(1), 1))};
    EXPECT_EQ(stage.poll(Instant()), 3U);
    EXPECT_EQ(endpoint.heard, 2U);
    EXPECT_TRUE(endpoint.in_order);
    EXPECT_EQ(stage.counters().rx_frames.get(), 3U);
    EXPECT_EQ(stage.counters().drops.get(DropReason::frame_oversized), 1U);
    EXPECT_EQ(test::in_use(pool), 1U);  // the spare for transmission
  }
  EXPECT_EQ(test::in_use(pool), 0U);
}

TEST(LanStageTest, an_empty_pool_loses_no_frame) {
  const io::Pool pool = test::test_pool(15);
  ScriptedPort port;
  NumberedEndpoint endpoint(mac(0), mac(1), 3);
  LanStage stage("lan", port, endpoint, *pool);
  std::vector<rte_mbuf*> held;
  while (rte_mbuf* const mbuf = test::make_frame(pool, Bytes(20))) held.push_back(mbuf);
  port.room = 100;
  EXPECT_EQ(stage.poll(Instant()), 0U);
  EXPECT_EQ(endpoint.asked, 0U);
  EXPECT_EQ(stage.counters().tx_no_mbuf.get(), 1U);
  EXPECT_LT(stage.next_wakeup(), Instant::never());  // nobody rings when a buffer comes back
  for (rte_mbuf* const mbuf : held) test::free_frame(mbuf);
  while (stage.poll(Instant()) != 0) {
  }
  EXPECT_EQ(port.taken.size(), 3U);
  EXPECT_EQ(stage.next_wakeup(), Instant::never());
}

TEST(LanStageTest, wakes_for_the_endpoint_and_looks_at_ports_that_cannot_tell) {
  const io::Pool pool = test::test_pool();
  ScriptedPort port;
  NumberedEndpoint endpoint(mac(0), mac(1), 0);
  LanStage stage("lan", port, endpoint, *pool);
  const Instant now(1'000'000'000);
  stage.poll(now);
  EXPECT_EQ(stage.next_wakeup(), Instant::never());
  endpoint.wakeup = now + seconds(1);
  EXPECT_EQ(stage.next_wakeup(), endpoint.wakeup);
  port.polling = true;
  EXPECT_GT(stage.next_wakeup(), now);
  EXPECT_LT(stage.next_wakeup(), endpoint.wakeup);
}

TEST(LanStageTest, looks_again_soon_while_the_port_refuses_frames) {
  const io::Pool pool = test::test_pool();
  ScriptedPort port;
  NumberedEndpoint endpoint(mac(0), mac(1), 1);
  LanStage stage("lan", port, endpoint, *pool);
  stage.poll(Instant(5));
  EXPECT_LT(stage.next_wakeup(), Instant::never());
}

// Two servers and the switch between them, each on its own worker, all of them sleeping whenever they can.
TEST(LanStageTest, two_stages_on_their_own_workers_exchange_frames_over_a_segment) {
  constexpr std::uint32_t kFrames = 20'000;
  const std::array<io::Pool, 2> rx_pools = {test::test_pool(2047), test::test_pool(2047)};
  const std::array<io::Pool, 2> tx_pools = {test::test_pool(1023), test::test_pool(1023)};
  {
    io::SegmentStage segment("segment", {{"a", mac(0), rx_pools[0].get()}, {"b", mac(1), rx_pools[1].get()}}, 1024);
    NumberedEndpoint a(mac(0), mac(1), kFrames);
    NumberedEndpoint b(mac(1), mac(0), kFrames);
    LanStage stage_a("a", segment.port(0), a, *tx_pools[0]);
    LanStage stage_b("b", segment.port(1), b, *tx_pools[1]);
    const auto options = [](const char* name) {
      return runtime::WorkerOptions{
          .name = name, .ladder = runtime::IdleLadder::shared_cores(), .longest_sleep = seconds(3600)};
    };
    runtime::Worker worker_a(options("a"));
    runtime::Worker worker_b(options("b"));
    runtime::Worker worker_s(options("switch"));
    worker_a.add(stage_a);
    worker_b.add(stage_b);
    worker_s.add(segment);
    segment.bind(worker_s.doorbell());
    segment.port(0).set_receiver(worker_a.doorbell());
    segment.port(1).set_receiver(worker_b.doorbell());
    ASSERT_TRUE(worker_a.start().ok() && worker_b.start().ok() && worker_s.start().ok());

    const auto settled = [&] {
      const std::uint64_t lost = segment.counters().drops.total();
      return a.heard + b.heard + lost == 2 * kFrames;
    };
    while (!settled()) std::this_thread::yield();
    worker_a.stop();
    worker_b.stop();
    worker_s.stop();
    const io::SegmentCounters& counters = segment.counters();
    EXPECT_EQ(counters.frames_in.get(), 2 * kFrames);
    EXPECT_EQ(counters.copies_due.get(), counters.frames_out.get() + counters.drops.total());
    EXPECT_EQ(stage_a.counters().rx_frames.get() + stage_b.counters().rx_frames.get(), counters.frames_out.get());
    EXPECT_GT(a.heard, 0U);
    EXPECT_GT(b.heard, 0U);
    // A full ring is the only loss there may be, and without one the order is complete.
    EXPECT_EQ(counters.drops.total(),
              counters.drops.get(DropReason::segment_rx_full) + counters.drops.get(DropReason::port_rx_no_mbuf));
    if (counters.drops.total() == 0) {
      EXPECT_TRUE(a.in_order && b.in_order);
    }
  }
  for (const io::Pool& pool : rx_pools) EXPECT_EQ(test::in_use(pool), 0U);
  for (const io::Pool& pool : tx_pools) EXPECT_EQ(test::in_use(pool), 0U);
}

}  // namespace
}  // namespace garrison::stages
