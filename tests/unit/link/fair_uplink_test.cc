#include "dataplane/link/fair_uplink.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/base/rng.h"
#include "dataplane/link/shared_room.h"

namespace garrison::link {
namespace {

constexpr auto kTimely = TrafficClass::timely;
constexpr auto kBounded = TrafficClass::bounded;

// An uplink of 1 byte per microsecond, with the queues of its senders.
class Line {
 public:
  explicit Line(std::size_t senders) : uplink_(senders, 1'000'000), sent_(senders) {}

  void offer(std::size_t sender, TrafficClass traffic, std::size_t bytes, char tag = '.') {
    uplink_.add(sender, traffic);
    queues_[{sender, traffic}].push_back({bytes, tag});
  }
  // Sends the next frame: its tag.
  char send() {
    const FairUplink::Turn turn = uplink_.next(now_);
    const auto frame = queues_[{turn.sender, turn.traffic}].front();
    queues_[{turn.sender, turn.traffic}].pop_front();
    uplink_.sent(now_, turn, frame.bytes);
    now_ = now_ + microseconds(static_cast<std::int64_t>(frame.bytes));
    sent_[turn.sender] += frame.bytes;
    return frame.tag;
  }
  std::string send_all() {
    std::string tags;
    while (!uplink_.empty()) tags += send();
    return tags;
  }
  // Sends for so long; `offers` keeps the queues as it wants them before each frame.
  template <typename Offers>
  void run(Duration span, Offers offers) {
    const Instant end = now_ + span;
    for (;;) {
      offers(*this);
      if (now_ >= end) return;
      if (uplink_.empty()) {
        now_ = now_ + microseconds(100);
      } else {
        send();
      }
    }
  }
  void keep(std::size_t sender, TrafficClass traffic, std::size_t bytes) {
    while (waiting(sender, traffic) < 4) offer(sender, traffic, bytes);
  }
  [[nodiscard]] std::size_t waiting(std::size_t sender, TrafficClass traffic) {
    return queues_[{sender, traffic}].size();
  }
  [[nodiscard]] double share(std::size_t sender) const {
    return static_cast<double>(sent_[sender]) /
           static_cast<double>(std::accumulate(sent_.begin(), sent_.end(), std::size_t{0}));
  }
  [[nodiscard]] Instant now() const { return now_; }
  void wait(Duration span) { now_ = now_ + span; }

