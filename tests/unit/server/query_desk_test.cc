#include "apps/server/query_desk.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "control/service/kv_operation.h"
#include "tests/support/site_keys.h"
#include "tests/unit/server/plain_queues.h"

namespace garrison::server {
namespace {

constexpr ClientId kClient(1);

class QueryDeskTest : public ::testing::Test {
 protected:
  struct Said {
    std::uint64_t number;
    std::uint32_t round;
    std::uint64_t state_sequence;
    std::string result;
    friend bool operator==(const Said&, const Said&) = default;
  };

  static Bytes get(std::string_view key) { return service::encode(service::KvGet{as_bytes(key)}).value(); }
  static Bytes set(std::string_view key, std::string_view value) {
    return service::encode(service::KvSet{as_bytes(key), as_bytes(value)}).value();
  }
  // The executed state counts them: key "k" holds how many.
  void execute(std::size_t updates = 1) {
    for (std::size_t i = 0; i < updates; ++i) {
      ++executed_;
      const Bytes update = set("k", std::to_string(executed_));
      ASSERT_TRUE(executor_.execute({kClient, Incarnation(1), SeqNum(executed_), update}).has_value());
      desk_.on_executed();
    }
  }
  void ask(std::uint64_t number, std::uint64_t target, std::uint64_t token = 0, Bytes operation = get("k")) {
    asked_.push_back(std::make_unique<Bytes>(
        message::encode(keys_.envelope(kClient), message::ClientQuery{.client = kClient,
                                                                      .incarnation = Incarnation(1),
                                                                      .number = number,
                                                                      .round = 2,
                                                                      .token = token,
                                                                      .target = target,
                                                                      .operation = operation})));
    const SlotRef slot{static_cast<std::uint32_t>(number), 0};
    ASSERT_TRUE(queues_.queries->push_one({.message = *asked_.back(), .slot = slot, .client = kClient}));
  }
  // What was answered since the last time; its slots go back.
  std::vector<Said> answers() {
    std::vector<Said> out;
    for (ReplyOutbound one; queues_.answers->pop_one(one);) {
      EXPECT_EQ(one.client, kClient);
      const auto reply = message::decode<message::QueryReply>(desk_.answer_slab().bytes(one.slot));
      EXPECT_TRUE(reply.has_value());
      if (!reply.has_value()) continue;
      EXPECT_EQ(reply->client, kClient);
      EXPECT_EQ(reply->incarnation, Incarnation(1));
      const auto result = service::decode_kv_reply(reply->result);
      out.push_back({reply->number, reply->round, reply->state_sequence,
                     result.has_value() ? std::string(result->bytes.begin(), result->bytes.end()) : "?"});
      EXPECT_TRUE(queues_.answers_sent->push_one(one.slot));
    }
    return out;
  }
  // Queries whose slots came back, by number.
  std::vector<std::uint64_t> over() {
    std::vector<std::uint64_t> out;
    for (QueryDone one; queues_.queries_done->pop_one(one);) out.push_back(one.slot.slot);
    return out;
  }

