// Who loses its turns on the hub, and when it has them back.
#include "control/site/hub_duties.h"

#include <gtest/gtest.h>

namespace garrison::site {
namespace {

constexpr SiteId kThere{1};
constexpr SiteId kElsewhere{2};
ServerId id(std::size_t i) { return ServerId(static_cast<std::uint16_t>(i)); }

class HubDutiesTest : public testing::TestWithParam<std::size_t> {
 protected:
  HubDutiesTest() : duties_({.servers = n(), .faulty = f(), .sites = 4}) {}
  static std::size_t f() { return GetParam(); }
  static std::size_t n() { return 3 * f() + 1; }
  // The first `reporters` say it of `missed`, now.
  void say(std::size_t reporters, ServerSet missed, SiteId to = kThere) {
    for (std::size_t i = 0; i < reporters; ++i) duties_.on_report(now_, id(i), to, missed);
  }
  void after(Duration time) {
    now_ = now_ + time;
    duties_.on_time(now_);
  }
  ServerId last() { return id(n() - 1); }

  HubDuties duties_;
  Instant now_{1'000'000'000};
};

TEST_P(HubDutiesTest, f_servers_demote_nobody_however_often_they_say_it) {
  for (std::size_t i = 0; i < 5; ++i) {
    say(f(), ServerSet::all(n()));
    EXPECT_TRUE(duties_.demoted(kThere).empty());
    after(seconds(1));
  }
}

TEST_P(HubDutiesTest, f_plus_1_demote_on_the_link_that_they_mean) {
  say(f() + 1, ServerSet::only(last()));
  EXPECT_EQ(duties_.demoted(kThere), ServerSet::only(last()));
  EXPECT_TRUE(duties_.demoted(kElsewhere).empty());
  EXPECT_EQ(duties_.demotions(), 1U);
}

TEST_P(HubDutiesTest, no_more_than_f_are_demoted_and_the_next_one_waits) {
  say(n(), ServerSet::all(n()));
  EXPECT_EQ(duties_.demoted(kThere), ServerSet::all(f()));
  after(seconds(8));
  ServerSet next;
  for (std::size_t i = f(); i < 2 * f(); ++i) next.insert(id(i));
  EXPECT_EQ(duties_.demoted(kThere), next) << "what was said of those before them counts no more";
}

TEST_P(HubDutiesTest, what_was_taken_back_does_not_count) {
  say(f(), ServerSet::only(last()));
  say(f(), ServerSet());
  duties_.on_report(now_, id(f()), kThere, ServerSet::only(last()));
  EXPECT_TRUE(duties_.demoted(kThere).empty());
}

TEST_P(HubDutiesTest, it_is_back_after_a_term_which_doubles_and_begins_anew_after_a_probation) {
  for (const std::int64_t term : {8, 16, 32, 64, 128, 128}) {
    say(f() + 1, ServerSet::only(last()));
    EXPECT_EQ(duties_.next_wakeup(), now_ + seconds(term));
    after(seconds(term) - nanoseconds(1));
    EXPECT_TRUE(duties_.demoted(kThere).contains(last())) << term;
    after(nanoseconds(1));
    EXPECT_TRUE(duties_.demoted(kThere).empty()) << term;
    EXPECT_EQ(duties_.next_wakeup(), Instant::never());
  }
  after(seconds(128) * HubDuties::kProbation - nanoseconds(1));
  say(f() + 1, ServerSet::only(last()));
  EXPECT_EQ(duties_.next_wakeup(), now_ + seconds(128)) << "a moment too early";
  after(seconds(128));
  after(seconds(128) * HubDuties::kProbation);
  say(f() + 1, ServerSet::only(last()));
  EXPECT_EQ(duties_.next_wakeup(), now_ + seconds(8));
}

TEST_P(HubDutiesTest, what_nobody_could_mean_is_passed_over) {
  duties_.on_report(now_, id(0), SiteId(4), ServerSet::all(n()));
  duties_.on_report(now_, id(n()), kThere, ServerSet::all(n()));
  EXPECT_EQ(duties_.demotions(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Faults, HubDutiesTest, testing::Values(1, 2, 5));

}  // namespace
}  // namespace garrison::site