 private:
  struct One {
    std::size_t bytes;
    char tag;
  };
  FairUplink uplink_;
  std::vector<std::size_t> sent_;
  std::map<std::pair<std::size_t, TrafficClass>, std::deque<One>> queues_;
  Instant now_;
};

TEST(FairUplinkTest, of_one_sender_alone_timely_goes_before_all_that_waits_however_much_it_is) {
  Line line(1);
  line.offer(0, kBounded, 1500, '1');
  line.offer(0, kBounded, 1500, '2');
  for (int i = 0; i < 10; ++i) line.offer(0, kTimely, 1500, 't');
  EXPECT_EQ(line.send_all(), "tttttttttt12");
}

TEST(FairUplinkTest, what_all_have_waiting_is_shared_by_bytes_and_not_by_frames) {
  Line line(4);
  const std::size_t sizes[] = {100, 500, 1000, 1514};
  line.run(seconds(2), [&](Line& at) {
    for (std::size_t i = 0; i < 4; ++i) at.keep(i, kBounded, sizes[i]);
  });
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(line.share(i), 0.25, 0.005) << i;
}

TEST(FairUplinkTest, what_some_do_not_use_the_others_have) {
  Line line(4);
  const auto offers = [](Line& at) {
    at.keep(1, kBounded, 1000);
    at.keep(3, kBounded, 300);
  };
  line.run(seconds(2), offers);
  EXPECT_NEAR(line.share(1), 0.5, 0.005);
  EXPECT_NEAR(line.share(3), 0.5, 0.005);
  Line alone(4);
  alone.run(seconds(1), [](Line& at) { at.keep(2, kTimely, 1000); });
  EXPECT_LE(alone.now(), Instant() + seconds(1) + milliseconds(1)) << "never idle";
  EXPECT_DOUBLE_EQ(alone.share(2), 1.0);
}

TEST(FairUplinkTest, timely_of_several_goes_in_turn) {
  Line line(3);
  for (const char tag : {'a', 'b', 'c'}) {
    for (int i = 0; i < 2; ++i) line.offer(static_cast<std::size_t>(tag - 'a'), kTimely, 1000, tag);
  }
  EXPECT_EQ(line.send_all(), "abcabc");
}

TEST(FairUplinkTest, timely_goes_before_what_waits_of_all_senders) {
  Line line(3);
  for (const char tag : {'a', 'b'}) {
    line.offer(0, kBounded, 1000, tag);
    line.offer(1, kBounded, 1000, tag);
  }
  line.offer(1, kTimely, 1000, 't');
  line.offer(2, kTimely, 1000, 't');
  EXPECT_EQ(line.send_all(), "ttaabb");
}

TEST(FairUplinkTest, timely_beyond_its_senders_share_takes_its_turn_with_the_rest_and_goes_before_its_own_bounded) {
  Line line(2);
  line.offer(0, kBounded, 1500, '0');
  for (int i = 0; i < 16; ++i) line.offer(0, kTimely, 1500, 't');
  for (int i = 0; i < 16; ++i) line.offer(1, kBounded, 1500, '1');
  // A bucket of four frames, and what comes into it meanwhile; then half of the rate. What went first has been its
  // turns: the other one catches up.
  EXPECT_EQ(line.send_all(), "ttttttttt1t1t1t1t1t1t1t1111111011");
}

TEST(FairUplinkTest, in_its_turn_a_sender_s_timely_frames_stand_before_its_bounded_ones) {
  Line line(2);
  line.offer(0, kBounded, 1500, 'b');
  for (int i = 0; i < 12; ++i) line.offer(0, kTimely, 1500, 't');
  EXPECT_EQ(line.send_all(), "ttttttttttttb");
}

TEST(FairUplinkTest, whoever_marks_all_it_has_timely_has_no_more_than_its_share) {
  Line line(4);
  line.run(seconds(2), [](Line& at) {
    at.keep(0, kTimely, 1400);
    at.keep(0, kBounded, 1400);
    for (const std::size_t i : {1, 2, 3}) at.keep(i, kBounded, 700);
  });
  EXPECT_NEAR(line.share(0), 0.25, 0.01);
}

// Five of sixteen send as much as they can. The others send nine tenths of their shares, a part of it TIMELY.
TEST(FairUplinkTest, greedy_senders_delay_no_timely_frame_of_one_that_keeps_to_its_share_for_long) {
  constexpr std::size_t kSenders = 16;
  constexpr std::size_t kGreedy = 5;
  Line line(kSenders);
  std::vector<Instant> next(kSenders);
  std::map<std::size_t, std::deque<Instant>> offered;  // when a TIMELY frame came that waits
  Duration longest;
  line.run(seconds(4), [&](Line& at) {
    for (std::size_t i = 0; i < kGreedy; ++i) {
      at.keep(i, kTimely, 1514);
      at.keep(i, kBounded, 1514);
    }
    for (std::size_t i = kGreedy; i < kSenders; ++i) {
      auto& waiting = offered[i];
      while (waiting.size() > at.waiting(i, kTimely)) {
        longest = std::max(longest, at.now() - waiting.front());
        waiting.pop_front();
      }
      while (next[i] <= at.now()) {  // 900 bytes each 16 ms
        at.offer(i, kTimely, 300);
        waiting.push_back(at.now());
        at.offer(i, kBounded, 600);
        next[i] = next[i] + milliseconds(16);
      }
    }
  });
  // All buckets at once, and a frame of each: kSenders * 5 frames of 1.5 ms.
  EXPECT_LT(longest, milliseconds(120));
  for (std::size_t i = kGreedy; i < kSenders; ++i) {
    EXPECT_LE(line.waiting(i, kBounded), 8U) << i;
    EXPECT_NEAR(line.share(i), 0.9 / kSenders, 0.004) << i;
  }
}

TEST(FairUplinkTest, having_been_alone_is_not_held_against_a_sender_for_long) {
  Line line(2);
  line.run(seconds(1), [](Line& at) { at.keep(0, kTimely, 1000); });
  line.send_all();
  line.wait(milliseconds(100));
  line.run(milliseconds(400), [](Line& at) {
    at.keep(0, kBounded, 1000);
    at.keep(1, kBounded, 1000);
  });
  EXPECT_GT(line.share(0), (1'000'000.0 + 190'000) / 1'400'000);
}

TEST(FairUplinkTest, a_sender_that_was_idle_has_saved_nothing_up) {
  Line line(2);
  line.run(seconds(1), [](Line& at) { at.keep(0, kBounded, 1000); });
  std::string tags;
  for (int i = 0; i < 8; ++i) line.offer(1, kBounded, 1000, '1');
  for (int i = 0; i < 8; ++i) tags += line.send();
  EXPECT_LE(std::count(tags.begin(), tags.end(), '1'), 5) << tags;
}

TEST(FairUplinkTest, all_that_is_offered_goes_once_and_the_order_of_a_sender_and_class_is_kept) {
  Rng rng(5);
  FairUplink uplink(5, 1'000'000);
  std::map<std::pair<std::size_t, TrafficClass>, std::uint64_t> in;
  std::map<std::pair<std::size_t, TrafficClass>, std::uint64_t> out;
  std::uint64_t waiting = 0;
  Instant now;
  for (int i = 0; i < 50'000; ++i) {
    now = now + microseconds(static_cast<std::int64_t>(rng.below(1500)));
    if (rng.below(2) == 0) {
      const std::size_t sender = rng.below(5);
      const TrafficClass traffic = rng.below(3) == 0 ? kTimely : kBounded;
      uplink.add(sender, traffic);
      ++in[{sender, traffic}];
      ++waiting;
    } else if (!uplink.empty()) {
      const FairUplink::Turn turn = uplink.next(now);
      uplink.sent(now, turn, 60 + rng.below(kMaxFrameBytes - 60));
      ++out[{turn.sender, turn.traffic}];
      ASSERT_LE((out[{turn.sender, turn.traffic}]), (in[{turn.sender, turn.traffic}]));
      --waiting;
    }
    ASSERT_EQ(uplink.empty(), waiting == 0);
  }
  for (; waiting > 0; --waiting) {
    const FairUplink::Turn turn = uplink.next(now);
    uplink.sent(now, turn, 60);
    ++out[{turn.sender, turn.traffic}];
  }
  EXPECT_EQ(in, out);
}

TEST(SharedRoomTest, of_one_user_all_is_its_own) {
  SharedRoom room(10, 1);
  EXPECT_TRUE(room.take(0, 10));
  EXPECT_FALSE(room.take(0, 1));
  room.give_back(0, 4);
  EXPECT_EQ(room.held(0), 6U);
  EXPECT_TRUE(room.take(0, 4));
}

TEST(SharedRoomTest, who_takes_all_that_it_can_get_leaves_the_others_their_parts) {
  SharedRoom room(80, 4);
  std::size_t taken = 0;
  while (room.take(2, 1)) ++taken;
  EXPECT_EQ(taken, 50U);
  for (const std::size_t other : {0, 1, 3}) {
    EXPECT_TRUE(room.take(other, 10));
    EXPECT_FALSE(room.take(other, 1));
  }
  room.give_back(2, 5);
  EXPECT_TRUE(room.take(0, 5)) << "of what is common";
  EXPECT_FALSE(room.take(2, 1));
}

TEST(SharedRoomTest, nothing_is_lost_or_made) {
  Rng rng(1);
  SharedRoom room(1000, 3);
  std::size_t held = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t user = rng.below(3);
    if (rng.below(2) == 0) {
      const std::size_t amount = rng.below(300);
      if (room.take(user, amount)) held += amount;
    } else {
      const std::size_t amount = rng.below(room.held(user) + 1);
      room.give_back(user, amount);
      held -= amount;
    }
    ASSERT_EQ(room.held(0) + room.held(1) + room.held(2), held);
    ASSERT_LE(held, 1000U);
  }
  for (std::size_t user = 0; user < 3; ++user) room.give_back(user, room.held(user));
  EXPECT_TRUE(room.take(0, 1000 - 2 * 166));
}

}  // namespace
}  // namespace garrison::link
