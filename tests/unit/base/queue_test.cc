#include "dataplane/base/queue.h"

#include <gtest/gtest.h>

#include <array>

namespace garrison {
namespace {

TEST(PlainQueueTest, gives_elements_in_the_order_it_took_them) {
  PlainQueue<int> queue(8);
  EXPECT_EQ(queue.push(std::array{1, 2, 3}), 3U);
  EXPECT_TRUE(queue.push_one(4));
  int out = 0;
  for (int expected = 1; expected <= 4; ++expected) {
    EXPECT_TRUE(queue.pop_one(out));
    EXPECT_EQ(out, expected);
  }
  EXPECT_FALSE(queue.pop_one(out));
  EXPECT_EQ(out, 4);
}

TEST(PlainQueueTest, takes_from_the_front_what_it_has_room_for) {
  PlainQueue<int> queue(3);
  EXPECT_EQ(queue.push(std::array{1, 2}), 2U);
  EXPECT_EQ(queue.room(), 1U);
  EXPECT_EQ(queue.push(std::array{3, 4, 5}), 1U);
  EXPECT_EQ(queue.size(), queue.capacity());
  EXPECT_FALSE(queue.push_one(6));
  std::array<int, 8> out{};
  EXPECT_EQ(queue.pop(out), 3U);
  EXPECT_EQ(out, (std::array{1, 2, 3, 0, 0, 0, 0, 0}));
  EXPECT_EQ(queue.room(), 3U);
}

TEST(PlainQueueTest, pops_no_more_than_asked) {
  PlainQueue<int> queue(4);
  queue.push(std::array{1, 2, 3});
  std::array<int, 2> out{};
  EXPECT_EQ(queue.pop(out), 2U);
  EXPECT_EQ(queue.size(), 1U);
  EXPECT_EQ(queue.pop({}), 0U);
}

}  // namespace
}  // namespace garrison
