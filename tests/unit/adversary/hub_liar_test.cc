#include "apps/adversary/hub_liar.h"

#include <gtest/gtest.h>

#include <memory>

#include "dataplane/wire/frame.h"

namespace garrison::adversary {
namespace {

constexpr Instant kStart{20'000'000'000};

// Parts for a hub, and others, that leave when a server wants to send as many.
std::size_t sent(HubLiar& liar, Instant now, std::size_t on_hub, std::size_t others = 0) {
  site::Member::Outputs outputs;
  for (std::size_t i = 0; i < on_hub + others; ++i) {
    site::Member::SendPart& part = outputs.send.emplace_back();
    if (i < on_hub) part.hub = std::make_shared<site::Member::OnHub>();
  }
  liar.tamper(now, outputs);
  return outputs.send.size();
}

TEST(HubLiarTest, a_late_one_holds_its_parts_back_and_nothing_else) {
  HubLiar liar(HubLie::late, 4, Duration(), milliseconds(100));
  EXPECT_EQ(sent(liar, kStart, 2, 3), 3U);
  EXPECT_EQ(sent(liar, kStart + milliseconds(99), 0), 0U);
  EXPECT_EQ(sent(liar, kStart + milliseconds(100), 1), 2U);
  EXPECT_EQ(liar.acted(), 3U);
}

TEST(HubLiarTest, with_a_period_it_behaves_for_half_of_it) {
  HubLiar liar(HubLie::late, 4, seconds(10), milliseconds(100));
  for (const std::int64_t round : {0, 1}) {
    const Instant begin = kStart + seconds(10) * round;
    EXPECT_EQ(sent(liar, begin, 1), 0U);
    EXPECT_EQ(sent(liar, begin + milliseconds(4999), 1), 1U) << "the one of before";
    EXPECT_EQ(sent(liar, begin + milliseconds(5000), 1), 1U);
    EXPECT_EQ(sent(liar, begin + milliseconds(5500), 1), 2U) << "and the last that it held back";
  }
}

TEST(HubLiarTest, a_greedy_one_marks_what_it_sends_timely_and_sends_it_again) {
  HubLiar liar(HubLie::greedy, 4);
  Bytes frame(200, 7);
  const wire::NetAddress from{.mac = {2, 0, 0, 0, 0, 1}, .ipv4 = 0x0a000001, .udp_port = 1};
  const wire::NetAddress to{.mac = {2, 0, 0, 0, 0, 2}, .ipv4 = 0x0a000002, .udp_port = 2};
  wire::encapsulate(frame, from, to, TrafficClass::bounded, wire::UdpChecksum::none);
  const HubLiar::OnHub does = liar.on_frame(frame);
  EXPECT_FALSE(does.leaves);
  ASSERT_EQ(does.before.size(), 1U);
  EXPECT_EQ(does.again, does.before.front());
  wire::Datagram sent;
  ASSERT_FALSE(wire::parse_datagram(does.before.front(), sent).has_value());
  EXPECT_EQ(sent.dscp, wire::kDscpExpedited);
  EXPECT_EQ(sent.from, from);
  EXPECT_EQ(sent.to, to);
  EXPECT_EQ(to_bytes(sent.payload), Bytes(200 - kEncapsulationBytes, 7));
  EXPECT_EQ(liar.acted(), 1U);
}

}  // namespace
}  // namespace garrison::adversary
