#include "control/service/executor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "control/service/append.h"
#include "control/service/kv_service.h"
#include "control/service/null_service.h"
#include "dataplane/base/rng.h"
#include "tests/unit/service/kv_shorthand.h"

namespace garrison::service {
namespace {

using Verdict = Admission::Verdict;

message::ClientOp op(std::uint32_t client, std::uint64_t sequence, ByteView operation, std::uint64_t incarnation = 1) {
  message::ClientOp out;
  out.client = ClientId(client);
  out.incarnation = Incarnation(incarnation);
  out.sequence = SeqNum(sequence);
  out.operation = operation;
  return out;
}

class ExecutorTest : public testing::Test {
 protected:
  static constexpr std::size_t kWindow = 4;

  static ExecutorLimits limits() { return {.window = kWindow, .max_clients = 2}; }
  static Executor make(const ExecutorLimits& with = limits()) {
    return Executor(std::make_unique<KvService>(ServiceOptions{}), with);
  }

  // "void", "repeated", or the state sequence and the reply.
  std::string execute(std::uint32_t client, std::uint64_t sequence, std::uint64_t incarnation = 1) {
    const std::optional<Executed> event = executor_.execute(op(client, sequence, incr_, incarnation));
    if (!event) return "repeated";
    EXPECT_EQ(event->client, ClientId(client));
    EXPECT_EQ(event->incarnation, Incarnation(incarnation));
    EXPECT_EQ(event->sequence, SeqNum(sequence));
    if (event->void_update) {
      EXPECT_TRUE(event->result.empty());
      EXPECT_EQ(event->state_sequence, 0U);
      return "void";
    }
    return std::to_string(event->state_sequence) + ": " + print(event->result);
  }
  Verdict admit(std::uint32_t client, std::uint64_t sequence, std::uint64_t incarnation = 1) {
    return executor_.admit(op(client, sequence, incr_, incarnation)).verdict;
  }
  std::string counter() const { return ask(executor_.service(), op_get("n")); }

