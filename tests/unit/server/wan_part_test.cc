// Wide-area ports of servers of three sites, joined by hand.
#include "apps/server/wan_part.h"

#include <gtest/gtest.h>

#include <map>

#include "apps/server/queues.h"
#include "dataplane/link/wide_config.h"

namespace garrison::server {
namespace {

constexpr std::size_t kSites = 3;
constexpr ServerId kServer(0);  // of every site

wire::NetAddress address(std::size_t site) {
  const auto last = static_cast<std::uint8_t>(site + 1);
  return {.mac = {2, 0, 0, 0, 0, last}, .ipv4 = 0x0a000000U + last, .udp_port = 7800};
}

SiteId site_id(std::size_t i) { return SiteId(static_cast<std::uint16_t>(i)); }

link::ChannelConfig channel() {
  link::ChannelConfig config =
      link::wide_channel_config({.bytes_per_s = 1'000'000, .round_trip = milliseconds(40), .jitter = milliseconds(5)});
  config.max_message_bytes = 8 * 1024;
  return config;
}

class WanPartTest : public ::testing::Test {
 protected:
  struct Port {
    WanQueues queues;
    std::unique_ptr<Slab> send_slab;
    std::unique_ptr<WanPart> part;
  };

  void start(std::size_t received_capacity = 4096, const link::Pacer::Config& pacing = {}) {
    for (std::size_t i = 0; i < kSites; ++i) {
      Port& port = ports_[i];
      WanConfig config{.system = SystemId(5),
                       .site = site_id(i),
                       .self = kServer,
                       .incarnation = Incarnation(1),
                       .address = address(i),
                       .pacing = pacing,
                       .sites = {}};
      for (std::size_t j = 0; j < kSites; ++j) {
        if (j == i) continue;
        WanSite& remote = config.sites.emplace_back();
        remote.site = site_id(j);
        remote.channel = channel();
        remote.peers.push_back({.secret = {kServer, crypto::SecretBytes(Bytes(32, 3))}, .address = address(j)});
      }
      const std::size_t slots = slots_of(plan_wan_receive_slab(config.sites).classes);
      port.queues =
          make_wan_queues(slots, [&]<typename T>(std::size_t capacity, Part consumer) -> std::unique_ptr<Queue<T>> {
            return std::make_unique<PlainQueue<T>>(consumer == Part::crypto ? received_capacity : capacity);
          });
      constexpr std::array<SlabClass, 1> kClasses{{{8 * 1024, 64}}};
      port.send_slab = std::make_unique<Slab>(kClasses, 1, std::size_t{64} * 8 * 1024);
      port.part = std::make_unique<WanPart>(std::move(config), port.queues, *port.send_slab);
    }
  }

  SlotRef send(std::size_t from, std::size_t to, std::uint8_t mark, std::size_t size,
               TrafficClass traffic = TrafficClass::bounded) {
    const SlotRef slot = ports_[from].send_slab->allocate(0, size).value();
    std::fill_n(ports_[from].send_slab->bytes(slot).begin(), size, mark);
    EXPECT_TRUE(ports_[from].queues.to_send->push_one({slot, site_id(to), ServerSet::only(kServer), traffic}));
    return slot;
  }

  // Every frame reaches the port it is addressed to after 20 ms.
  void run(Duration span) {
    const Instant end = now_ + span;
    for (; now_ <= end; now_ = now_ + milliseconds(1)) {
      for (; !wire_.empty() && wire_.begin()->first <= now_; wire_.erase(wire_.begin())) {
        for (std::size_t i = 0; i < kSites; ++i) {
          if (equal(ByteView(wire_.begin()->second).first(6), address(i).mac)) {
            ports_[i].part->on_frame(now_, wire_.begin()->second);
          }
        }
      }
      for (Port& port : ports_) {
        port.part->poll(now_);
        Bytes frame(kMaxFrameBytes);
        while (const std::size_t size = port.part->next_frame(now_, frame)) {
          wire_.emplace(now_ + milliseconds(20), Bytes(frame.begin(), frame.begin() + static_cast<long>(size)));
        }
        port.part->poll(now_);
      }
    }
  }

  std::optional<WanInbound> received(std::size_t site, TrafficClass traffic = TrafficClass::bounded) {
    WanQueues& queues = ports_[site].queues;
    WanInbound inbound;
    auto& queue = traffic == TrafficClass::timely ? queues.received_timely : queues.received_bounded;
    if (!queue->pop_one(inbound)) return std::nullopt;
    return inbound;
  }

