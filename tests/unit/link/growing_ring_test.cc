#include "dataplane/link/growing_ring.h"

#include <gtest/gtest.h>

namespace garrison::link {
namespace {

TEST(GrowingRingTest, first_in_is_first_out_whenever_it_grows) {
  for (int before = 0; before < 4; ++before) {  // where its front stands when it is full
    GrowingRing<int> ring(4);
    for (int i = 0; i < before; ++i) {
      ring.push(-1);
      ring.pop();
    }
    for (int i = 0; i < 20; ++i) ring.push(i);
    EXPECT_EQ(ring.size(), 20U);
    for (int i = 0; i < 20; ++i) {
      ASSERT_FALSE(ring.empty());
      EXPECT_EQ(ring.front(), i);
      ring.pop();
    }
    EXPECT_TRUE(ring.empty());
  }
}

}  // namespace
}  // namespace garrison::link
