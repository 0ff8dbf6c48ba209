#include "apps/lab/link_checkers.h"

#include <gtest/gtest.h>

namespace garrison::lab {
namespace {

constexpr SiteId kHere(0);
constexpr SiteId kThere(1);
constexpr SiteId kElsewhere(2);
constexpr ServerId kA1(0);
constexpr ServerId kA2(1);

class LinkCheckersTest : public ::testing::Test {
 protected:
  LinkCheckersTest() {
    checkers_.set_faulty(std::vector<ServerSet>(3, ServerSet::only(ServerId(2)).insert(ServerId(3))));
    for (std::uint64_t s = 1; s <= 5; ++s) checkers_.on_said(name(s), content(s));
  }
  static site::LinkName name(std::uint64_t sequence, TrafficClass traffic = TrafficClass::bounded) {
    return {kThere, kHere, traffic, Incarnation(1), SeqNum(sequence)};
  }
  static Bytes content(std::uint64_t what) { return {static_cast<std::uint8_t>(what)}; }
  void execute(ServerId server, std::uint64_t events, std::uint64_t sequence) {
    checkers_.on_executed(kHere, server, events, name(sequence), content(sequence));
  }
  void list(ServerId server, std::uint64_t events, ServerId listed) {
    checkers_.on_convicted(kHere, server, events, {kThere, ServerSet::only(listed), site::Offence::wrong_part, {}});
  }
  void expect_violation(const std::string& of) {
    EXPECT_EQ(common_->violation.value_or("").rfind(of, 0), 0U) << common_->violation.value_or("none");
  }
  void expect_none() { EXPECT_EQ(common_->violation.value_or(""), ""); }

