#include "control/client/query_core.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <string_view>

#include "dataplane/base/rng.h"

namespace garrison::client {
namespace {

ServerId server(std::size_t index) { return ServerId(static_cast<std::uint16_t>(index)); }

class QueryCoreTest : public testing::Test {
 protected:
  static QueryConfig config(std::size_t f = 1) {
    QueryConfig out;
    out.servers = 3 * f + 1;
    out.faults = f;
    out.client = ClientId(7);
    out.incarnation = Incarnation(3);
    out.window = 4;
    return out;
  }
  static message::QueryReply reply(std::size_t from, std::uint64_t number, std::uint32_t round,
                                   std::uint64_t state_sequence, std::string_view result) {
    return {server(from), ClientId(7), Incarnation(3), number, round, state_sequence, as_bytes(result)};
  }
  Ask submit() {
    output_.clear();
    const std::optional<std::uint64_t> number = core_.submit(now_, output_);
    EXPECT_TRUE(number.has_value());
    EXPECT_EQ(output_.asks.size(), 1U);
    EXPECT_EQ(output_.asks.front().number, number.value_or(0));
    return output_.asks.front();
  }
  // Of the first query, in its round `round_`.
  AnswerOutcome answer(std::size_t from, std::uint64_t state_sequence, std::string_view result = "yes",
                       std::uint64_t number = 1) {
    output_.clear();
    const AnswerOutcome outcome =
        core_.on_answer(now_, reply(from, number, round_, state_sequence, result), server(from), output_);
    if (!output_.asks.empty()) round_ = output_.asks.front().round;
    return outcome;
  }
  void time_out() {
    output_.clear();
    now_ = core_.next_wakeup();
    core_.on_wakeup(now_, output_);
    if (!output_.asks.empty()) round_ = output_.asks.front().round;
  }
  void accept(std::uint64_t number, std::uint64_t state_sequence) {
    round_ = 0;
    EXPECT_EQ(answer(0, state_sequence, "yes", number), AnswerOutcome::counted);
    EXPECT_EQ(answer(1, state_sequence, "yes", number), AnswerOutcome::accepted);
  }

