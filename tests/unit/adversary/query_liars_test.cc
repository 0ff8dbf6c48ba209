#include "apps/adversary/query_liars.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace garrison::adversary {
namespace {

ByteView text(std::string_view characters) { return as_bytes(characters); }

message::QueryReply truth(std::uint64_t number, std::uint64_t state_sequence, std::string_view result,
                          ClientId client = ClientId(1)) {
  return {ServerId(0), client, Incarnation(1), number, 0, state_sequence, text(result)};
}

TEST(QueryLiarsTest, all_of_them_say_the_same_of_one_round_and_not_of_others) {
  QueryLiars liars(1);
  std::set<std::pair<std::uint64_t, Bytes>> said;
  for (std::uint64_t number = 1; number <= 100; ++number) {
    const auto one = liars.answer(truth(number, 1000 + number, "yes"), text("query"));
    const auto other = liars.answer(truth(number, 1007 + number, "no"), text("query"));
    ASSERT_EQ(one.has_value(), other.has_value());
    if (!one.has_value()) continue;
    EXPECT_EQ(one->state_sequence, other->state_sequence);
    EXPECT_EQ(one->result, other->result);
    said.emplace(one->state_sequence, one->result);
  }
  EXPECT_GT(said.size(), 50U);
  EXPECT_EQ(liars.acted(), 200U);
}

TEST(QueryLiarsTest, they_tell_every_lie_there_is) {
  QueryLiars liars(1);
  std::size_t silent = 0;
  std::size_t ahead = 0;
  std::size_t behind = 0;
  std::size_t longer = 0;
  std::size_t old = 0;
  for (std::uint64_t number = 1; number <= 200; ++number) {
    const auto said = liars.answer(truth(number, 1000 + number, number == 1 ? "first" : "yes"), text("query"));
    if (!said.has_value()) {
      ++silent;
    } else if (equal(said->result, text("first")) && said->state_sequence == 1001) {
      old += number == 1 ? 0 : 1;
    } else if (!equal(said->result, text("yes"))) {
      longer += said->state_sequence == 1000 + number ? 1 : 0;
    } else {
      ahead += said->state_sequence > 1000 + number ? 1 : 0;
      behind += said->state_sequence < 1000 + number ? 1 : 0;
    }
  }
  for (const std::size_t count : {silent, ahead, behind, longer, old}) EXPECT_GT(count, 10U);
  EXPECT_GE(silent + ahead + behind + longer + old, 199U) << "the truth is not among them";
}

TEST(QueryLiarsTest, different_clients_are_told_different_things) {
  QueryLiars liars(3);
  std::size_t different = 0;
  for (std::uint64_t number = 1; number <= 100; ++number) {
    const auto one = liars.answer(truth(number, 9, "yes", ClientId(1)), text("query"));
    const auto other = liars.answer(truth(number, 9, "yes", ClientId(2)), text("query"));
    different += one.has_value() != other.has_value() || (one.has_value() && one->result != other->result) ? 1 : 0;
  }
  EXPECT_GT(different, 30U);
}

}  // namespace
}  // namespace garrison::adversary