  std::shared_ptr<CommonOrder> common_ = std::make_shared<CommonOrder>();
  LinkCheckers checkers_{common_, ServerSet()};
};

TEST_F(LinkCheckersTest, what_was_said_may_be_executed_in_its_turn) {
  for (const ServerId server : {kA1, kA2}) {
    execute(server, 10, 1);
    execute(server, 10, 2);
    execute(server, 11, 3);
  }
  expect_none();
}

TEST_F(LinkCheckersTest, a_bounded_link_message_may_not_be_left_out) {
  execute(kA1, 10, 1);
  execute(kA1, 11, 3);
  expect_violation("links: A1");
}

TEST_F(LinkCheckersTest, each_link_has_turns_of_its_own) {
  execute(kA1, 10, 1);
  const site::LinkName from_there{kThere, kElsewhere, TrafficClass::bounded, Incarnation(1), SeqNum(1)};
  const site::LinkName to_here{kElsewhere, kHere, TrafficClass::bounded, Incarnation(1), SeqNum(1)};
  checkers_.on_said(from_there, content(7));
  checkers_.on_said(to_here, content(8));
  checkers_.on_executed(kElsewhere, kA1, 10, from_there, content(7));
  checkers_.on_executed(kHere, kA1, 11, to_here, content(8));
  expect_none();
}

TEST_F(LinkCheckersTest, timely_ones_may_come_in_any_order_each_once) {
  for (std::uint64_t s = 1; s <= 3; ++s) checkers_.on_said(name(s, TrafficClass::timely), content(s));
  checkers_.on_executed(kHere, kA1, 10, name(3, TrafficClass::timely), content(3));
  expect_none();
  checkers_.on_executed(kHere, kA1, 11, name(2, TrafficClass::timely), content(2));
  expect_none();
  checkers_.on_executed(kHere, kA1, 12, name(3, TrafficClass::timely), content(3));
  expect_violation("links: A1");
}

TEST_F(LinkCheckersTest, what_was_not_said_may_not_be_executed) {
  checkers_.on_executed(kHere, kA1, 10, name(1), content(2));
  expect_violation("links: A1");
}

TEST_F(LinkCheckersTest, nor_what_its_site_never_said_at_all) {
  for (std::uint64_t s = 1; s <= 6; ++s) execute(kA1, s, s);
  expect_violation("links: A1");
}

TEST_F(LinkCheckersTest, servers_of_a_site_execute_the_same) {
  execute(kA1, 10, 1);
  checkers_.on_executed(kHere, kA2, 10, name(1), content(2));
  expect_violation("same links: A2");
}

TEST_F(LinkCheckersTest, at_the_same_event) {
  execute(kA1, 10, 1);
  execute(kA2, 11, 1);
  expect_violation("same links: A2");
}

TEST_F(LinkCheckersTest, none_is_left_out_by_who_was_not_handed_the_machine) {
  execute(kA1, 10, 1);
  execute(kA1, 11, 2);
  execute(kA2, 11, 2);
  expect_violation("same links: A2");
}

TEST_F(LinkCheckersTest, who_was_handed_the_machine_goes_on_where_the_others_were) {
  execute(kA1, 10, 1);
  execute(kA2, 10, 1);
  for (std::uint64_t s = 2; s <= 4; ++s) execute(kA1, 20 + s, s);
  list(kA1, 22, ServerId(3));
  checkers_.on_restored(kHere, kA2, 23, 3);
  execute(kA2, 24, 4);
  execute(kA2, 30, 5);
  execute(kA1, 30, 5);
  expect_none();
}

TEST_F(LinkCheckersTest, and_executes_nothing_again) {
  for (std::uint64_t s = 1; s <= 3; ++s) execute(kA1, s, s);
  checkers_.on_restored(kHere, kA2, 2, 2);
  execute(kA2, 3, 2);
  expect_violation("same links: A2");
}

TEST_F(LinkCheckersTest, a_machine_that_is_handed_over_has_executed_what_the_others_had) {
  for (std::uint64_t s = 1; s <= 3; ++s) execute(kA1, s, s);
  checkers_.on_restored(kHere, kA2, 2, 1);
  expect_violation("handed over: A2");
}

TEST_F(LinkCheckersTest, nor_has_it_executed_more) {
  for (std::uint64_t s = 1; s <= 3; ++s) execute(kA1, s, s);
  checkers_.on_restored(kHere, kA2, 2, 3);
  expect_violation("handed over: A2");
}

TEST_F(LinkCheckersTest, servers_of_a_site_list_the_same_servers) {
  list(kA1, 5, ServerId(3));
  list(kA2, 5, ServerId(2));
  expect_violation("blacklists: A2 lists others");
}

TEST_F(LinkCheckersTest, behind_the_same_event) {
  list(kA1, 5, ServerId(3));
  list(kA2, 6, ServerId(3));
  expect_violation("blacklists: A2 lists others");
}

TEST_F(LinkCheckersTest, and_for_the_same) {
  list(kA1, 5, ServerId(3));
  list(kA2, 5, ServerId(3));
  expect_none();
  EXPECT_EQ(checkers_.listed(), 1U);
  checkers_.on_convicted(kHere, kA1, 7, {kThere, ServerSet::only(ServerId(3)), site::Offence::groundless_response, {}});
  list(kA2, 7, ServerId(3));
  expect_violation("blacklists: A2");
}

TEST_F(LinkCheckersTest, who_was_handed_the_machine_lists_what_comes_behind_it) {
  list(kA1, 5, ServerId(3));
  checkers_.on_restored(kHere, kA2, 5, 0);
  list(kA2, 6, ServerId(3));
  list(kA1, 6, ServerId(3));
  expect_none();
}

TEST_F(LinkCheckersTest, who_is_correct_may_not_be_listed) {
  list(kA1, 5, ServerId(1));
  expect_violation("blacklists: A1 lists B2");
}

TEST_F(LinkCheckersTest, nor_may_a_correct_site) {
  checkers_.on_convicted(kHere, kA1, 5, {kThere, {}, site::Offence::wrong_part, {}});
  expect_violation("blacklists: A1 lists site B");
}

TEST(ByzantineSiteTest, is_held_to_nothing_and_may_be_listed) {
  const auto common = std::make_shared<CommonOrder>();
  LinkCheckers checkers(common, ServerSet::only(ServerId(kThere.value())));
  checkers.set_faulty(std::vector<ServerSet>(2));
  const site::LinkName name{kThere, kHere, TrafficClass::bounded, Incarnation(1), SeqNum(5)};
  for (const ServerId server : {kA1, kA2}) {
    checkers.on_executed(kHere, server, 10, name, Bytes{1});
    checkers.on_convicted(kHere, server, 11, {kThere, ServerSet::only(ServerId(1)), site::Offence::wrong_part, {}});
    checkers.on_convicted(kHere, server, 12, {kThere, {}, site::Offence::wrong_part, {}});
  }
  EXPECT_EQ(common->violation.value_or(""), "");
  EXPECT_EQ(checkers.listed(), 2U);
}

}  // namespace
}  // namespace garrison::lab