  const Bytes incr_ = op_incr("n", 1);
  Executor executor_ = make();
};

TEST_F(ExecutorTest, an_update_ordered_several_times_executes_once) {
  EXPECT_EQ(execute(7, 1), "1: (integer) 1");
  EXPECT_EQ(execute(7, 1), "repeated");
  EXPECT_EQ(execute(7, 2), "2: (integer) 2");
  EXPECT_EQ(execute(7, 1), "repeated");
  EXPECT_EQ(execute(7, 2), "repeated");
  EXPECT_EQ(counter(), "\"2\"");
  EXPECT_EQ(executor_.state_sequence(), 2U);
}

TEST_F(ExecutorTest, a_repetition_with_other_bytes_does_not_execute_either) {
  EXPECT_EQ(execute(7, 1), "1: (integer) 1");
  EXPECT_FALSE(executor_.execute(op(7, 1, op_set("n", "99"))).has_value());
  EXPECT_EQ(counter(), "\"1\"");
}

TEST_F(ExecutorTest, sequences_execute_out_of_order_within_the_window) {
  EXPECT_EQ(execute(7, 4), "1: (integer) 1");
  EXPECT_EQ(execute(7, 2), "2: (integer) 2");
  EXPECT_EQ(execute(7, 4), "repeated");
  EXPECT_EQ(execute(7, 2), "repeated");
  EXPECT_EQ(execute(7, 1), "3: (integer) 3");
  EXPECT_EQ(execute(7, 3), "4: (integer) 4");
  EXPECT_EQ(execute(7, 3), "repeated");
}

TEST_F(ExecutorTest, a_sequence_beyond_the_window_is_void_until_the_prefix_reaches_it) {
  EXPECT_EQ(execute(7, kWindow + 1), "void");
  EXPECT_EQ(executor_.clients(), 0U);
  EXPECT_EQ(execute(7, kWindow), "1: (integer) 1");
  EXPECT_EQ(execute(7, kWindow + 1), "void");  // the prefix is still empty
  EXPECT_EQ(execute(7, 1), "2: (integer) 2");
  EXPECT_EQ(execute(7, kWindow + 1), "3: (integer) 3");
  EXPECT_EQ(execute(7, kWindow + 2), "void");
  EXPECT_EQ(execute(7, ~std::uint64_t{0}), "void");
  EXPECT_EQ(counter(), "\"3\"");
}

TEST_F(ExecutorTest, the_window_slides_over_many_laps_without_forgetting) {
  for (std::uint64_t lap = 0; lap < 50; ++lap) {
    const std::uint64_t first = lap * kWindow + 1;
    for (std::uint64_t i = kWindow; i-- > 0;) EXPECT_NE(execute(7, first + i), "void");
    for (std::uint64_t s = 1; s < first + kWindow; ++s) EXPECT_EQ(execute(7, s), "repeated");
  }
  EXPECT_EQ(executor_.state_sequence(), 50 * kWindow);
}

TEST_F(ExecutorTest, sequence_zero_is_void) {
  EXPECT_EQ(execute(7, 0), "void");
  EXPECT_EQ(admit(7, 0), Verdict::stale);
  EXPECT_EQ(executor_.clients(), 0U);
}

TEST_F(ExecutorTest, a_higher_incarnation_starts_the_window_afresh_and_voids_the_lower_one) {
  EXPECT_EQ(execute(7, 1, 5), "1: (integer) 1");
  EXPECT_EQ(execute(7, 2, 5), "2: (integer) 2");
  EXPECT_EQ(execute(7, 1, 6), "3: (integer) 3");
  EXPECT_EQ(execute(7, 3, 5), "void");
  EXPECT_EQ(execute(7, 1, 5), "void");
  EXPECT_EQ(execute(7, 1, 6), "repeated");
  EXPECT_EQ(execute(7, 2, 6), "4: (integer) 4");
}

TEST_F(ExecutorTest, a_higher_incarnation_beyond_its_window_does_not_reset_the_client) {
  EXPECT_EQ(execute(7, 1, 5), "1: (integer) 1");
  EXPECT_EQ(execute(7, kWindow + 1, 6), "void");
  EXPECT_EQ(execute(7, 2, 5), "2: (integer) 2");
}

TEST_F(ExecutorTest, clients_do_not_share_sequences) {
  EXPECT_EQ(execute(7, 1), "1: (integer) 1");
  EXPECT_EQ(execute(8, 1), "2: (integer) 2");
  EXPECT_EQ(execute(7, 1), "repeated");
}

TEST_F(ExecutorTest, a_client_beyond_the_limit_is_void_and_not_admitted) {
  execute(1, 1);
  execute(2, 1);
  EXPECT_EQ(execute(3, 1), "void");
  EXPECT_EQ(executor_.clients(), 2U);
  EXPECT_EQ(execute(2, 1, 9), "3: (integer) 3");  // known: a new incarnation takes no room
  EXPECT_EQ(admit(1, 2), Verdict::fresh);
  EXPECT_EQ(admit(2, 2, 9), Verdict::fresh);
  EXPECT_EQ(admit(3, 1), Verdict::table_full);
}

TEST_F(ExecutorTest, admission_lets_an_update_in_once_and_resends_its_reply_after_execution) {
  EXPECT_EQ(admit(7, 1), Verdict::fresh);
  EXPECT_EQ(admit(7, 1), Verdict::in_progress);
  EXPECT_EQ(admit(7, 2), Verdict::fresh);
  execute(7, 1);
  const Admission again = executor_.admit(op(7, 1, incr_));
  EXPECT_EQ(again.verdict, Verdict::executed);
  EXPECT_EQ(again.state_sequence, 1U);
  EXPECT_EQ(print(again.result), "(integer) 1");
  EXPECT_EQ(admit(7, 2), Verdict::in_progress);
}

TEST_F(ExecutorTest, a_refused_update_may_be_handed_in_again) {
  EXPECT_EQ(admit(7, 1, 2), Verdict::fresh);
  executor_.forget(ClientId(7), Incarnation(1), SeqNum(1));  // another incarnation
  EXPECT_EQ(admit(7, 1, 2), Verdict::in_progress);
  executor_.forget(ClientId(7), Incarnation(2), SeqNum(1));
  EXPECT_EQ(admit(7, 1, 2), Verdict::fresh);
  executor_.forget(ClientId(9), Incarnation(2), SeqNum(1));  // never heard of
}

TEST_F(ExecutorTest, what_was_in_progress_before_a_restore_may_be_handed_in_again) {
  execute(7, 1);
  const Bytes before = executor_.snapshot();
  EXPECT_EQ(admit(7, 2), Verdict::fresh);
  EXPECT_EQ(admit(7, 2), Verdict::in_progress);
  ASSERT_TRUE(executor_.restore(before).ok());
  EXPECT_EQ(admit(7, 2), Verdict::fresh);
  EXPECT_EQ(admit(7, 1), Verdict::executed);
}

TEST_F(ExecutorTest, admission_refuses_what_could_only_be_void) {
  execute(7, 1, 5);
  EXPECT_EQ(admit(7, 2, 4), Verdict::stale);
  EXPECT_EQ(admit(7, 1 + 2 * kWindow, 5), Verdict::fresh);  // this server may lag a window behind
  EXPECT_EQ(admit(7, 2 + 2 * kWindow, 5), Verdict::beyond_window);
  EXPECT_EQ(admit(7, 2 * kWindow + 1, 6), Verdict::beyond_window);
  EXPECT_EQ(admit(7, 1, 6), Verdict::fresh);
  EXPECT_EQ(admit(7, 2, 5), Verdict::stale);  // its successor has been seen here
}

TEST_F(ExecutorTest, updates_in_progress_two_windows_apart_do_not_hide_one_another) {
  for (std::uint64_t s = 1; s <= 2 * kWindow; ++s) EXPECT_EQ(admit(7, s), Verdict::fresh);
  for (std::uint64_t s = 1; s <= 2 * kWindow; ++s) EXPECT_EQ(admit(7, s), Verdict::in_progress);
}

TEST_F(ExecutorTest, the_reply_of_the_last_window_can_be_resent_and_older_ones_are_stale) {
  for (std::uint64_t s = 1; s <= kWindow + 2; ++s) execute(7, s);
  EXPECT_EQ(admit(7, 1), Verdict::stale);
  EXPECT_EQ(admit(7, 2), Verdict::stale);
  for (std::uint64_t s = 3; s <= kWindow + 2; ++s) {
    const Admission cached = executor_.admit(op(7, s, incr_));
    EXPECT_EQ(cached.verdict, Verdict::executed);
    EXPECT_EQ(cached.state_sequence, s);
    EXPECT_EQ(print(cached.result), "(integer) " + std::to_string(s));
  }
}

TEST_F(ExecutorTest, verdicts_map_to_the_clients_drop_reasons) {
  EXPECT_EQ(drop_reason(Verdict::fresh), std::nullopt);
  EXPECT_EQ(drop_reason(Verdict::executed), DropReason::client_duplicate);
  EXPECT_EQ(drop_reason(Verdict::in_progress), DropReason::client_duplicate);
  EXPECT_EQ(drop_reason(Verdict::stale), DropReason::client_stale);
  EXPECT_EQ(drop_reason(Verdict::beyond_window), DropReason::client_beyond_window);
  EXPECT_EQ(drop_reason(Verdict::table_full), DropReason::client_intake_full);
}

TEST_F(ExecutorTest, a_malformed_operation_executes_to_an_error_reply) {
  const std::optional<Executed> event = executor_.execute(op(7, 1, Bytes{0xff}));
  ASSERT_TRUE(event.has_value());
  EXPECT_FALSE(event->void_update);
  EXPECT_EQ(event->state_sequence, 1U);
  EXPECT_EQ(print(event->result), "(error) ERR malformed operation");
}

// Two replies of nearly kMaxOperationBytes do not fit the bound: the lowest sequence loses its reply, not its mark.
TEST_F(ExecutorTest, cached_replies_beyond_the_bound_are_let_go_lowest_sequence_first) {
  executor_ = make({.window = kWindow, .max_clients = 2, .max_reply_bytes_per_client = kMaxOperationBytes});
  const Bytes set = op_set("k", std::string(kMaxValueBytes - 1000, 'v'));
  const Bytes get = op_get("k");
  ASSERT_TRUE(executor_.execute(op(7, 1, set)).has_value());
  EXPECT_GT(executor_.execute(op(7, 3, get))->result.size(), 30'000U);
  EXPECT_EQ(admit(7, 1), Verdict::executed);
  EXPECT_GT(executor_.execute(op(7, 2, get))->result.size(), 30'000U);
  EXPECT_EQ(executor_.admit(op(7, 1, set)).verdict, Verdict::stale);
  EXPECT_EQ(executor_.admit(op(7, 2, get)).verdict, Verdict::executed);
  EXPECT_EQ(executor_.admit(op(7, 3, get)).verdict, Verdict::stale);
  EXPECT_EQ(execute(7, 3), "repeated");
  const Digest digest = executor_.state_digest();
  Executor restored = make({.window = kWindow, .max_clients = 2, .max_reply_bytes_per_client = kMaxOperationBytes});
  ASSERT_TRUE(restored.restore(executor_.snapshot()).ok());
  EXPECT_EQ(restored.state_digest(), digest);
}

// The newest sequence may run a window ahead of the base: replies below the base must count and go as well.
TEST_F(ExecutorTest, the_bound_on_cached_replies_holds_when_a_sequence_runs_ahead) {
  executor_ = make({.window = kWindow, .max_clients = 2, .max_reply_bytes_per_client = kMaxOperationBytes});
  const Bytes set = op_set("k", std::string(10'000, 'v'));
  const Bytes get = op_get("k");
  ASSERT_TRUE(executor_.execute(op(7, 1, set)).has_value());
  for (std::uint64_t s = 2; s <= kWindow; ++s) ASSERT_TRUE(executor_.execute(op(7, s, get)).has_value());
  ASSERT_TRUE(executor_.execute(op(7, 2 * kWindow, get)).has_value());
  std::size_t cached = 0;
  for (std::uint64_t s = 1; s <= 2 * kWindow; ++s) cached += executor_.admit(op(7, s, get)).result.size();
  EXPECT_LE(cached, kMaxOperationBytes);
  EXPECT_EQ(executor_.admit(op(7, 2 * kWindow, get)).verdict, Verdict::executed);
}

TEST_F(ExecutorTest, replies_that_the_window_has_left_do_not_count_against_the_bound) {
  executor_ = make({.window = kWindow, .max_clients = 2, .max_reply_bytes_per_client = kMaxOperationBytes});
  const Bytes get = op_get("k");
  ASSERT_TRUE(executor_.execute(op(7, 1, op_set("k", std::string(5'000, 'v')))).has_value());
  for (std::uint64_t s = 2; s <= 10 * kWindow; ++s) ASSERT_TRUE(executor_.execute(op(7, s, get)).has_value());
  for (std::uint64_t s = 9 * kWindow + 1; s <= 10 * kWindow; ++s) EXPECT_EQ(admit(7, s), Verdict::executed);
}

TEST_F(ExecutorTest, an_update_that_turned_out_void_may_be_handed_in_again) {
  EXPECT_EQ(admit(7, 2 * kWindow), Verdict::fresh);
  EXPECT_EQ(execute(7, 2 * kWindow), "void");
  EXPECT_EQ(admit(7, 2 * kWindow), Verdict::fresh);
}

TEST_F(ExecutorTest, what_an_earlier_incarnation_handed_in_does_not_hold_up_the_next) {
  EXPECT_EQ(admit(7, 1, 1), Verdict::fresh);
  EXPECT_EQ(admit(7, 1, 2), Verdict::fresh);
}

TEST_F(ExecutorTest, the_digest_covers_service_reply_table_and_state_sequence) {
  const Digest empty = executor_.state_digest();
  Executor other = make();
  EXPECT_EQ(other.state_digest(), empty);
  const Bytes query = op_get("n");
  ASSERT_TRUE(other.execute(op(7, 1, query)).has_value());  // leaves the service as it was
  EXPECT_NE(other.state_digest(), empty);
  Executor third = make();
  ASSERT_TRUE(third.execute(op(8, 1, query)).has_value());  // another client
  EXPECT_NE(third.state_digest(), other.state_digest());
}

TEST_F(ExecutorTest, void_and_repeated_updates_and_admissions_leave_the_digest_alone) {
  execute(7, 1, 5);
  const Digest before = executor_.state_digest();
  execute(7, 1, 5);
  execute(7, 1, 4);
  execute(7, kWindow + 2, 5);
  execute(7, kWindow + 1, 6);
  admit(7, 2, 5);
  admit(8, 1, 1);
  EXPECT_EQ(executor_.state_digest(), before);
}

TEST_F(ExecutorTest, a_snapshot_round_trip_keeps_digest_windows_and_cached_replies) {
  execute(7, 1);
  execute(7, 3);
  execute(8, 2, 9);
  Executor restored = make();
  ASSERT_TRUE(restored.restore(executor_.snapshot()).ok());
  EXPECT_EQ(restored.state_digest(), executor_.state_digest());
  EXPECT_EQ(restored.snapshot(), executor_.snapshot());
  EXPECT_EQ(restored.state_sequence(), 3U);

  EXPECT_FALSE(restored.execute(op(7, 3, incr_)).has_value());
  EXPECT_TRUE(restored.execute(op(8, 1, incr_, 8))->void_update);
  const Admission cached = restored.admit(op(8, 2, incr_, 9));
  EXPECT_EQ(cached.verdict, Verdict::executed);
  EXPECT_EQ(cached.state_sequence, 3U);
  EXPECT_EQ(print(cached.result), "(integer) 3");
  EXPECT_EQ(restored.execute(op(7, 2, incr_))->state_sequence, 4U);
  execute(7, 2);
  EXPECT_EQ(restored.state_digest(), executor_.state_digest());
}

TEST_F(ExecutorTest, a_damaged_snapshot_is_refused_and_changes_nothing) {
  execute(7, 1);
  execute(7, 3);
  execute(8, 1);
  const Bytes good = executor_.snapshot();
  Executor target = make();
  ASSERT_TRUE(target.execute(op(1, 1, op_set("kept", "yes"))).has_value());
  const Digest before = target.state_digest();
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(target.restore(ByteView(good).first(size)).ok()) << size;
  }
  EXPECT_EQ(target.state_digest(), before);
}

// A snapshot with one client and the given slots, each with an empty reply.
Bytes forged(std::uint64_t base, const std::vector<std::uint64_t>& sequences) {
  Bytes out = to_bytes(as_bytes(std::string_view("gex1")));
  append(out, std::uint64_t{9});
  append(out, std::uint32_t{1});
  append(out, std::uint32_t{7});
  append(out, std::uint64_t{1});
  append(out, base);
  append(out, static_cast<std::uint32_t>(sequences.size()));
  for (const std::uint64_t sequence : sequences) {
    append(out, sequence);
    append(out, std::uint64_t{1});
    append(out, std::uint32_t{0});
  }
  append(out, NullService().snapshot());
  return out;
}

TEST_F(ExecutorTest, a_reply_table_that_no_execution_leaves_behind_is_refused) {
  Executor null(std::make_unique<NullService>(), limits());
  EXPECT_TRUE(null.restore(forged(2, {1, 2})).ok());
  EXPECT_TRUE(null.restore(forged(2, {1, 4, 6})).ok());  // 6 has taken the slot of 2
  EXPECT_TRUE(null.restore(forged(0, {2, 4})).ok());
  EXPECT_FALSE(null.restore(forged(2, {1, 2, 3})).ok());  // the base would be 3
  EXPECT_FALSE(null.restore(forged(2, {1})).ok());        // the base was never executed
  EXPECT_FALSE(null.restore(forged(2, {2, 7})).ok());     // beyond the window
  EXPECT_FALSE(null.restore(forged(2, {2, 1})).ok());
  EXPECT_FALSE(null.restore(forged(2, {2, 2})).ok());
  EXPECT_FALSE(null.restore(forged(6, {2, 6})).ok());  // one slot
  EXPECT_FALSE(null.restore(forged(0, {0, 2})).ok());
  EXPECT_FALSE(null.restore(forged(0, {})).ok());
  const std::uint64_t end = ~std::uint64_t{0};
  EXPECT_FALSE(null.restore(forged(end, {end})).ok());
}

TEST_F(ExecutorTest, any_byte_of_a_snapshot_may_be_flipped_without_harm) {
  for (std::uint64_t s = 1; s <= 6; ++s) execute(7, s);
  execute(8, 2);
  const Bytes good = executor_.snapshot();
  const Digest digest = executor_.state_digest();
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const std::uint8_t flip : {std::uint8_t{1}, std::uint8_t{0x80}, std::uint8_t{0xff}}) {
      Bytes bad = good;
      bad[i] = static_cast<std::uint8_t>(bad[i] ^ flip);
      Executor target = make();
      if (target.restore(bad).ok()) {
        EXPECT_NE(target.state_digest(), digest) << i;
        EXPECT_EQ(target.snapshot(), bad) << i;
      }
      for (std::uint64_t s = 1; s <= 12; ++s) (void)target.execute(op(7, s, incr_));
    }
  }
}

TEST_F(ExecutorTest, a_snapshot_of_another_service_is_refused) {
  Executor null(std::make_unique<NullService>(), limits());
  EXPECT_FALSE(executor_.restore(null.snapshot()).ok());
}

TEST_F(ExecutorTest, executors_fed_the_same_order_agree_whatever_was_handed_in_to_them) {
  Rng rng(3);
  const ExecutorLimits tight{.window = kWindow, .max_clients = 3, .max_reply_bytes_per_client = kMaxOperationBytes};
  Executor one = make(tight);
  Executor other = make(tight);
  const Bytes set = op_set("k", std::string(20'000, 'v'));
  const std::vector<Bytes> operations = {op_incr("n", 1), set, op_get("k"), op_get("n"), Bytes{1}};
  std::array<std::uint64_t, 4> reached{};
  for (int round = 0; round < 20'000; ++round) {
    const std::uint64_t incarnation = 2 + static_cast<std::uint64_t>(round) / 1000 - rng.below(50) / 49;
    if (round % 1000 == 0) reached = {};
    const auto client = static_cast<std::uint32_t>(rng.below(reached.size()));
    const std::uint64_t sequence = std::max<std::uint64_t>(reached[client] + rng.below(8), 5) - 4;
    const message::ClientOp next = op(client, sequence, operations[rng.below(operations.size())], incarnation);
    if (rng.chance(500'000)) (void)one.admit(next);
    const std::optional<Executed> a = one.execute(next);
    const std::optional<Executed> b = other.execute(next);
    ASSERT_EQ(a.has_value(), b.has_value());
    if (a) {
      if (!a->void_update) reached[client] = std::max(reached[client], sequence);
      ASSERT_EQ(a->state_sequence, b->state_sequence);
      ASSERT_TRUE(equal(a->result, b->result));
    }
    if (round % 1000 == 0) {
      ASSERT_EQ(one.state_digest(), other.state_digest());
      ASSERT_TRUE(other.restore(one.snapshot()).ok());
    }
  }
  EXPECT_EQ(one.state_digest(), other.state_digest());
  EXPECT_GT(one.state_sequence(), 1000U);
}

}  // namespace
}  // namespace garrison::service
