#include "dataplane/io/wide_area_paths.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "dataplane/base/bounds.h"
#include "dataplane/base/rng.h"

namespace garrison::io {
namespace {

constexpr auto kTimely = TrafficClass::timely;
constexpr auto kBounded = TrafficClass::bounded;
constexpr SiteId kA(0);
constexpr SiteId kB(1);
constexpr SiteId kC(2);

Instant at(Duration since_start) { return Instant() + since_start; }

struct Arrival {
  std::size_t port;
  Bytes frame;
};

// Three sites: A and B are 10 ms apart, C is 30 ms from either. A sends 1 byte per microsecond, the others at once.
struct Paths {
  explicit Paths(std::size_t frames = 16, std::vector<std::size_t> senders = {})
      : paths({.bytes_per_s = {1'000'000, 0, 0},
               .delay = {{{}, milliseconds(10), milliseconds(30)},
                         {milliseconds(10), {}, milliseconds(30)},
                         {milliseconds(30), milliseconds(30), {}}},
               .frames = frames,
               .senders = std::move(senders)}) {}
  bool send(Duration now, SiteId from, SiteId to, TrafficClass traffic, std::uint8_t tag, std::size_t size = 100) {
    return send_of({from}, now, to, traffic, tag, size);
  }
  bool send_of(Sender from, Duration now, SiteId to, TrafficClass traffic, std::uint8_t tag, std::size_t size = 100) {
    return paths.offer(at(now), from, to, traffic, to.index() * 10, Bytes(size, tag));
  }
  std::vector<Arrival> arrived(Duration now, std::size_t limit = 1000) {
    std::vector<Arrival> got;
    const std::size_t count = paths.deliver(at(now), limit, [&](std::size_t port, ByteView frame) {
      got.push_back({port, to_bytes(frame)});
    });
    EXPECT_EQ(count, got.size());
    return got;
  }
  std::string tags(Duration now) {
    std::string text;
    for (const Arrival& one : arrived(now)) text += static_cast<char>(one.frame.at(0));
    return text;
  }
  WideAreaPaths paths;
};

TEST(WideAreaPathsTest, a_frame_arrives_whole_after_the_delay_of_its_path_and_not_before) {
  Paths wan;
  ASSERT_TRUE(wan.send({}, kB, kC, kBounded, 'x', kMaxFrameBytes));
  EXPECT_TRUE(wan.arrived(milliseconds(30) - nanoseconds(1)).empty());
  EXPECT_EQ(wan.paths.next_wakeup(), at(milliseconds(30)));
  const std::vector<Arrival> got = wan.arrived(milliseconds(30));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].port, 20U);
  EXPECT_EQ(got[0].frame, Bytes(kMaxFrameBytes, 'x'));
  EXPECT_EQ(wan.paths.held(), 0U);
  EXPECT_EQ(wan.paths.next_wakeup(), Instant::never());
}

TEST(WideAreaPathsTest, each_pair_has_a_delay_of_its_own) {
  Paths wan;
  ASSERT_TRUE(wan.send({}, kB, kC, kBounded, 'c'));
  ASSERT_TRUE(wan.send({}, kB, kA, kBounded, 'a'));
  EXPECT_EQ(wan.tags(milliseconds(10)), "a");
  EXPECT_EQ(wan.tags(milliseconds(30)), "c");
}

TEST(WideAreaPathsTest, the_rate_of_a_site_is_shared_by_all_that_it_sends) {
  Paths wan;
  ASSERT_TRUE(wan.send({}, kA, kB, kBounded, '1'));
  ASSERT_TRUE(wan.send({}, kA, kC, kBounded, '2'));
  ASSERT_TRUE(wan.send({}, kA, kB, kBounded, '3'));
  EXPECT_EQ(wan.tags(milliseconds(10) + microseconds(100)), "1");
  EXPECT_EQ(wan.tags(milliseconds(10) + microseconds(299)), "");
  EXPECT_EQ(wan.tags(milliseconds(10) + microseconds(300)), "3");
  EXPECT_EQ(wan.tags(milliseconds(30) + microseconds(200)), "2");
}

TEST(WideAreaPathsTest, an_idle_site_saves_up_no_rate) {
  Paths wan;
  ASSERT_TRUE(wan.send(seconds(5), kA, kB, kBounded, '1'));
  ASSERT_TRUE(wan.send(seconds(5), kA, kB, kBounded, '2'));
  EXPECT_EQ(wan.tags(seconds(5) + milliseconds(10) + microseconds(100)), "1");
}

TEST(WideAreaPathsTest, timely_goes_before_what_waits_and_not_into_what_is_being_sent) {
  Paths wan;
  for (const char tag : {'1', '2', '3'}) {
    ASSERT_TRUE(wan.send({}, kA, kB, kBounded, static_cast<std::uint8_t>(tag)));
  }
  ASSERT_TRUE(wan.send(microseconds(50), kA, kB, kTimely, 't'));
  EXPECT_EQ(wan.tags(seconds(1)), "1t23");
}

