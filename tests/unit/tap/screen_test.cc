#include "apps/tap/screen.h"

#include "apps/tap/report.h"
#include "tests/unit/tap/source_hub.h"

namespace garrison::tap {
namespace {

class ScreenTest : public SourceHubTest {};

TEST_F(ScreenTest, rates_are_those_between_two_looks) {
  Account account(topology_, &keys_.directory());
  for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) send_first_set(account, sequence);
  const Look before{.seconds = 10, .rows = report_rows(account, 1)};
  for (std::uint64_t sequence = 5; sequence <= 8; ++sequence) send_first_set(account, sequence);
  const Look now{.seconds = 12, .rows = report_rows(account, 1)};
  const std::string text = tap_screen(before, now);
  EXPECT_NE(text.find("tap 0: 6 frames/s"), std::string::npos) << text;
  EXPECT_NE(text.find("B    C    bounded          2.0         8         8"), std::string::npos) << text;
  EXPECT_NE(text.find("B1              1.5 "), std::string::npos) << text;
  EXPECT_EQ(text.find("faulty"), std::string::npos);
}

TEST_F(ScreenTest, who_is_proven_to_be_faulty_is_on_it) {
  Account account(topology_, &keys_.directory());
  send_first_set(account, 1);
  hear(account, frames(part(whole(1), 1, 0, 1), 1, 0));
  const Look now{.seconds = 1, .rows = report_rows(account, 1)};
  EXPECT_NE(tap_screen({}, now).find("proven to be faulty: B1"), std::string::npos);
}

TEST_F(ScreenTest, nothing_heard_is_nothing_to_show) { EXPECT_EQ(tap_screen({}, {}), ""); }

}  // namespace
}  // namespace garrison::tap