  testing::SiteKeys keys_{4};
  Queues queues_ = testing::plain_queues(4);
  service::Executor executor_{service::make_service("kv").value()};
  DropCounters drops_;
  QueryDesk desk_{keys_.envelope(ServerId(0)), executor_, queues_, drops_};
  std::vector<std::unique_ptr<Bytes>> asked_;
  std::uint64_t executed_ = 0;
};

using Answers = std::vector<std::uint64_t>;

TEST_F(QueryDeskTest, a_state_that_is_reached_is_answered_from_at_once_and_as_it_is_now) {
  execute(5);
  ask(1, 5);
  ask(2, 3);
  EXPECT_EQ(desk_.poll(Instant(1)), 2U);
  EXPECT_EQ(answers(), (std::vector<Said>{{1, 2, 5, "5"}, {2, 2, 5, "5"}}));
  EXPECT_EQ(over(), (Answers{1, 2}));
  EXPECT_EQ(executor_.state_sequence(), 5U);
}

TEST_F(QueryDeskTest, a_state_to_come_is_answered_from_right_behind_the_update_that_makes_it) {
  execute(5);
  ask(1, 8);
  ask(2, 7);
  desk_.poll(Instant(1));
  EXPECT_TRUE(answers().empty());
  EXPECT_TRUE(over().empty());
  EXPECT_EQ(desk_.waiting(), 2U);
  execute(4);
  EXPECT_EQ(answers(), (std::vector<Said>{{2, 2, 7, "7"}, {1, 2, 8, "8"}}));
  EXPECT_EQ(over(), (Answers{2, 1}));
  EXPECT_EQ(desk_.waiting(), 0U);
  EXPECT_EQ(desk_.next_wakeup(), Instant::never());
}

TEST_F(QueryDeskTest, what_has_waited_for_its_time_is_answered_from_the_present_state) {
  execute(5);
  ask(1, 9, 5);
  desk_.poll(Instant(100));
  const Instant due = Instant(100) + service::kQueryWait;
  EXPECT_EQ(desk_.next_wakeup(), due);
  execute();
  desk_.poll(due - nanoseconds(1));
  EXPECT_TRUE(answers().empty());
  desk_.poll(due);
  EXPECT_EQ(answers(), (std::vector<Said>{{1, 2, 6, "6"}}));
  EXPECT_EQ(over(), (Answers{1}));
}

TEST_F(QueryDeskTest, what_its_client_could_not_use_is_dropped_by_name_when_its_time_is_over) {
  execute(5);
  ask(1, 7, 6);
  desk_.poll(Instant(100));
  desk_.poll(Instant(100) + service::kQueryWait);
  EXPECT_TRUE(answers().empty());
  EXPECT_EQ(drops_.get(DropReason::query_expired), 1U);
  EXPECT_EQ(over(), (Answers{1}));
}

TEST_F(QueryDeskTest, what_would_write_or_is_no_operation_is_refused) {
  execute(5);
  ask(1, 0, 0, set("k", "x"));
  ask(2, 0, 0, Bytes{0xff});
  ask(3, 99, 0, service::encode(service::KvFlushAll{}).value());
  desk_.poll(Instant(1));
  EXPECT_TRUE(answers().empty());
  EXPECT_EQ(drops_.get(DropReason::query_not_read_only), 3U);
  EXPECT_EQ(over(), (Answers{1, 2, 3}));
  ask(4, 0);
  desk_.poll(Instant(2));
  EXPECT_EQ(answers(), (std::vector<Said>{{4, 2, 5, "5"}}));
}

TEST_F(QueryDeskTest, a_pass_takes_in_no_more_than_its_share) {
  execute();
  for (std::uint64_t number = 1; number <= kQueriesPerPass + 3; ++number) ask(number, 0);
  EXPECT_EQ(desk_.poll(Instant(1)), kQueriesPerPass);
  EXPECT_EQ(answers().size(), kQueriesPerPass);
  EXPECT_EQ(desk_.poll(Instant(2)), 3U);
  EXPECT_EQ(answers().size(), 3U);
  EXPECT_EQ(desk_.poll(Instant(3)), 0U);
}

TEST_F(QueryDeskTest, one_update_makes_a_pass_answer_no_more_than_its_share) {
  for (std::uint64_t number = 1; number <= 2 * kQueriesPerPass; ++number) ask(number, 1);
  desk_.poll(Instant(1));
  desk_.poll(Instant(1));
  ASSERT_EQ(desk_.waiting(), 2 * kQueriesPerPass);
  execute(2);
  std::vector<Said> said = answers();
  ASSERT_EQ(said.size(), kQueriesPerPass);
  EXPECT_EQ(said.front(), (Said{1, 2, 1, "1"}));
  EXPECT_EQ(desk_.poll(Instant(2)), kQueriesPerPass) << "the next pass goes on, from where the state is then";
  said = answers();
  ASSERT_EQ(said.size(), kQueriesPerPass);
  EXPECT_EQ(said.front(), (Said{kQueriesPerPass + 1, 2, 2, "2"}));
  EXPECT_EQ(desk_.waiting(), 0U);
}

TEST_F(QueryDeskTest, more_than_may_wait_are_dropped_by_name) {
  for (std::uint64_t number = 1; number <= kWaitingQueries + 5; ++number) ask(number, 9);
  while (desk_.poll(Instant(1)) > 0) {
  }
  EXPECT_EQ(desk_.waiting(), kWaitingQueries);
  EXPECT_EQ(drops_.get(DropReason::query_over_quota), 5U);
  EXPECT_EQ(over().size(), 5U);
}

TEST_F(QueryDeskTest, a_state_that_was_taken_over_from_others_is_answered_from) {
  service::Executor ahead(service::make_service("kv").value());
  const Bytes update = set("k", "far");
  for (std::uint64_t s = 1; s <= 9; ++s) {
    ASSERT_TRUE(ahead.execute({kClient, Incarnation(1), SeqNum(s), update}).has_value());
  }
  ask(1, 4);
  desk_.poll(Instant(1));
  ASSERT_TRUE(executor_.restore(ahead.snapshot()).ok());
  desk_.poll(Instant(2));
  EXPECT_EQ(answers(), (std::vector<Said>{{1, 2, 9, "far"}}));
}

TEST_F(QueryDeskTest, answers_that_nobody_fetches_use_up_their_own_room_only) {
  execute();
  std::uint64_t number = 0;
  while (drops_.get(DropReason::ring_full) == 0) {
    ask(++number, 0);
    desk_.poll(Instant(1));
    ASSERT_LE(number, slots_of(kAnswerClasses) + 1);
    over();
  }
  EXPECT_EQ(desk_.answered() + 1, number);
  EXPECT_EQ(answers().size(), number - 1);
  desk_.poll(Instant(2));
  EXPECT_EQ(desk_.answer_slab().slots_in_use(), 0U);
  ask(++number, 0);
  desk_.poll(Instant(3));
  EXPECT_EQ(answers().size(), 1U);
}

}  // namespace
}  // namespace garrison::server
