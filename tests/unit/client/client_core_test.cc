#include "control/client/client_core.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "dataplane/base/rng.h"

namespace garrison::client {
namespace {

constexpr Duration kTimeout = milliseconds(100);
constexpr Duration kTimeoutMax = milliseconds(400);

ServerId server(std::size_t index) { return ServerId(static_cast<std::uint16_t>(index)); }

ServerSet servers(std::initializer_list<std::size_t> indices) {
  ServerSet out;
  for (const std::size_t index : indices) out.insert(server(index));
  return out;
}

class ClientCoreTest : public testing::Test {
 protected:
  static ClientConfig config(Pattern pattern = Pattern::one_server) {
    ClientConfig out;
    out.client = ClientId(7);
    out.incarnation = Incarnation(3);
    out.window = 4;
    out.timeout_initial = kTimeout;
    out.timeout_max = kTimeoutMax;
    out.pattern = pattern;
    return out;
  }
  static message::ClientReply reply(std::size_t from, std::uint64_t sequence, std::string_view result,
                                    std::uint64_t state_sequence = 10) {
    message::ClientReply out;
    out.server = server(from);
    out.client = ClientId(7);
    out.incarnation = Incarnation(3);
    out.sequence = SeqNum(sequence);
    out.state_sequence = state_sequence;
    out.result = as_bytes(result);
    return out;
  }
  void remake(const ClientConfig& with) { core_ = ClientCore(with); }

  // Where the sequence was sent to.
  ServerSet submit() {
    output_.clear();
    const std::optional<SeqNum> sequence = core_.submit(now_, output_);
    EXPECT_TRUE(sequence.has_value());
    EXPECT_EQ(output_.sends.size(), 1U);
    if (!sequence || output_.sends.size() != 1) return {};
    EXPECT_EQ(output_.sends[0].sequence, *sequence);
    return output_.sends[0].to;
  }
  ReplyOutcome answer(std::size_t from, std::uint64_t sequence, std::string_view result = "yes",
                      std::uint64_t state_sequence = 10) {
    output_.clear();
    return core_.on_reply(now_, reply(from, sequence, result, state_sequence), server(from), output_);
  }
  void complete(std::uint64_t sequence) {
    EXPECT_EQ(answer(0, sequence), ReplyOutcome::counted);
    EXPECT_EQ(answer(1, sequence), ReplyOutcome::completed);
  }
  // Advances to the next wakeup; where the one sequence then due was sent to.
  ServerSet time_out() {
    output_.clear();
    now_ = core_.next_wakeup();
    core_.on_wakeup(now_, output_);
    EXPECT_EQ(output_.sends.size(), 1U);
    return output_.sends.empty() ? ServerSet() : output_.sends[0].to;
  }

