#include "apps/metrics/families.h"

#include <gtest/gtest.h>

namespace garrison::metrics {
namespace {

TEST(FamiliesTest, a_family_has_one_head_and_a_line_for_each_of_its_labels) {
  Families families(Labels{{"server", "A1"}});
  families.counter("frames_total", "Frames.", 7, {{"port", "lan"}});
  families.counter("frames_total", "Frames.", 8, {{"port", "wan"}});
  families.gauge("waiting", "What waits.", 0.5);
  EXPECT_EQ(families.text(),
            "# HELP frames_total Frames.\n"
            "# TYPE frames_total counter\n"
            "frames_total{server=\"A1\",port=\"lan\"} 7\n"
            "frames_total{server=\"A1\",port=\"wan\"} 8\n"
            "# HELP waiting What waits.\n"
            "# TYPE waiting gauge\n"
            "waiting{server=\"A1\"} 0.5\n");
}

TEST(FamiliesTest, large_counts_are_written_in_full) {
  Families families(Labels{});
  families.counter("bytes_total", "Bytes.", 1'234'567'890'123, {});
  EXPECT_NE(families.text().find("bytes_total 1234567890123\n"), std::string::npos) << families.text();
}

TEST(FamiliesDeathTest, names_that_scrapers_would_misread_end_the_program) {
  Families families(Labels{});
  EXPECT_DEATH(families.counter("frames", "Frames.", 1), "_total");
  families.gauge("one", "", 1);
  families.gauge("two", "", 1);
  EXPECT_DEATH(families.gauge("one", "", 2), "name");
}

}  // namespace
}  // namespace garrison::metrics
