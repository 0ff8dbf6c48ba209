#include "apps/server/turns.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace garrison::server {
namespace {

using Names = std::vector<std::string>;

class TurnsTest : public ::testing::Test {
 protected:
  void push(TrafficClass traffic, std::size_t source, const Names& names) {
    for (const std::string& name : names) turns_.push(traffic, source, name);
  }
  Names run(std::size_t budget) {
    Names taken;
    const std::size_t done = turns_.run(budget, [&](const std::string& name) {
      taken.push_back(name);
      return true;
    });
    EXPECT_EQ(done, taken.size());
    return taken;
  }

  Turns<std::string> turns_{3};
};

TEST_F(TurnsTest, sources_take_turns_and_each_keeps_its_order) {
  push(TrafficClass::bounded, 0, {"a1", "a2", "a3"});
  push(TrafficClass::bounded, 2, {"c1", "c2"});
  EXPECT_EQ(run(9), (Names{"a1", "c1", "a2", "c2", "a3"}));
  EXPECT_EQ(run(9), Names{});
}

TEST_F(TurnsTest, timely_comes_before_bounded) {
  push(TrafficClass::bounded, 0, {"a1"});
  push(TrafficClass::timely, 1, {"b1", "b2"});
  EXPECT_EQ(run(9), (Names{"b1", "b2", "a1"}));
}

TEST_F(TurnsTest, who_had_its_turn_when_the_budget_ended_waits_for_the_others) {
  push(TrafficClass::bounded, 0, {"a1", "a2"});
  push(TrafficClass::bounded, 1, {"b1", "b2"});
  EXPECT_EQ(run(1), Names{"a1"});
  EXPECT_EQ(run(2), (Names{"b1", "a2"}));
  EXPECT_EQ(run(2), Names{"b2"});
}

TEST_F(TurnsTest, what_is_refused_stays_and_keeps_its_turn) {
  push(TrafficClass::bounded, 0, {"a1"});
  push(TrafficClass::bounded, 1, {"b1"});
  std::size_t room = 1;
  const auto take = [&](const std::string&) { return room-- > 0; };
  EXPECT_EQ(turns_.run(9, take), 1U);
  EXPECT_EQ(run(9), Names{"b1"});
}

}  // namespace
}  // namespace garrison::server
