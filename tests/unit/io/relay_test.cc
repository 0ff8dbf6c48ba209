#include "dataplane/io/relay.h"

#include <gtest/gtest.h>

#include <string>

#include "dataplane/base/bounds.h"
#include "dataplane/wire/frame.h"

namespace garrison::io {
namespace {

constexpr SiteId kA(0);
constexpr SiteId kB(1);
constexpr SiteId kC(2);
constexpr Duration kDelay = milliseconds(10);

Instant at(Duration since_start) { return Instant() + since_start; }
MacAddress mac(std::uint8_t n) { return {0x02, 0, 0, 0, 0, n}; }

Bytes frame(const MacAddress& to, const MacAddress& from, std::uint8_t tag, std::size_t size = 60) {
  Bytes made(size, tag);
  std::copy(to.begin(), to.end(), made.begin());
  std::copy(from.begin(), from.end(), made.begin() + 6);
  return made;
}

// Three sites, 10 ms apart. Of A address 1 is known, of B 2.
class RelayTest : public testing::Test {
 protected:
  static WideAreaConfig paths(std::size_t frames = 8, std::uint32_t loss_ppm = 0, Duration jitter = Duration()) {
    const auto all = [](auto value) { return std::vector(3, std::vector(3, value)); };
    return {.bytes_per_s = {0, 0, 0},
            .delay = all(kDelay),
            .jitter = all(jitter),
            .loss_ppm = all(loss_ppm),
            .frames = frames};
  }
  explicit RelayTest(const WideAreaConfig& config = paths()) : relay_(config, {{mac(1), kA}, {mac(2), kB}}) {}
  ~RelayTest() override {
    const RelayCounts& counts = relay_.counts();
    EXPECT_EQ(counts.frames_in + counts.copies, counts.local + counts.delivered + counts.unknown + counts.malformed +
                                                    counts.full + relay_.lost() + relay_.held());
  }

  // Tags of what comes to a site by then.
  std::string comes(SiteId to, Duration until) {
    std::string tags;
    Bytes out(kMaxFrameBytes);
    while (const std::size_t size = relay_.next_frame(at(until), to, out)) {
      tags += static_cast<char>(out[size - 1]);
    }
    return tags;
  }

