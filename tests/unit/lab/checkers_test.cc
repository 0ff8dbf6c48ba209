#include "apps/lab/checkers.h"

#include <gtest/gtest.h>

namespace garrison::lab {
namespace {

constexpr ServerId kA1(0);
constexpr ServerId kA2(1);
constexpr ClientId kClient(0);

class CheckersTest : public ::testing::Test {
 protected:
  CheckersTest() {
    for (std::uint64_t s = 1; s <= 5; ++s) checkers_.on_submit(kClient, SeqNum(s), operation(s));
  }
  static Bytes operation(std::uint64_t what) { return {static_cast<std::uint8_t>(what)}; }
  void execute(ServerId server, std::uint64_t sequence, std::uint64_t position, std::uint64_t what,
               std::uint8_t result = 0) {
    const Bytes bytes = operation(what);
    const Bytes answer = {result};
    checkers_.on_execute(server, {kClient, Incarnation(1), SeqNum(sequence), bytes},
                         {kClient, Incarnation(1), SeqNum(sequence), position, answer, false});
  }
  std::string violation() { return checkers_.violation().value_or(""); }

  Checkers checkers_{4};
};

TEST_F(CheckersTest, equal_prefixes_are_agreement) {
  for (std::uint64_t s = 1; s <= 3; ++s) execute(kA1, s, s, s);
  execute(kA2, 1, 1, 1);
  EXPECT_EQ(violation(), "");
  EXPECT_EQ(checkers_.agreed(), 3U);
  EXPECT_EQ(checkers_.executed(kA2), 1U);
}

TEST_F(CheckersTest, another_order_violates_agreement) {
  execute(kA1, 1, 1, 1);
  execute(kA1, 2, 2, 2);
  execute(kA2, 2, 1, 2);
  EXPECT_EQ(violation().rfind("agreement", 0), 0U) << violation();
}

TEST_F(CheckersTest, another_result_violates_agreement) {
  execute(kA1, 1, 1, 1, 7);
  execute(kA2, 1, 1, 1, 8);
  EXPECT_EQ(violation().rfind("agreement", 0), 0U) << violation();
}

TEST_F(CheckersTest, a_gap_in_the_numbering_violates_agreement) {
  execute(kA1, 1, 2, 1);
  EXPECT_EQ(violation().rfind("agreement", 0), 0U) << violation();
}

TEST_F(CheckersTest, an_update_that_nobody_submitted_violates_validity) {
  execute(kA1, 6, 1, 6);
  EXPECT_EQ(violation().rfind("validity", 0), 0U) << violation();
}

TEST_F(CheckersTest, other_bytes_than_the_client_s_violate_validity) {
  execute(kA1, 1, 1, 2);
  EXPECT_EQ(violation().rfind("validity", 0), 0U) << violation();
}

TEST_F(CheckersTest, a_second_execution_violates_exactly_once) {
  execute(kA1, 1, 1, 1);
  execute(kA1, 1, 2, 1);
  EXPECT_EQ(violation().rfind("exactly-once", 0), 0U) << violation();
}

TEST_F(CheckersTest, a_server_that_takes_over_a_state_continues_the_common_order_from_there) {
  for (std::uint64_t s = 1; s <= 4; ++s) execute(kA1, s, s, s);
  execute(kA2, 1, 1, 1);
  checkers_.on_restore(kA2, 3);
  execute(kA2, 4, 4, 4);
  EXPECT_EQ(violation(), "");
  EXPECT_EQ(checkers_.executed(kA2), 4U);
  EXPECT_EQ(checkers_.restored(kA2), 1U);
  execute(kA2, 3, 5, 3);
  EXPECT_EQ(violation().rfind("exactly-once", 0), 0U) << violation();
}

TEST_F(CheckersTest, a_state_beyond_the_common_order_violates_restore) {
  execute(kA1, 1, 1, 1);
  checkers_.on_restore(kA2, 2);
  EXPECT_EQ(violation().rfind("restore", 0), 0U) << violation();
}

TEST_F(CheckersTest, a_state_behind_the_server_violates_restore) {
  for (std::uint64_t s = 1; s <= 3; ++s) execute(kA1, s, s, s);
  checkers_.on_restore(kA1, 2);
  EXPECT_EQ(violation().rfind("restore", 0), 0U) << violation();
}

TEST_F(CheckersTest, an_accepted_result_must_be_the_one_of_the_order) {
  execute(kA1, 1, 1, 1, 7);
  checkers_.on_accept(kClient, SeqNum(1), 1, Bytes{7});
  EXPECT_EQ(violation(), "");
  checkers_.on_accept(kClient, SeqNum(1), 1, Bytes{8});
  EXPECT_EQ(violation().rfind("replies", 0), 0U) << violation();
}

TEST_F(CheckersTest, the_first_violation_is_the_one_that_is_told) {
  checkers_.report("first");
  checkers_.report("second");
  EXPECT_EQ(violation(), "first");
}

}  // namespace
}  // namespace garrison::lab