  Instant now_{1'000};
  Output output_;
  ClientCore core_{config()};
};

TEST_F(ClientCoreTest, sequences_start_at_one_and_go_to_one_server) {
  EXPECT_EQ(core_.next_wakeup(), Instant::never());
  EXPECT_EQ(submit(), servers({0}));
  EXPECT_EQ(output_.sends[0].sequence, SeqNum(1));
  EXPECT_EQ(core_.next_wakeup(), now_ + kTimeout);
  submit();
  EXPECT_EQ(output_.sends[0].sequence, SeqNum(2));
}

TEST_F(ClientCoreTest, a_sequence_completes_when_f_plus_1_servers_agree) {
  submit();
  now_ = now_ + milliseconds(5);
  EXPECT_EQ(answer(2, 1, "yes", 11), ReplyOutcome::counted);
  EXPECT_TRUE(output_.completed.empty());
  EXPECT_EQ(answer(3, 1, "yes", 11), ReplyOutcome::completed);
  ASSERT_EQ(output_.completed.size(), 1U);
  EXPECT_EQ(output_.completed[0].sequence, SeqNum(1));
  EXPECT_EQ(output_.completed[0].state_sequence, 11U);
  EXPECT_TRUE(equal(output_.completed[0].result, as_bytes(std::string_view("yes"))));
  EXPECT_EQ(output_.completed[0].latency, milliseconds(5));
  EXPECT_EQ(core_.next_wakeup(), Instant::never());
  EXPECT_EQ(core_.outstanding(), 0U);
}

TEST_F(ClientCoreTest, f_faulty_replies_do_not_complete) {
  ClientConfig seven = config();
  seven.servers = 7;
  seven.faults = 2;
  remake(seven);
  submit();
  EXPECT_EQ(answer(0, 1, "lie"), ReplyOutcome::counted);
  EXPECT_EQ(answer(1, 1, "lie"), ReplyOutcome::counted);
  EXPECT_EQ(answer(2, 1, "yes"), ReplyOutcome::counted);
  EXPECT_EQ(answer(3, 1, "yes"), ReplyOutcome::counted);
  EXPECT_EQ(answer(4, 1, "yes"), ReplyOutcome::completed);
  EXPECT_TRUE(equal(output_.completed.at(0).result, as_bytes(std::string_view("yes"))));
}

TEST_F(ClientCoreTest, results_agree_only_with_equal_state_sequences) {
  submit();
  EXPECT_EQ(answer(0, 1, "yes", 10), ReplyOutcome::counted);
  EXPECT_EQ(answer(1, 1, "yes", 11), ReplyOutcome::counted);
  EXPECT_EQ(answer(2, 1, "yes", 11), ReplyOutcome::completed);
  EXPECT_EQ(output_.completed.at(0).state_sequence, 11U);
}

TEST_F(ClientCoreTest, an_equivocating_server_counts_once_with_its_first_answer) {
  submit();
  EXPECT_EQ(answer(0, 1, "lie"), ReplyOutcome::counted);
  EXPECT_EQ(answer(0, 1, "lie"), ReplyOutcome::repeated);
  EXPECT_EQ(answer(0, 1, "yes"), ReplyOutcome::changed);
  EXPECT_EQ(answer(1, 1, "yes"), ReplyOutcome::counted);
  EXPECT_EQ(answer(0, 1, "yes"), ReplyOutcome::changed);
  EXPECT_EQ(core_.stats().changed, 2U);
  EXPECT_EQ(answer(2, 1, "yes"), ReplyOutcome::completed);
}

TEST_F(ClientCoreTest, a_server_cannot_vote_in_another_servers_name) {
  submit();
  EXPECT_EQ(answer(0, 1), ReplyOutcome::counted);
  EXPECT_EQ(core_.on_reply(now_, reply(1, 1, "yes"), server(0), output_), ReplyOutcome::foreign);
  EXPECT_EQ(core_.on_reply(now_, reply(9, 1, "yes"), server(9), output_), ReplyOutcome::foreign);
  EXPECT_EQ(core_.stats().completed, 0U);
}

TEST_F(ClientCoreTest, replies_for_others_or_for_what_was_never_submitted_are_foreign) {
  submit();
  message::ClientReply other_client = reply(0, 1, "yes");
  other_client.client = ClientId(8);
  message::ClientReply other_life = reply(0, 1, "yes");
  other_life.incarnation = Incarnation(2);
  EXPECT_EQ(core_.on_reply(now_, other_client, server(0), output_), ReplyOutcome::foreign);
  EXPECT_EQ(core_.on_reply(now_, other_life, server(0), output_), ReplyOutcome::foreign);
  EXPECT_EQ(answer(0, 0), ReplyOutcome::foreign);
  EXPECT_EQ(answer(0, 2), ReplyOutcome::foreign);
  EXPECT_EQ(answer(0, 5), ReplyOutcome::foreign);  // the slot of sequence 1
  EXPECT_EQ(core_.stats().foreign, 5U);
}

TEST_F(ClientCoreTest, replies_after_completion_are_late) {
  submit();
  complete(1);
  EXPECT_EQ(answer(2, 1), ReplyOutcome::late);
  EXPECT_EQ(answer(0, 1, "other"), ReplyOutcome::late);
  EXPECT_TRUE(output_.completed.empty());
  EXPECT_EQ(core_.stats().late, 2U);
  EXPECT_EQ(core_.stats().completed, 1U);
}

TEST_F(ClientCoreTest, the_window_is_counted_from_the_oldest_unanswered_sequence) {
  for (int i = 0; i < 4; ++i) submit();
  EXPECT_TRUE(core_.window_full());
  output_.clear();
  EXPECT_FALSE(core_.submit(now_, output_).has_value());
  EXPECT_TRUE(output_.sends.empty());
  complete(2);
  complete(3);
  EXPECT_TRUE(core_.window_full());  // sequence 1 is still open
  complete(1);
  EXPECT_FALSE(core_.window_full());
  for (int i = 0; i < 3; ++i) submit();
  EXPECT_TRUE(core_.window_full());
  EXPECT_EQ(output_.sends[0].sequence, SeqNum(7));
}

TEST_F(ClientCoreTest, timeouts_walk_from_one_server_to_the_next_and_then_to_f_plus_1) {
  EXPECT_EQ(submit(), servers({0}));
  EXPECT_EQ(time_out(), servers({1}));
  EXPECT_EQ(time_out(), servers({2, 3}));
  EXPECT_EQ(time_out(), servers({0, 1}));
  EXPECT_EQ(time_out(), servers({2, 3}));
  EXPECT_EQ(core_.stats().timeouts, 4U);
}

TEST_F(ClientCoreTest, timeouts_double_up_to_their_maximum) {
  const Instant start = now_;
  submit();
  EXPECT_EQ(core_.next_wakeup(), start + milliseconds(100));
  time_out();
  EXPECT_EQ(core_.next_wakeup(), start + milliseconds(100 + 200));
  time_out();
  EXPECT_EQ(core_.next_wakeup(), start + milliseconds(100 + 200 + 400));
  time_out();
  EXPECT_EQ(core_.next_wakeup(), start + milliseconds(100 + 200 + 400 + 400));
}

TEST_F(ClientCoreTest, nothing_is_resent_before_it_is_due) {
  submit();
  output_.clear();
  core_.on_wakeup(now_ + kTimeout - nanoseconds(1), output_);
  EXPECT_TRUE(output_.sends.empty());
}

TEST_F(ClientCoreTest, servers_that_have_answered_are_not_asked_again) {
  submit();
  answer(2, 1, "lie");
  EXPECT_EQ(time_out(), servers({1}));
  EXPECT_EQ(time_out(), servers({0, 3}));
  answer(1, 1);
  EXPECT_EQ(time_out(), servers({0, 3}));
  EXPECT_EQ(answer(0, 1), ReplyOutcome::completed);
}

TEST_F(ClientCoreTest, with_more_than_f_liars_it_keeps_asking) {
  submit();
  for (std::size_t i = 0; i < 4; ++i) answer(i, 1, std::to_string(i));
  time_out();
  EXPECT_EQ(time_out().size(), 2U);
}

TEST_F(ClientCoreTest, each_sequence_has_a_timeout_of_its_own) {
  submit();
  now_ = now_ + milliseconds(60);
  submit();
  output_.clear();
  core_.on_wakeup(now_ + milliseconds(50), output_);
  ASSERT_EQ(output_.sends.size(), 1U);
  EXPECT_EQ(output_.sends[0].sequence, SeqNum(1));
  complete(2);
  output_.clear();
  core_.on_wakeup(now_ + seconds(10), output_);
  ASSERT_EQ(output_.sends.size(), 1U);
  EXPECT_EQ(output_.sends[0].sequence, SeqNum(1));
}

TEST_F(ClientCoreTest, f_plus_1_pattern_asks_f_plus_1_servers_from_the_start) {
  ClientConfig with = config(Pattern::f_plus_1);
  with.first_server = server(3);
  remake(with);
  EXPECT_EQ(submit(), servers({3, 0}));
  EXPECT_EQ(time_out(), servers({1, 2}));
  EXPECT_EQ(time_out(), servers({3, 0}));
  EXPECT_EQ(answer(1, 1), ReplyOutcome::counted);
  EXPECT_EQ(answer(2, 1), ReplyOutcome::completed);
}

TEST_F(ClientCoreTest, all_pattern_asks_everyone_from_the_start_and_then_those_that_are_silent) {
  remake(config(Pattern::all));
  EXPECT_EQ(submit(), servers({0, 1, 2, 3}));
  EXPECT_EQ(answer(1, 1), ReplyOutcome::counted);
  EXPECT_EQ(time_out(), servers({0, 2, 3}));
  EXPECT_EQ(answer(2, 1), ReplyOutcome::completed);
}

TEST_F(ClientCoreTest, a_co_located_client_asks_and_believes_its_own_server_alone) {
  ClientConfig with = config(Pattern::co_located);
  with.first_server = server(2);
  remake(with);
  EXPECT_EQ(submit(), servers({2}));
  EXPECT_EQ(time_out(), servers({2}));
  EXPECT_EQ(answer(0, 1, "lie"), ReplyOutcome::foreign);
  EXPECT_EQ(answer(1, 1, "lie"), ReplyOutcome::foreign);
  EXPECT_EQ(answer(2, 1), ReplyOutcome::completed);
}

// Runs one operation that takes `latency`; the server it was sent to.
class PreferenceTest : public ClientCoreTest {
 protected:
  ServerId measure(Duration latency) {
    ServerId asked;
    submit().for_each([&](ServerId one) { asked = one; });
    const std::uint64_t sequence = output_.sends[0].sequence.value();
    now_ = now_ + latency;
    complete(sequence);
    return asked;
  }
};

TEST_F(PreferenceTest, tries_each_server_then_stays_with_the_fastest) {
  EXPECT_EQ(measure(milliseconds(8)), server(0));
  EXPECT_EQ(measure(milliseconds(9)), server(1));
  EXPECT_EQ(measure(milliseconds(2)), server(2));
  EXPECT_EQ(measure(milliseconds(7)), server(3));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(measure(milliseconds(2)), server(2));
  EXPECT_EQ(core_.preferred(), server(2));
}

TEST_F(PreferenceTest, leaves_a_server_that_became_slow_but_not_for_noise) {
  measure(milliseconds(8));
  measure(milliseconds(9));
  measure(milliseconds(5));
  measure(milliseconds(7));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(measure(milliseconds(8)), server(2));  // 7 is no quarter better than 8
  for (int i = 0; i < 20 && core_.preferred() == server(2); ++i) measure(milliseconds(30));
  EXPECT_EQ(measure(milliseconds(7)), server(3));
}

TEST_F(PreferenceTest, a_timeout_turns_new_operations_to_another_server) {
  for (int i = 0; i < 4; ++i) measure(milliseconds(2));
  const ServerId before = core_.preferred();
  EXPECT_EQ(submit(), ServerSet::only(before));
  time_out();
  EXPECT_NE(submit(), ServerSet::only(before));
  complete(5);
  complete(6);
  for (int i = 0; i < 10; ++i) EXPECT_NE(measure(milliseconds(2)), before);
}

TEST_F(PreferenceTest, a_crashed_first_server_costs_one_timeout_and_is_not_asked_first_again) {
  EXPECT_EQ(submit(), servers({0}));
  EXPECT_EQ(time_out(), servers({1}));
  EXPECT_EQ(answer(1, 1), ReplyOutcome::counted);
  EXPECT_EQ(answer(2, 1), ReplyOutcome::completed);
  for (int i = 0; i < 20; ++i) {
    const ServerSet to = submit();
    EXPECT_FALSE(to.contains(server(0)));
    complete(output_.sends[0].sequence.value());
  }
}

// Every correct server answers whatever reaches any server; up to f lie, and half of what is sent gets lost.
TEST_F(ClientCoreTest, every_sequence_completes_with_the_truth_under_loss_and_f_liars) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed);
    ClientConfig with = config(seed % 2 == 0 ? Pattern::one_server : Pattern::f_plus_1);
    with.servers = 7;
    with.faults = 2;
    remake(with);
    std::uint64_t completed = 0;
    const auto carry_out = [&](const std::vector<Send>& sends) {
      for (const Send& send : sends) {
        send.to.for_each([&](ServerId asked) {
          const bool lies = asked.value() >= 5;
          const std::string result = (lies ? "lie" : "truth") + std::to_string(send.sequence.value());
          if (rng.chance(500'000)) return;
          Output after;
          (void)core_.on_reply(now_, reply(asked.index(), send.sequence.value(), result), asked, after);
          for (const Completed& done : after.completed) {
            const std::string truth = "truth" + std::to_string(done.sequence.value());
            EXPECT_TRUE(equal(done.result, as_bytes(truth)));
            ++completed;
          }
        });
      }
    };
    for (int round = 0; round < 20'000 && completed < 200; ++round) {
      Output effects;
      if (core_.stats().submitted < 200) (void)core_.submit(now_, effects);
      carry_out(effects.sends);
      if (core_.window_full() || core_.stats().submitted == 200) {
        if (core_.next_wakeup() == Instant::never()) continue;
        now_ = core_.next_wakeup();
        Output resent;
        core_.on_wakeup(now_, resent);
        carry_out(resent.sends);
      }
    }
    EXPECT_EQ(completed, 200U) << "seed " << seed;
    EXPECT_EQ(core_.outstanding(), 0U);
  }
}

}  // namespace
}  // namespace garrison::client
