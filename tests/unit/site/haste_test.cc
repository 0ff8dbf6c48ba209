#include "control/site/haste.h"

#include <gtest/gtest.h>

namespace garrison::site {
namespace {

LinkPlan plan(config::LinkKind kind) {
  const config::LinkEnd end{7, 2};
  return {kind, end, end};
}

TEST(HasteTest, without_a_rate_there_is_none) {
  const Haste haste(0);
  EXPECT_FALSE(haste.may(Instant()));
  EXPECT_FALSE(haste.may(Instant(seconds(10).ns())));
}

TEST(HasteTest, it_ends_where_what_was_said_exceeds_the_rate_and_comes_back) {
  Haste haste(100'000);
  Instant now = Instant(seconds(5).ns());
  EXPECT_TRUE(haste.may(now));
  haste.said(now, 4'999);  // a twentieth of a second's worth is 5,000
  EXPECT_TRUE(haste.may(now));
  haste.said(now, 1'001);
  EXPECT_FALSE(haste.may(now));
  EXPECT_FALSE(haste.may(now + milliseconds(10)));
  EXPECT_TRUE(haste.may(now + milliseconds(11)));
}

TEST(HasteTest, at_the_rate_it_goes_on_and_at_twice_the_rate_it_ends) {
  for (const int times : {1, 2}) {
    Haste haste(1'000'000);
    Instant now;
    int hurried = 0;
    for (int i = 0; i < 1000; ++i) {
      now = now + milliseconds(1);
      hurried += haste.may(now) ? 1 : 0;
      haste.said(now, static_cast<std::size_t>(1'000 * times));
    }
    EXPECT_TRUE(times == 1 ? hurried == 1000 : hurried < 100) << times << ": " << hurried;
  }
}

TEST(HasteTest, a_long_burst_is_forgotten_in_the_time_of_a_short_one) {
  Haste haste(100'000);
  haste.said(Instant(), 100'000'000);
  EXPECT_FALSE(haste.may(Instant() + milliseconds(500)));
  EXPECT_TRUE(haste.may(Instant() + milliseconds(501)));
}

// Table 1 of [ARCH], but for headers: n parts of 1/k each, and the whole once or (f + 1)^2 times.
TEST(HasteTest, what_a_message_takes_follows_the_link) {
  constexpr std::size_t kContent = 60'000 - kAboutBlock;
  const auto times = [&](config::LinkKind kind) {
    return static_cast<double>(wide_bytes(plan(kind), kContent)) / 60'000;
  };
  EXPECT_NEAR(times(config::LinkKind::erasure), 7.0 / 3, 0.03);
  EXPECT_NEAR(times(config::LinkKind::hub_immediate), 7.0 / 5, 0.03);
  EXPECT_NEAR(times(config::LinkKind::hub_optimistic), 1, 0.03);
  EXPECT_NEAR(times(config::LinkKind::hub_minimum_parts), 1, 0.03);
  EXPECT_NEAR(times(config::LinkKind::forwarder), 1, 0.01);
  EXPECT_NEAR(times(config::LinkKind::blink), 1, 0.01);
  EXPECT_NEAR(times(config::LinkKind::naive), 9, 0.05);
}

}  // namespace
}  // namespace garrison::site