  Relay relay_;
};

TEST_F(RelayTest, a_frame_for_another_site_comes_there_after_the_delay_and_to_no_other) {
  relay_.on_frame(at({}), kA, frame(mac(2), mac(1), 'x'));
  EXPECT_EQ(comes(kB, kDelay - nanoseconds(1)), "");
  EXPECT_EQ(relay_.next_wakeup(), at(kDelay));
  EXPECT_EQ(comes(kB, kDelay), "x");
  EXPECT_EQ(comes(kC, seconds(1)) + comes(kA, seconds(1)), "");
}

TEST_F(RelayTest, what_stays_in_its_site_is_none_of_its_business) {
  relay_.on_frame(at({}), kA, frame(mac(1), mac(7), 'x'));
  EXPECT_EQ(relay_.counts().local, 1U);
  EXPECT_EQ(comes(kB, seconds(1)), "");
}

TEST_F(RelayTest, a_host_is_found_once_it_has_been_heard) {
  relay_.on_frame(at({}), kA, frame(mac(9), mac(1), '1'));
  EXPECT_EQ(relay_.counts().unknown, 1U);
  relay_.on_frame(at({}), kC, frame(kBroadcastMac, mac(9), '2'));
  EXPECT_EQ(comes(kA, kDelay) + comes(kB, kDelay), "22") << "a question for all, such as ARP's";
  relay_.on_frame(at(kDelay), kA, frame(mac(9), mac(1), '3'));
  EXPECT_EQ(comes(kC, kDelay * 2), "3");
}

TEST_F(RelayTest, nobody_takes_an_address_away) {
  relay_.on_frame(at({}), kC, frame(kBroadcastMac, mac(2), '1'));
  relay_.on_frame(at(milliseconds(1)), kA, frame(mac(2), mac(1), '2'));
  EXPECT_EQ(comes(kB, kDelay * 2), "12");
}

TEST_F(RelayTest, frames_that_are_none_are_dropped) {
  relay_.on_frame(at({}), kA, Bytes(kEthernetHeaderBytes - 1));
  relay_.on_frame(at({}), kA, frame(mac(2), mac(1), 'x', kMaxFrameBytes + 1));
  relay_.on_frame(at({}), kA, frame(mac(2), kBroadcastMac, 'x'));
  EXPECT_EQ(relay_.counts().malformed, 3U);
  EXPECT_EQ(comes(kB, seconds(1)), "");
}

TEST_F(RelayTest, what_its_uplink_has_no_room_for_is_dropped_and_who_sends_it_leaves_some_to_others) {
  for (int i = 0; i < 10; ++i) relay_.on_frame(at({}), kA, frame(mac(2), mac(1), 'x'));
  EXPECT_EQ(relay_.counts().full, 4U);
  for (const std::uint8_t unknown : Bytes{7, 8, 9}) relay_.on_frame(at({}), kA, frame(mac(2), mac(unknown), 'y'));
  EXPECT_EQ(relay_.counts().full, 5U) << "who is not known beforehand shares one part";
  EXPECT_EQ(comes(kB, kDelay), "xxxxxxyy");
}

TEST_F(RelayTest, it_learns_only_so_many_addresses) {
  for (std::size_t i = 0; i < Relay::kMostLearned + 10; ++i) {
    MacAddress from{0x02, 1, 0, 0, static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i)};
    relay_.on_frame(at({}), kC, frame(mac(9), from, 'x'));
  }
  const std::size_t last = Relay::kMostLearned + 9;
  const MacAddress late{0x02, 1, 0, 0, static_cast<std::uint8_t>(last / 256), static_cast<std::uint8_t>(last)};
  relay_.on_frame(at({}), kA, frame(late, mac(1), 'x'));
  relay_.on_frame(at({}), kA, frame({0x02, 1, 0, 0, 0, 0}, mac(1), 'y'));
  EXPECT_EQ(comes(kC, kDelay), "y");
}

class SlowRelayTest : public RelayTest {
 protected:
  static WideAreaConfig slow() {
    WideAreaConfig config = paths();
    config.bytes_per_s[kA.index()] = 1'000'000;
    return config;
  }
  SlowRelayTest() : RelayTest(slow()) {}
};

TEST_F(SlowRelayTest, servers_of_a_site_are_served_in_turn_and_whoever_has_the_address_of_another_site_as_the_unknown) {
  for (int i = 0; i < 4; ++i) relay_.on_frame(at({}), kA, frame(mac(2), mac(1), 'x', kMaxFrameBytes));
  relay_.on_frame(at({}), kA, frame(mac(2), mac(2), '-', kMaxFrameBytes));
  EXPECT_EQ(relay_.counts().local, 0U);
  for (const std::uint8_t from : Bytes{7, 8})
    relay_.on_frame(at({}), kA, frame(mac(2), mac(from), 'y', kMaxFrameBytes));
  EXPECT_EQ(comes(kB, seconds(1)), "x-xyxyx");
}

TEST_F(SlowRelayTest, what_is_marked_timely_goes_before_what_waits_for_the_uplink) {
  for (const std::uint8_t tag : {'1', '2', '3'}) relay_.on_frame(at({}), kA, frame(mac(2), mac(1), tag));
  Bytes timely = frame(mac(2), mac(1), 't');
  timely[kEthernetHeaderBytes + 1] = wire::kDscpExpedited << 2U;
  relay_.on_frame(at(microseconds(10)), kA, timely);
  EXPECT_EQ(comes(kB, seconds(1)), "1t23");
}

class LossyRelayTest : public RelayTest {
 protected:
  LossyRelayTest() : RelayTest(paths(4096, 250'000)) {}
};

TEST_F(LossyRelayTest, of_many_frames_the_share_that_is_configured_is_lost) {
  for (int i = 0; i < 2000; ++i) relay_.on_frame(at({}), kA, frame(mac(2), mac(1), 'x'));
  const std::size_t came = comes(kB, kDelay).size();
  EXPECT_GT(came, 1400U);
  EXPECT_LT(came, 1600U);
  EXPECT_EQ(relay_.lost(), 2000U - came);
}

class JitteryRelayTest : public RelayTest {
 protected:
  JitteryRelayTest() : RelayTest(paths(2048, 0, milliseconds(4))) {}
};

TEST_F(JitteryRelayTest, frames_come_up_to_the_jitter_late_and_in_their_order) {
  std::string sent;
  std::string got;
  Duration latest;
  for (std::uint8_t i = 0; i < 100; ++i) {
    relay_.on_frame(at(milliseconds(i)), kA, frame(mac(2), mac(1), i));
    sent += static_cast<char>(i);
  }
  for (Duration now; now < milliseconds(200); now = now + microseconds(100)) {
    const std::string more = comes(kB, now);
    for (const char tag : more) {
      const Duration late = now - milliseconds(tag) - kDelay;
      EXPECT_GE(late, Duration());
      EXPECT_LE(late, milliseconds(4) + microseconds(100));
      latest = std::max(latest, late);
    }
    got += more;
  }
  EXPECT_EQ(got, sent);
  EXPECT_GT(latest, milliseconds(3));
}

}  // namespace
}  // namespace garrison::io