  Instant now_ = Instant(1'000'000'000);
  std::array<Port, kSites> ports_;
  std::multimap<Instant, Bytes> wire_;
};

TEST_F(WanPartTest, a_message_reaches_the_site_it_is_for_and_its_slots_come_back) {
  start();
  run(milliseconds(200));
  const SlotRef bounded = send(0, 2, 0x51, 5'000);
  const SlotRef timely = send(0, 2, 0x52, 300, TrafficClass::timely);
  run(milliseconds(200));
  EXPECT_FALSE(received(1));
  const auto first = received(2);
  const auto second = received(2, TrafficClass::timely);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->from_site, site_id(0));
  EXPECT_EQ(first->from, kServer);
  EXPECT_EQ(first->traffic, TrafficClass::bounded);
  EXPECT_EQ(second->traffic, TrafficClass::timely);
  const Slab& slab = ports_[2].part->receive_slab();
  EXPECT_EQ(to_bytes(slab.bytes(first->slot)), Bytes(5'000, 0x51));
  EXPECT_EQ(to_bytes(slab.bytes(second->slot)), Bytes(300, 0x52));

  std::vector<std::uint32_t> sent;
  SlotRef slot;
  while (ports_[0].queues.sent->pop_one(slot)) sent.push_back(slot.slot);
  std::sort(sent.begin(), sent.end());
  std::vector<std::uint32_t> expected{bounded.slot, timely.slot};
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(sent, expected);

  EXPECT_EQ(slab.slots_in_use(), 2U);
  EXPECT_TRUE(ports_[2].queues.consumed->push_one(first->slot));
  EXPECT_TRUE(ports_[2].queues.refused->push_one(second->slot));
  run(milliseconds(1));
  EXPECT_EQ(slab.slots_in_use(), 0U);
}

TEST_F(WanPartTest, frames_carry_the_addresses_of_both_ports_and_the_priority_of_their_class) {
  start();
  run(milliseconds(200));
  wire_.clear();
  send(0, 1, 1, 100, TrafficClass::timely);
  ports_[0].part->poll(now_);
  Bytes frame(kMaxFrameBytes);
  frame.resize(ports_[0].part->next_frame(now_, frame));
  wire::Datagram datagram;
  ASSERT_FALSE(wire::parse_datagram_to(address(1), frame, datagram));
  EXPECT_EQ(datagram.from, address(0));
  EXPECT_EQ(datagram.dscp, wire::kDscpExpedited);
}

TEST_F(WanPartTest, what_crypto_has_no_room_for_waits_and_comes_in_order) {
  start(4);
  run(milliseconds(200));
  for (std::uint8_t mark = 0; mark < 40; ++mark) send(0, 1, mark, 4'000);
  run(seconds(1));
  for (std::uint8_t mark = 0; mark < 40; ++mark) {
    const auto inbound = received(1);
    ASSERT_TRUE(inbound) << static_cast<int>(mark);
    EXPECT_EQ(ports_[1].part->receive_slab().bytes(inbound->slot)[0], mark);
    EXPECT_TRUE(ports_[1].queues.consumed->push_one(inbound->slot));
    run(milliseconds(2));
  }
  EXPECT_EQ(ports_[1].part->receive_slab().slots_in_use(), 0U);
}

TEST_F(WanPartTest, a_peer_whose_messages_nobody_takes_leaves_the_others_their_memory) {
  start(1);
  run(milliseconds(200));
  const std::size_t quota = link::wide_quota_bytes(channel());
  for (int round = 0; round < 20; ++round) {  // far more than its quota
    for (std::uint8_t mark = 0; mark < 30; ++mark) {
      const auto slot = ports_[0].send_slab->allocate(0, 8 * 1024);
      if (!slot) break;
      EXPECT_TRUE(
          ports_[0].queues.to_send->push_one({*slot, site_id(1), ServerSet::only(kServer), TrafficClass::bounded}));
    }
    run(milliseconds(100));
    SlotRef sent;
    while (ports_[0].queues.sent->pop_one(sent)) ports_[0].send_slab->free(sent);
  }
  const Slab& slab = ports_[1].part->receive_slab();
  EXPECT_LE(slab.used_bytes(0), quota);
  EXPECT_GT(slab.used_bytes(0), quota / 2);
  EXPECT_GT(ports_[1].part->drops().get(DropReason::chunk_no_slot), 0U);
  send(2, 1, 9, 8'000, TrafficClass::timely);
  run(milliseconds(100));
  const auto inbound = received(1, TrafficClass::timely);
  ASSERT_TRUE(inbound);
  EXPECT_EQ(inbound->from_site, site_id(2));
}

TEST_F(WanPartTest, a_frame_for_another_port_is_dropped_and_counted) {
  start();
  Bytes frame(kMaxFrameBytes);
  ports_[0].part->poll(now_);
  frame.resize(ports_[0].part->next_frame(now_, frame));  // HELLO to site 1
  ports_[2].part->on_frame(now_, frame);
  EXPECT_EQ(ports_[2].part->drops().get(DropReason::frame_not_ours), 1U);
  EXPECT_EQ(ports_[2].part->frames_received(), 1U);
  EXPECT_EQ(ports_[2].part->bytes_received(), frame.size());
  EXPECT_EQ(ports_[0].part->bytes_sent(), frame.size());
}

TEST_F(WanPartTest, the_port_sends_no_faster_than_its_rate_and_says_when_it_may) {
  start(4096, {.bytes_per_s = 100'000, .burst_bytes = 3'000});
  run(milliseconds(500));
  const std::uint64_t before = ports_[0].part->bytes_sent();
  for (std::uint8_t mark = 0; mark < 20; ++mark) send(0, 1 + mark % 2, mark, 4'000);
  run(milliseconds(500));
  const std::uint64_t sent = ports_[0].part->bytes_sent() - before;
  EXPECT_LE(sent, 50'000 + 3'000 + kMaxFrameBytes);
  EXPECT_GE(sent, 45'000U);
  EXPECT_GT(ports_[0].part->next_wakeup(), now_ - milliseconds(1));
  EXPECT_LE(ports_[0].part->next_wakeup(), now_ + milliseconds(16));
}

}  // namespace
}  // namespace garrison::server
