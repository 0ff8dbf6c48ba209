#include "apps/forwarder/wide_frames.h"

#include <gtest/gtest.h>

#include <array>

namespace garrison::forwarder {
namespace {

constexpr ForwarderId kA{SiteId(0), Role::primary};
constexpr ForwarderId kB{SiteId(1), Role::primary};
constexpr wire::NetAddress kAddressA{.mac = {2, 0, 0, 0, 0, 1}, .ipv4 = 0x0a020001, .udp_port = 7000};
constexpr wire::NetAddress kAddressB{.mac = {2, 0, 0, 0, 0, 2}, .ipv4 = 0x0a020101, .udp_port = 7001};
constexpr std::size_t kDscpOffset = kEthernetHeaderBytes + 1;

// One of two forwarders, A and B, of sites whose f + 1 servers present alike.
struct End {
  End(ForwarderId self, ForwarderId other, WideFramesConfig config)
      : forwarder({.role = Role::primary,
                   .local = {.n = 4, .f = 1, .threshold = 2, .window = 64},
                   .remote = {.n = 4, .f = 1, .collect_after = 2, .sites = 2, .queue = 64}},
                  Instant()),
        wide({.system = SystemId(1),
              .self = self,
              .incarnation = Incarnation(1),
              .peers = {{other, crypto::SecretBytes(Bytes(32, 9))}}},
             forwarder),
        frames(std::move(config), wide) {}

  void present(std::uint64_t sequence, TrafficClass traffic, std::size_t size) {
    for (std::uint16_t server = 0; server < 2; ++server) {
      static_cast<void>(forwarder.offer(ServerId(server), {SeqNum(sequence), 0b11, traffic},
                                        Bytes(size, static_cast<std::uint8_t>(sequence))));
    }
  }
  [[nodiscard]] Bytes next(Instant now) {
    std::array<std::uint8_t, kMaxFrameBytes> frame{};
    return to_bytes(ByteView(frame).first(frames.next_frame(now, frame)));
  }

  Forwarder forwarder;
  WideEnd wide;
  WideFrames frames;
};

class WideFramesTest : public ::testing::Test {
 protected:
  // All that A has to send, until it has no more.
  std::vector<Bytes> all_of_a() {
    std::vector<Bytes> frames;
    for (Bytes frame = a.next(now); !frame.empty(); frame = a.next(now)) frames.push_back(std::move(frame));
    return frames;
  }

  Instant now = Instant() + seconds(1);
  End a{kA, kB, {.address = kAddressA, .peers = {{kB, kAddressB}}}};
  End b{kB, kA, {.address = kAddressB, .peers = {{kA, kAddressA}}}};
};

TEST_F(WideFramesTest, datagrams_go_as_frames_to_the_address_of_the_other_one) {
  a.present(1, TrafficClass::bounded, 5000);
  const std::vector<Bytes> sent = all_of_a();
  ASSERT_GT(sent.size(), 3U);
  for (const Bytes& frame : sent) {
    wire::Datagram datagram;
    ASSERT_FALSE(wire::parse_datagram_to(kAddressB, frame, datagram).has_value());
    EXPECT_EQ(datagram.from, kAddressA);
    b.frames.on_frame(now, frame);
  }
  EXPECT_EQ(b.frames.counts().received, sent.size());
  const auto arrived = b.forwarder.remote().next(ServerId(0));
  ASSERT_TRUE(arrived.has_value());
  EXPECT_EQ(to_bytes(arrived->message), Bytes(5000, 1));
  EXPECT_EQ(a.frames.counts().sent, sent.size());
}

TEST_F(WideFramesTest, only_what_is_timely_is_marked_so) {
  static_cast<void>(all_of_a());  // its first sign of life
  for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
    a.present(traffic == TrafficClass::timely ? 1 : 2, traffic, 100);
    const std::vector<Bytes> sent = all_of_a();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent.front()[kDscpOffset] >> 2U, traffic == TrafficClass::timely ? wire::kDscpExpedited : 0);
  }
}

TEST_F(WideFramesTest, what_is_not_for_its_port_is_dropped_by_name) {
  a.present(1, TrafficClass::bounded, 100);
  const Bytes frame = all_of_a().back();
  b.frames.on_frame(now, ByteView(frame).first(20));
  EXPECT_EQ(b.frames.drops().get(DropReason::frame_truncated), 1U);
  a.frames.on_frame(now, frame);  // not to A
  EXPECT_EQ(a.frames.drops().get(DropReason::frame_not_ours), 1U);
  Bytes forged = frame;
  forged.back() ^= 1U;
  b.frames.on_frame(now, forged);
  EXPECT_EQ(b.frames.drops().total(), 2U);
  b.frames.on_frame(now, frame);
  EXPECT_TRUE(b.forwarder.remote().next(ServerId(0)).has_value());
}

TEST(PacedWideFramesTest, frames_wait_for_the_rate_of_the_site) {
  const std::uint64_t rate = 100'000;  // bytes/s
  End a(kA, kB, {.address = kAddressA, .peers = {{kB, kAddressB}}, .pacing = {.bytes_per_s = rate}});
  Instant now = Instant() + seconds(1);
  a.present(1, TrafficClass::bounded, 50'000);
  const Instant begin = now;
  std::size_t bytes = 0;
  std::size_t waits = 0;
  while (bytes < 50'000) {
    const Bytes frame = a.next(now);
    bytes += frame.size();
    if (!frame.empty()) continue;
    ASSERT_LT(now, a.frames.next_wakeup());
    now = a.frames.next_wakeup();
    ++waits;
  }
  EXPECT_GT(waits, 10U);
  const double spent = (now - begin).seconds();
  EXPECT_NEAR(static_cast<double>(bytes) / static_cast<double>(rate), spent, 0.1);
}

}  // namespace
}  // namespace garrison::forwarder
