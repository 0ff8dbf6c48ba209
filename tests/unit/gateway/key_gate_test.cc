#include "apps/gateway/key_gate.h"

#include <gtest/gtest.h>

namespace garrison::gateway {
namespace {

Operation write(std::vector<std::string> keys) { return {{}, std::move(keys), false, false}; }
Operation read(std::vector<std::string> keys) { return {{}, std::move(keys), true, false}; }
Footprint footprint(const Operation& operation) {
  return {operation.keys, operation.reads_only, operation.whole_database};
}

TEST(KeyGateTest, holds_back_what_touches_a_key_in_use) {
  KeyGate gate(false);
  gate.enter(footprint(write({"a", "b"})));
  EXPECT_FALSE(gate.admits(write({"a"})));
  EXPECT_FALSE(gate.admits(read({"c", "b"})));
  EXPECT_TRUE(gate.admits(write({"c"})));
}

TEST(KeyGateTest, lets_reads_of_one_key_run_together) {
  KeyGate gate(false);
  gate.enter(footprint(read({"a"})));
  EXPECT_TRUE(gate.admits(read({"a"})));
  gate.enter(footprint(read({"a"})));
  gate.leave(footprint(read({"a"})));
  EXPECT_FALSE(gate.admits(write({"a"}))) << "one read is still in flight";
  gate.leave(footprint(read({"a"})));
  EXPECT_TRUE(gate.admits(write({"a"})));
}

TEST(KeyGateTest, runs_operations_on_the_whole_database_alone) {
  const Operation flush{{}, {}, false, true};
  KeyGate gate(false);
  EXPECT_TRUE(gate.admits(flush));
  gate.enter(footprint(read({"a"})));
  EXPECT_FALSE(gate.admits(flush));
  gate.leave(footprint(read({"a"})));
  gate.enter(footprint(flush));
  EXPECT_FALSE(gate.admits(read({"a"})));
  gate.leave(footprint(flush));
  EXPECT_TRUE(gate.admits(read({"a"})));
}

TEST(KeyGateTest, runs_one_operation_at_a_time_when_strict) {
  KeyGate gate(true);
  gate.enter(footprint(read({"a"})));
  EXPECT_FALSE(gate.admits(read({"b"})));
}

TEST(KeyGateTest, counts_a_key_named_twice_twice) {
  KeyGate gate(false);
  gate.enter(footprint(write({"a", "a"})));
  gate.leave(footprint(write({"a", "a"})));
  EXPECT_TRUE(gate.admits(write({"a"})));
  EXPECT_EQ(gate.in_flight(), 0U);
}

}  // namespace
}  // namespace garrison::gateway
