// One test per scenario file of this folder, named after it; and what the runner itself must notice.
#include "tests/scenario/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/scenario/site.h"

namespace garrison::scenario {
namespace {

std::vector<std::filesystem::path> scenario_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(GARRISON_SCENARIOS)) {
    if (entry.path().extension() == ".scn") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class ScenarioTest : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(ScenarioTest, holds) {
  std::ifstream in(GetParam());
  std::stringstream text;
  text << in.rdbuf();
  ASSERT_FALSE(text.str().empty());
  EXPECT_EQ(text.str().rfind("# ", 0), 0U) << "a scenario starts with a comment that says what it shows";
  EXPECT_EQ(run_scenario(GetParam().filename().string(), text.str()), "");
}

INSTANTIATE_TEST_SUITE_P(Files, ScenarioTest, ::testing::ValuesIn(scenario_files()), [](const auto& file) {
  std::string name = file.param.stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(ScenarioRunnerTest, what_does_not_come_true_is_told_with_its_line) {
  EXPECT_EQ(run_scenario("x", "site 4\nsubmit A1\nadvance 1s\nexpect executed 2\n"), "x:4: A1 has executed 1 updates");
  EXPECT_EQ(run_scenario("x", "site 4\nexpect view 3 at A2\n"), "x:2: A2 is in view 0");
  EXPECT_EQ(run_scenario("x", "site 4\nexpect blacklisted A1 at A2\n"), "x:2: A2 has blacklisted nobody");
  EXPECT_EQ(run_scenario("x", "site 4\nexpect sent PO-REQUEST\n"), "x:2: none was sent");
}

TEST(ScenarioRunnerTest, updates_that_are_never_executed_are_told) {
  const std::string fault = run_scenario("x", "site 4\ncrash A3\ncrash A4\nsubmit A1\n");
  EXPECT_EQ(fault, "x:4: liveness: A2 has not executed c1/1, which was handed to A1");
  EXPECT_EQ(run_scenario("x", "site 4\ncrash A3\ncrash A4\nsubmit A1\nexpect stuck\n"), "");
  EXPECT_NE(run_scenario("x", "site 4\nsubmit A1\nexpect stuck\n"), "");
}

// Servers that break the rules without being known as faulty.
TEST(ScenarioRunnerTest, broken_invariants_are_noticed) {
  const auto violation_of = [](const char* specs) {
    Site site(4, 1, {}, {});
    site.corrupt(ServerId(1), adversary::parse_specs(specs).value());
    for (int i = 0; i < 20; ++i) {
      site.submit(ServerId(0));
      site.submit(ServerId(1));
      site.submit(ServerId(2));
    }
    site.advance(seconds(2));
    return site.violation().value_or("");
  };
  EXPECT_EQ(violation_of("execute-wrongly").rfind("agreement: A2", 0), 0U);
  EXPECT_EQ(violation_of("equivocate-votes").rfind("promise: A2", 0), 0U);
  EXPECT_EQ(violation_of("equivocate-po-summary"), "promise: A2 takes back a PO-SUMMARY");
}

TEST(ScenarioRunnerTest, nonsense_is_refused) {
  EXPECT_NE(run_scenario("x", "submit A1\n"), "");
  EXPECT_NE(run_scenario("x", "site 4\njump\n"), "");
  EXPECT_NE(run_scenario("x", "site 4\nsubmit A9\n"), "");
  EXPECT_NE(run_scenario("x", "site 4\nadvance 5\n"), "");
  EXPECT_NE(run_scenario("x", "site 4\nlose PO-REQUESTS\n"), "");
  EXPECT_NE(run_scenario("x", "site 4\nheal now\n"), "");
  EXPECT_NE(run_scenario("x", "site 4\nadversary A1 shouting\n"), "");
  EXPECT_NE(run_scenario("x", "site 4\nadversary A1 silent\nadversary A2 silent\n"), "");
}

}  // namespace
}  // namespace garrison::scenario