TEST(WideAreaPathsTest, a_late_look_changes_nothing_about_who_went_first) {
  Paths wan;
  ASSERT_TRUE(wan.send({}, kA, kB, kBounded, '1'));
  ASSERT_TRUE(wan.send(microseconds(10), kA, kB, kBounded, '2'));
  ASSERT_TRUE(wan.send(microseconds(150), kA, kB, kTimely, 't'));  // while the second is being sent
  EXPECT_EQ(wan.tags(seconds(1)), "12t");
}

TEST(WideAreaPathsTest, of_what_has_come_to_a_site_from_several_the_first_to_arrive_is_first) {
  Paths wan;
  ASSERT_TRUE(wan.send({}, kA, kC, kBounded, '2'));
  ASSERT_TRUE(wan.send({}, kB, kC, kBounded, '1'));
  ASSERT_TRUE(wan.send(milliseconds(1), kB, kC, kBounded, '3'));
  std::string got;
  const auto take = [&](std::size_t, ByteView frame) { got += static_cast<char>(frame[0]); };
  while (wan.paths.deliver_to(at(seconds(1)), kC, take)) {
  }
  EXPECT_EQ(got, "123");
}

TEST(WideAreaPathsTest, each_site_and_class_has_room_of_its_own) {
  Paths wan(2);
  EXPECT_TRUE(wan.send({}, kB, kA, kBounded, '1'));
  EXPECT_TRUE(wan.send({}, kB, kC, kBounded, '2'));
  EXPECT_FALSE(wan.send({}, kB, kA, kBounded, '3'));
  EXPECT_TRUE(wan.send({}, kB, kA, kTimely, 't'));
  EXPECT_TRUE(wan.send({}, kC, kA, kBounded, '4'));
  EXPECT_EQ(wan.paths.held(), 4U);
  EXPECT_EQ(wan.tags(milliseconds(10)), "1t");
  EXPECT_TRUE(wan.send(milliseconds(10), kB, kA, kBounded, '5'));  // room again
}

TEST(WideAreaPathsTest, one_sender_that_fills_its_site_s_uplink_with_timely_delays_the_others_by_its_share) {
  Paths wan(64, {4, 1, 1});
  std::size_t taken = 0;
  while (wan.send_of({kA, 2}, {}, kB, kTimely, 'g', 1000)) ++taken;
  EXPECT_EQ(taken, 40U) << "its own eighth of the room, and the half that all share";
  for (const char tag : {'1', '2', '3'}) {
    ASSERT_TRUE(wan.send_of({kA, 0}, {}, kB, kBounded, static_cast<std::uint8_t>(tag), 1000));
  }
  ASSERT_TRUE(wan.send_of({kA, 1}, {}, kB, kTimely, 't', 1000));
  const std::string tags = wan.tags(seconds(1));
  EXPECT_EQ(tags.size(), 44U);
  EXPECT_EQ(tags.substr(0, 2), "gt") << "what is being sent comes to its end";
  EXPECT_LE(tags.find('3'), 16U) << tags;
  EXPECT_EQ(wan.paths.held(), 0U);
}

TEST(WideAreaPathsTest, room_that_has_become_free_is_its_senders_again) {
  Paths wan(16, {1, 2, 1});
  const auto fill = [&](std::size_t sender, Duration now) {
    std::size_t taken = 0;
    while (wan.send_of({kB, sender}, now, kA, kBounded, 'x')) ++taken;
    return taken;
  };
  EXPECT_EQ(fill(0, {}), 12U);
  EXPECT_EQ(fill(1, {}), 4U);
  EXPECT_EQ(wan.arrived(milliseconds(10)).size(), 16U);
  EXPECT_EQ(fill(1, milliseconds(10)), 12U);
  EXPECT_EQ(fill(0, milliseconds(10)), 4U);
}

TEST(WideAreaPathsTest, a_limit_leaves_the_rest_for_the_next_look) {
  Paths wan;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(wan.send({}, kB, kA, kBounded, 'x'));
  EXPECT_EQ(wan.arrived(seconds(1), 3).size(), 3U);
  EXPECT_LE(wan.paths.next_wakeup(), at(seconds(1)));
  EXPECT_EQ(wan.arrived(seconds(1), 3).size(), 2U);
}

TEST(WideAreaPathsTest, every_path_keeps_its_order_and_loses_nothing_that_it_took) {
  Rng rng(3);
  Paths wan(64);
  std::uint64_t taken = 0;
  std::uint64_t came = 0;
  std::uint8_t next_sent = 0;
  std::uint8_t next_received = 0;
  Duration now;
  for (int i = 0; i < 20'000; ++i) {
    now = now + microseconds(static_cast<std::int64_t>(rng.below(300)));
    if (wan.send(now, kA, kC, kBounded, next_sent, 20 + rng.below(300))) {
      ++taken;
      ++next_sent;
    }
    if (!rng.chance(200'000)) continue;
    for (const Arrival& one : wan.arrived(now)) {
      ++came;
      ASSERT_EQ(one.frame[0], next_received++);
    }
  }
  came += wan.arrived(now + seconds(1)).size();
  EXPECT_EQ(taken, came);
  EXPECT_GT(taken, 1'000U);
  EXPECT_LT(taken, 20'000U);  // some found no room
}

}  // namespace
}  // namespace garrison::io
