#include "apps/server/signing_pace.h"

#include <gtest/gtest.h>

namespace garrison::server {
namespace {

constexpr Duration kLongest = milliseconds(5);

struct SigningPaceTest : ::testing::Test {
  // `busy` of every ten rounds of 100 us did something.
  void spend(Duration time, int busy) {
    const Instant end = now + time;
    for (int i = 0; now < end; ++i) {
      now = now + microseconds(100);
      pace.on_round(now);
      pace.worked(i % 10 < busy);
    }
  }
  [[nodiscard]] Duration gap() {
    pace.on_signed(now);
    return pace.next() - now;
  }
  SigningPace pace{kLongest};
  Instant now = Instant(seconds(100).ns());
};

TEST_F(SigningPaceTest, with_time_to_spare_there_is_no_wait) {
  EXPECT_EQ(gap(), Duration());
  spend(milliseconds(200), 7);
  EXPECT_EQ(gap(), Duration());
}

TEST_F(SigningPaceTest, the_wait_grows_with_the_load_up_to_the_longest) {
  spend(milliseconds(200), 8);
  const Duration some = gap();
  EXPECT_GT(some, Duration());
  EXPECT_LT(some, kLongest / 2);
  spend(milliseconds(200), 9);
  EXPECT_GT(gap(), some);
  spend(milliseconds(200), 10);
  EXPECT_GT(gap(), kLongest * 9 / 10);
  EXPECT_LE(gap(), kLongest);
}

TEST_F(SigningPaceTest, a_load_that_is_over_is_forgotten) {
  spend(milliseconds(200), 10);
  spend(milliseconds(30), 0);
  EXPECT_EQ(gap(), Duration());
}

// A worker that slept, or a clock that stood still, is no load, and nothing overflows.
TEST_F(SigningPaceTest, one_long_round_counts_as_no_more_than_all_there_is) {
  pace.worked(true);
  now = now + seconds(1000);
  pace.on_round(now);
  pace.worked(false);
  EXPECT_GT(gap(), Duration());
  EXPECT_LE(gap(), kLongest);
  now = now + seconds(1000);
  pace.on_round(now);
  EXPECT_EQ(gap(), Duration());
}

}  // namespace
}  // namespace garrison::server