  Instant now_{1'000};
  std::uint32_t round_ = 0;
  QueryOutput output_;
  QueryCore core_{config()};
};

TEST_F(QueryCoreTest, the_first_round_asks_for_the_states_that_servers_are_at) {
  EXPECT_EQ(core_.next_wakeup(), Instant::never());
  const Ask first = submit();
  EXPECT_EQ(first.number, 1U);
  EXPECT_EQ(first.round, 0U);
  EXPECT_EQ(first.token, 0U);
  EXPECT_EQ(first.target, 0U);
  EXPECT_EQ(core_.next_wakeup(), now_ + core_.config().round_timeout);
  EXPECT_EQ(submit().number, 2U);
}

TEST_F(QueryCoreTest, what_f_plus_1_servers_say_of_one_state_is_the_answer) {
  submit();
  now_ = now_ + milliseconds(5);
  EXPECT_EQ(answer(2, 40), AnswerOutcome::counted);
  EXPECT_EQ(answer(3, 40), AnswerOutcome::accepted);
  ASSERT_EQ(output_.answered.size(), 1U);
  EXPECT_EQ(output_.answered[0].number, 1U);
  EXPECT_EQ(output_.answered[0].state_sequence, 40U);
  EXPECT_TRUE(equal(output_.answered[0].result, as_bytes(std::string_view("yes"))));
  EXPECT_EQ(output_.answered[0].latency, milliseconds(5));
  EXPECT_EQ(core_.token(), 40U);
  EXPECT_EQ(core_.outstanding(), 0U);
  EXPECT_EQ(core_.next_wakeup(), Instant::never());
  EXPECT_EQ(core_.stats().at_once, 1U);
}

TEST_F(QueryCoreTest, f_equal_lies_are_no_answer) {
  core_ = QueryCore(config(2));
  submit();
  EXPECT_EQ(answer(0, 40, "lie"), AnswerOutcome::counted);
  EXPECT_EQ(answer(1, 40, "lie"), AnswerOutcome::counted);
  EXPECT_EQ(answer(2, 40), AnswerOutcome::counted);
  EXPECT_EQ(answer(3, 40), AnswerOutcome::counted);
  EXPECT_EQ(answer(4, 40), AnswerOutcome::accepted);
  EXPECT_TRUE(equal(output_.answered.at(0).result, as_bytes(std::string_view("yes"))));
}

TEST_F(QueryCoreTest, equal_results_of_different_states_are_no_answer) {
  submit();
  EXPECT_EQ(answer(0, 40), AnswerOutcome::counted);
  EXPECT_EQ(answer(1, 41), AnswerOutcome::counted);
  EXPECT_EQ(answer(2, 41), AnswerOutcome::accepted);
  EXPECT_EQ(output_.answered.at(0).state_sequence, 41U);
}

TEST_F(QueryCoreTest, nobody_is_believed_who_answers_from_before_what_the_client_has_seen) {
  submit();
  accept(1, 40);
  const Ask ask = submit();
  EXPECT_EQ(ask.token, 40U);
  EXPECT_EQ(ask.target, 40U);
  round_ = 0;
  EXPECT_EQ(answer(0, 39, "old", 2), AnswerOutcome::counted);
  EXPECT_EQ(answer(1, 39, "old", 2), AnswerOutcome::counted);
  EXPECT_EQ(answer(2, 39, "old", 2), AnswerOutcome::counted);
  EXPECT_EQ(core_.stats().stale, 3U);
  EXPECT_TRUE(output_.answered.empty());
  ASSERT_EQ(output_.asks.size(), 1U);
  EXPECT_EQ(output_.asks[0].token, 40U);
  EXPECT_EQ(output_.asks[0].target, 40U);
  EXPECT_EQ(answer(0, 40, "new", 2), AnswerOutcome::counted);
  EXPECT_EQ(answer(1, 40, "new", 2), AnswerOutcome::accepted);
}

TEST_F(QueryCoreTest, a_client_s_own_updates_count_as_seen) {
  core_.on_ordered(17);
  core_.on_ordered(12);
  EXPECT_EQ(core_.token(), 17U);
  EXPECT_EQ(submit().token, 17U);
  EXPECT_EQ(answer(0, 16), AnswerOutcome::counted);
  EXPECT_EQ(answer(1, 16), AnswerOutcome::counted);
  EXPECT_EQ(core_.stats().answered, 0U);
}

TEST_F(QueryCoreTest, a_query_is_held_to_what_was_seen_when_it_was_asked) {
  submit();
  core_.on_ordered(50);  // of an update that was under way beside it
  accept(1, 40);
  EXPECT_EQ(core_.token(), 50U);
}

TEST_F(QueryCoreTest, where_states_differ_the_next_round_names_one_that_a_correct_server_has_reached) {
  submit();
  answer(0, 42, "a");
  answer(1, 41, "b");
  EXPECT_TRUE(output_.asks.empty());
  answer(2, 40, "c");  // the fourth may be faulty, and silent
  ASSERT_EQ(output_.asks.size(), 1U);
  EXPECT_EQ(output_.asks[0].round, 1U);
  EXPECT_EQ(output_.asks[0].target, 41U);
  EXPECT_EQ(answer(1, 41, "b"), AnswerOutcome::counted);
  EXPECT_EQ(answer(2, 41, "b"), AnswerOutcome::accepted);
  EXPECT_EQ(core_.stats().at_once, 0U);
}

TEST_F(QueryCoreTest, f_servers_cannot_put_off_a_query_to_a_state_that_nobody_reaches) {
  core_ = QueryCore(config(2));
  submit();
  answer(0, ~std::uint64_t{0}, "lie");
  answer(1, ~std::uint64_t{0}, "lie");
  answer(2, 41);
  answer(3, 40);
  answer(4, 39);
  ASSERT_EQ(output_.asks.size(), 1U);
  EXPECT_EQ(output_.asks[0].target, 41U);
}

TEST_F(QueryCoreTest, one_that_servers_had_passed_makes_it_look_further_ahead) {
  submit();
  answer(0, 42, "a");
  answer(1, 41, "b");
  answer(2, 40, "c");
  EXPECT_EQ(output_.asks.at(0).target, 41U);
  answer(0, 52, "a");
  answer(1, 51, "b");
  answer(2, 50, "c");
  EXPECT_EQ(output_.asks.at(0).target, 51U + 10U) << "as far as they came in the last round";
  EXPECT_EQ(answer(0, 61), AnswerOutcome::counted);
  EXPECT_EQ(answer(1, 61), AnswerOutcome::accepted);

  submit();  // ... and it remembers
  round_ = 0;
  answer(0, 62, "a", 2);
  answer(1, 63, "b", 2);
  answer(2, 64, "c", 2);
  EXPECT_EQ(output_.asks.at(0).target, 63U + 10U);
}

TEST_F(QueryCoreTest, a_lead_is_bounded_and_shrinks_while_it_is_not_needed) {
  submit();
  answer(0, 42, "a");
  answer(1, 41, "b");
  answer(2, 40, "c");
  answer(0, 100'042, "a");
  answer(1, 100'041, "b");
  answer(2, 100'040, "c");
  EXPECT_EQ(output_.asks.at(0).target, 100'041U + kMaxQueryLead);
  answer(0, 100'297, "a");
  answer(1, 100'297, "a");
  for (std::uint64_t number = 2; number < 100; ++number) {
    submit();
    accept(number, 100'300);
  }
  submit();
  round_ = 0;
  answer(0, 100'301, "a", 100);
  answer(1, 100'302, "b", 100);
  answer(2, 100'303, "c", 100);
  EXPECT_EQ(output_.asks.at(0).target, 100'302U);
}

TEST_F(QueryCoreTest, answers_of_different_rounds_agree) {
  submit();
  answer(0, 42, "a");
  answer(1, 41, "b");
  answer(2, 40, "c");
  ASSERT_EQ(round_, 1U);
  output_.clear();
  const message::QueryReply before = reply(3, 1, 0, 42, "a");
  EXPECT_EQ(core_.on_answer(now_, before, server(3), output_), AnswerOutcome::accepted);
}

TEST_F(QueryCoreTest, silence_ends_a_round_after_its_time) {
  submit();
  answer(0, 42, "a");
  answer(1, 41, "b");
  output_.clear();
  core_.on_wakeup(now_ + core_.config().round_timeout - nanoseconds(1), output_);
  EXPECT_TRUE(output_.asks.empty());
  time_out();
  ASSERT_EQ(output_.asks.size(), 1U);
  EXPECT_EQ(output_.asks[0].round, 1U);
  EXPECT_EQ(output_.asks[0].target, 41U);
  EXPECT_EQ(core_.stats().timeouts, 1U);
}

TEST_F(QueryCoreTest, a_query_that_cannot_be_answered_is_ordered) {
  submit();
  for (std::uint32_t round = 1; round < kQueryRounds; ++round) {
    time_out();
    EXPECT_EQ(output_.asks.size(), 1U);
    EXPECT_TRUE(output_.to_order.empty());
  }
  time_out();
  EXPECT_TRUE(output_.asks.empty());
  EXPECT_EQ(output_.to_order, std::vector<std::uint64_t>{1});
  EXPECT_EQ(core_.outstanding(), 0U);
  EXPECT_EQ(core_.next_wakeup(), Instant::never());
  EXPECT_EQ(answer(0, 42), AnswerOutcome::late);
}

TEST_F(QueryCoreTest, a_server_counts_once_in_a_round_with_its_first_answer) {
  submit();
  EXPECT_EQ(answer(0, 40, "lie"), AnswerOutcome::counted);
  EXPECT_EQ(answer(0, 40, "lie"), AnswerOutcome::repeated);
  EXPECT_EQ(answer(0, 40), AnswerOutcome::repeated);
  EXPECT_EQ(answer(1, 40), AnswerOutcome::counted);
  EXPECT_EQ(answer(0, 40), AnswerOutcome::repeated);
  EXPECT_EQ(answer(2, 40), AnswerOutcome::accepted);
}

TEST_F(QueryCoreTest, what_was_not_asked_of_this_client_counts_for_nothing) {
  submit();
  const auto outcome = [&](message::QueryReply one, std::size_t sender) {
    return core_.on_answer(now_, one, server(sender), output_);
  };
  message::QueryReply other_client = reply(0, 1, 0, 40, "yes");
  other_client.client = ClientId(8);
  message::QueryReply other_life = reply(0, 1, 0, 40, "yes");
  other_life.incarnation = Incarnation(2);
  EXPECT_EQ(outcome(other_client, 0), AnswerOutcome::foreign);
  EXPECT_EQ(outcome(other_life, 0), AnswerOutcome::foreign);
  EXPECT_EQ(outcome(reply(1, 1, 0, 40, "yes"), 0), AnswerOutcome::foreign) << "in another's name";
  EXPECT_EQ(outcome(reply(9, 1, 0, 40, "yes"), 9), AnswerOutcome::foreign);
  EXPECT_EQ(outcome(reply(0, 0, 0, 40, "yes"), 0), AnswerOutcome::foreign);
  EXPECT_EQ(outcome(reply(0, 2, 0, 40, "yes"), 0), AnswerOutcome::foreign);
  EXPECT_EQ(outcome(reply(0, 1, 1, 40, "yes"), 0), AnswerOutcome::foreign) << "a round that was not asked";
  EXPECT_EQ(core_.stats().foreign, 7U);
  EXPECT_TRUE(output_.answered.empty());
}

TEST_F(QueryCoreTest, the_window_bounds_what_is_under_way) {
  for (int i = 0; i < 4; ++i) submit();
  EXPECT_TRUE(core_.window_full());
  output_.clear();
  EXPECT_FALSE(core_.submit(now_, output_).has_value());
  EXPECT_TRUE(output_.asks.empty());
  accept(2, 40);
  EXPECT_EQ(submit().number, 5U);
}

// A site that executes while it is asked: servers at different states, some of them lagging, answers lost or late, f
// servers that lie alike, each to every client as it likes.
class SiteModel {
 public:
  SiteModel(std::uint64_t seed, std::size_t f, std::size_t believed)
      : rng_(seed), f_(f), servers_(3 * f + 1), executed_(servers_, 1), core_(config(f, believed)) {}

  // One line of what the client should not have believed; empty: all was right, and every query ended.
  std::string run(std::size_t queries) {
    while (ended_ < queries && wrong_.empty()) {
      step();
      if (++steps_ > 100'000) return "it takes for ever";
    }
    return wrong_;
  }
  [[nodiscard]] const QueryCore& core() const { return core_; }

 private:
  static QueryConfig config(std::size_t f, std::size_t believed) {
    return {.servers = 3 * f + 1, .faults = believed, .client = ClientId(7), .incarnation = Incarnation(3)};
  }
  static std::string truth(std::uint64_t sequence, std::uint64_t number) {
    return std::to_string(sequence) + "/" + std::to_string(number);
  }

  void step() {
    now_ = now_ + milliseconds(1);
    newest_ += rng_.below(4);
    for (std::uint64_t& one : executed_) {
      if (rng_.below(3) > 0) one = newest_ - std::min(newest_ - one, rng_.below(3));
    }
    QueryOutput output;
    if (!core_.window_full() && rng_.below(4) == 0) {
      static_cast<void>(core_.submit(now_, output));
      floor_.push_back(core_.token());
    }
    core_.on_wakeup(now_, output);
    take(output);
    for (std::size_t i = 0; i < asked_.size(); ++i) serve(asked_[rng_.below(asked_.size())]);
  }

  void serve(std::pair<Ask, std::size_t>& one) {
    auto& [ask, who] = one;
    if (ask.number == 0) return;
    const bool faulty = who < f_;
    std::uint64_t at = executed_[who];
    if (!faulty && at < ask.target && rng_.below(20) > 0) return;  // waits, though not for ever
    // The state right behind the target, if it was passed while the query waited.
    if (!faulty && at >= ask.target && ask.target > 0 && rng_.below(2) == 0) at = std::max(ask.target, at - 1);
    std::string said = truth(at, ask.number);
    if (faulty) lie(ask, at, said);
    const Ask answered = ask;
    ask.number = 0;
    if (rng_.below(10) == 0) return;  // lost
    QueryOutput output;
    core_.on_answer(now_,
                    {server(who), ClientId(7), Incarnation(3), answered.number, answered.round, at, as_bytes(said)},
                    server(who), output);
    take(output);
  }

  void lie(const Ask& ask, std::uint64_t& at, std::string& said) {
    switch ((ask.number + ask.round) % 4) {
      case 0:  // false
        said = "lie";
        break;
      case 1:  // of a state to come
        at = newest_ + 50;
        said = truth(at, ask.number);
        break;
      case 2:  // the truth of long ago
        at = ask.token / 2;
        said = truth(at, ask.number);
        break;
      default:  // what will never be
        at = ~std::uint64_t{0};
    }
    if (ask.number % 4 == 0) at = ask.token;  // alike, whatever each has executed
  }

  void take(const QueryOutput& output) {
    for (const Ask& ask : output.asks) {
      for (std::size_t i = 0; i < servers_; ++i) asked_.emplace_back(ask, i);
    }
    std::erase_if(asked_, [](const auto& one) { return one.first.number == 0; });
    ended_ += output.to_order.size();
    for (const std::uint64_t number : output.to_order) {
      static_cast<void>(number);
      core_.on_ordered(++newest_);
    }
    for (const Answered& one : output.answered) {
      ++ended_;
      const std::string result(one.result.begin(), one.result.end());
      if (one.state_sequence > newest_) wrong_ = "a state to come";
      if (one.state_sequence < floor_[one.number - 1]) wrong_ = "a state before what it had seen";
      if (result != truth(one.state_sequence, one.number)) wrong_ = "a lie";
      if (core_.token() < one.state_sequence) wrong_ = "it forgets";
    }
  }

  Rng rng_;
  std::size_t f_;
  std::size_t servers_;
  std::vector<std::uint64_t> executed_;
  QueryCore core_;
  Instant now_{0};
  std::uint64_t newest_ = 1;
  std::vector<std::uint64_t> floor_;                // of each query: what the client had seen
  std::vector<std::pair<Ask, std::size_t>> asked_;  // under way to a server; number 0: answered
  std::size_t ended_ = 0;
  std::size_t steps_ = 0;
  std::string wrong_;
};

TEST(QueryCoreModelTest, nothing_false_or_old_is_accepted_and_every_query_ends) {
  for (const std::size_t f : {1U, 2U, 3U}) {
    QueryStats sum;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      SiteModel site(seed, f, f);
      EXPECT_EQ(site.run(200), "") << "seed " << seed << " f " << f;
      sum += site.core().stats();
    }
    EXPECT_GT(sum.answered, sum.at_once) << "further rounds help";
    EXPECT_GT(sum.at_once, 0U);
  }
}

TEST(QueryCoreModelTest, a_client_that_believes_f_servers_is_deceived) {
  for (const std::size_t f : {1U, 2U, 3U}) {
    bool deceived = false;
    for (std::uint64_t seed = 1; seed <= 20 && !deceived; ++seed)
      deceived = !SiteModel(seed, f, f - 1).run(200).empty();
    EXPECT_TRUE(deceived) << f;
  }
}

}  // namespace
}  // namespace garrison::client
