#include "dataplane/runtime/ring_queue.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <cstdint>
#include <thread>
#include <vector>

#include "dataplane/runtime/doorbell.h"

namespace garrison::runtime {
namespace {

struct Handle {
  std::uint32_t number;
  std::uint32_t square;
  std::uint32_t check;
};
static_assert(sizeof(Handle) == 12);

Handle handle(std::uint32_t i) { return {i, i * i, ~i}; }

// An eternal ppoll would hang a broken test; this one ends it as a failure instead.
bool rung(const Doorbell& bell, int timeout_ms) {
  pollfd fd{.fd = bell.fd(), .events = POLLIN, .revents = 0};
  return poll(&fd, 1, timeout_ms) == 1;
}

TEST(RingQueueTest, holds_exactly_its_capacity_and_takes_no_more) {
  RingQueue<Handle> queue(5);
  EXPECT_EQ(queue.capacity(), 5U);
  std::vector<Handle> seven;
  for (std::uint32_t i = 0; i < 7; ++i) seven.push_back(handle(i));
  EXPECT_EQ(queue.push(seven), 5U);
  EXPECT_EQ(queue.size(), 5U);
  EXPECT_EQ(queue.room(), 0U);
  EXPECT_FALSE(queue.push_one(seven[5]));
  std::array<Handle, 7> out{};
  EXPECT_EQ(queue.pop(out), 5U);
  for (std::uint32_t i = 0; i < 5; ++i) EXPECT_EQ(out[i].check, ~i);
  EXPECT_EQ(queue.pop(out), 0U);
}

TEST(RingQueueTest, keeps_order_and_loses_nothing_between_two_threads) {
  constexpr std::uint32_t kCount = 300'000;
  RingQueue<Handle> queue(61);
  std::thread producer([&] {
    std::array<Handle, 13> burst{};
    for (std::uint32_t next = 0; next < kCount;) {
      const std::size_t want = std::min<std::size_t>(burst.size(), kCount - next);
      for (std::uint32_t i = 0; i < want; ++i) burst[i] = handle(next + i);
      const std::size_t taken = queue.push({burst.data(), want});
      next += static_cast<std::uint32_t>(taken);
      if (taken == 0) std::this_thread::yield();
    }
  });
  std::array<Handle, 17> out{};
  std::uint32_t expected = 0;
  bool intact = true;
  while (expected < kCount) {
    const std::size_t given = queue.pop(out);
    for (std::size_t i = 0; i < given; ++i, ++expected) {
      intact = intact && out[i].number == expected && out[i].square == expected * expected && out[i].check == ~expected;
    }
    if (given == 0) std::this_thread::yield();
  }
  producer.join();
  EXPECT_TRUE(intact);
  EXPECT_EQ(queue.size(), 0U);
}

TEST(DoorbellTest, costs_no_write_while_the_consumer_is_awake) {
  Doorbell bell;
  bell.ring();
  EXPECT_FALSE(rung(bell, 0));
  bell.arm();
  bell.ring();
  EXPECT_TRUE(rung(bell, 0));
  bell.disarm();
  EXPECT_FALSE(rung(bell, 0));
  bell.ring();
  EXPECT_FALSE(rung(bell, 0));
}

TEST(DoorbellTest, no_wakeup_is_lost_over_many_rounds) {
  constexpr std::uint32_t kRounds = 20'000;
  Doorbell bell;
  Doorbell answered;
  RingQueue<std::uint32_t> queue(4, &bell);
  RingQueue<std::uint32_t> answers(4, &answered);
  // Either side waits without a timeout short enough to hide a lost wake-up.
  const auto wait_pop = [](RingQueue<std::uint32_t>& from, Doorbell& mine) {
    std::uint32_t value = 0;
    while (!from.pop_one(value)) {
      mine.arm();
      const bool there = from.size() != 0;
      const bool woken = there || rung(mine, 20'000);
      mine.disarm();
      if (!woken) return UINT32_MAX;
    }
    return value;
  };
  std::thread consumer([&] {
    for (std::uint32_t i = 0; i < kRounds; ++i) {
      const std::uint32_t got = wait_pop(queue, bell);
      if (got != i) return;
      answers.push_one(got);
    }
  });
  std::uint32_t round = 0;
  for (; round < kRounds; ++round) {
    queue.push_one(round);
    if (wait_pop(answers, answered) != round) break;
  }
  EXPECT_EQ(round, kRounds);
  consumer.join();
}

}  // namespace
}  // namespace garrison::runtime
