#include "dataplane/link/hub_lateness.h"

#include <gtest/gtest.h>

namespace garrison::link {
namespace {

constexpr ServerId kSelf(6);

class HubLatenessTest : public testing::Test {
 protected:
  // Seven servers, two of which may be faulty.
  HubLateness lateness_{7, 2, kSelf, milliseconds(25), milliseconds(100)};

  void heard(std::initializer_list<std::uint16_t> servers, Duration late) {
    for (int i = 0; i < 50; ++i) {
      for (const std::uint16_t server : servers) lateness_.heard(ServerId(server), late);
    }
  }
};

TEST_F(HubLatenessTest, as_long_as_nobody_is_late_the_timeout_is_the_shortest) {
  EXPECT_EQ(lateness_.timeout(), milliseconds(25));
  heard({0, 1, 2, 3, 4, 5}, milliseconds(3));
  EXPECT_EQ(lateness_.timeout(), milliseconds(25));
}

TEST_F(HubLatenessTest, it_covers_how_late_those_are_of_whom_one_is_correct) {
  heard({0, 1, 2}, milliseconds(3));
  heard({3, 4, 5}, milliseconds(60));
  EXPECT_GE(lateness_.timeout(), milliseconds(60));
  EXPECT_LT(lateness_.timeout(), milliseconds(65));
}

TEST_F(HubLatenessTest, so_many_as_may_be_faulty_do_not_move_it) {
  heard({0, 1, 2, 3}, milliseconds(40));
  const Duration before = lateness_.timeout();
  heard({4, 5}, milliseconds(90));
  EXPECT_EQ(lateness_.timeout(), before);
  for (int i = 0; i < 50; ++i) lateness_.missed(ServerId(4));
  EXPECT_EQ(lateness_.timeout(), before);
}

TEST_F(HubLatenessTest, it_has_an_end_and_comes_down_again) {
  heard({0, 1, 2, 3, 4, 5}, seconds(5));
  EXPECT_EQ(lateness_.timeout(), milliseconds(100));
  heard({0, 1, 2, 3, 4, 5}, Duration());
  EXPECT_EQ(lateness_.timeout(), milliseconds(25));
}

}  // namespace
}  // namespace garrison::link
