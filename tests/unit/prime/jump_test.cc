// A core that goes on from a checkpoint: every window jumps, and nothing that was promised is taken back.
#include "tests/unit/prime/rules_fixture.h"

namespace garrison::prime {
namespace {

using message::MessageType;

class JumpTest : public RulesTest {
 protected:
  static Bytes state(std::array<std::uint64_t, kN> executed) {
    Bytes bytes(8 * kN);
    Writer writer(bytes);
    for (const std::uint64_t e : executed) writer.u64(e);
    return bytes;
  }
  // Server `from` says that it has executed so far.
  void claim(Core& core, std::size_t from, std::uint64_t executed) {
    core.settle(from, message::RttPing{View(0), 1, SeqNum(executed)});
  }
  // The effects of going on from there, and of what the core then says to itself.
  ordering::Output restore(Core& core, std::uint64_t sequence, std::array<std::uint64_t, kN> executed) {
    const Bytes bytes = state(executed);
    return core.settle_output(core.step(ordering::Restored{SeqNum(sequence), bytes}));
  }
};

TEST_F(JumpTest, a_checkpoint_lies_behind_everything_of_its_sequence) {
  PrimeConfig often = config();
  often.checkpoint_interval = 2;
  Core core(keys_, often);
  const Stored first = request(0, 1);
  const Stored second = request(2, 1);
  preorder(core, first);
  const Stored pp1 = pre_prepare(1, three_rows({1, 0, 0, 0}));
  const Stored pp2 = pre_prepare(2, three_rows({1, 0, 1, 0}));
  order(core, pp2);
  EXPECT_TRUE(order(core, pp1).checkpoints.empty()) << "sequence 2 waits for a request";
  ASSERT_TRUE(core.prime().checkpoint().has_value());
  EXPECT_EQ(core.prime().checkpoint()->sequence, SeqNum(1));
  EXPECT_EQ(core.prime().checkpoint()->state, state({1, 0, 0, 0}));

  core.settle(second);
  const ordering::Output output = core.settle(ack(0, second));
  ASSERT_EQ(output.checkpoints.size(), 1U);
  EXPECT_EQ(output.checkpoints[0].sequence, SeqNum(2));
  EXPECT_EQ(output.checkpoints[0].state, state({1, 0, 1, 0}));
  EXPECT_EQ(output.checkpoints[0].delivered, 1U);
  EXPECT_FALSE(output.checkpoints[0].digest_wanted);
}

TEST_F(JumpTest, no_checkpoint_is_in_the_middle_of_a_sequence) {
  Core core(keys_, config());
  preorder(core, request(0, 1));
  EXPECT_EQ(delivered(order(core, pre_prepare(1, three_rows({2, 0, 0, 0})))).size(), 1U) << "0/2 is missing";
  EXPECT_FALSE(core.prime().checkpoint().has_value());
}

TEST_F(JumpTest, the_order_goes_on_behind_the_checkpoint_and_nothing_below_is_delivered) {
  Core core(keys_, config());
  preorder(core, request(0, 1));
  preorder(core, request(0, 8));
  order(core, pre_prepare(6, three_rows({8, 0, 0, 0})));  // ahead of the gap
  const ordering::Output output = restore(core, 5, {7, 0, 3, 0});
  EXPECT_EQ(delivered(output), (std::vector<std::pair<std::uint16_t, std::uint64_t>>{{0, 8}}));
  EXPECT_EQ(core.prime().progress().executed, SeqNum(6));
  EXPECT_TRUE(dropped(core.settle(request(0, 1)), DropReason::prime_stale));
  EXPECT_TRUE(dropped(core.settle(pre_prepare(5, {})), DropReason::prime_stale));
  EXPECT_EQ(core.prime().checkpoint()->state, state({8, 0, 3, 0}));
}

TEST_F(JumpTest, the_windows_move_with_the_jump) {
  PrimeConfig small = config();
  small.ack_window_requests = small.max_outstanding_requests = 4;
  small.global_window = small.preprepare_pipeline = 4;
  small.kept_requests = small.kept_sequences = 4;
  Core core(keys_, small);
  EXPECT_TRUE(dropped(core.settle(request(0, 109)), DropReason::prime_beyond_window));
  EXPECT_TRUE(dropped(core.settle(pre_prepare(64, {})), DropReason::prime_beyond_window));
  restore(core, 60, {101, 0, 0, 0});
  executed_by_all(core, 60);
  EXPECT_EQ(count(core.settle(request(0, 105)), MessageType::PoAck), 1U);
  EXPECT_EQ(count(core.settle(request(0, 109)), MessageType::PoAck), 0U) << "held, beyond the first ack window";
  EXPECT_TRUE(dropped(core.settle(request(0, 110)), DropReason::prime_beyond_window));
  EXPECT_EQ(count(core.settle(pre_prepare(64, {})), MessageType::Prepare), 1U);
  EXPECT_TRUE(dropped(core.settle(pre_prepare(65, {})), DropReason::prime_beyond_window));
}

TEST_F(JumpTest, what_the_windows_withheld_is_acknowledged_after_the_jump) {
  PrimeConfig small = config();
  small.ack_window_requests = small.max_outstanding_requests = 4;
  Core core(keys_, small);
  EXPECT_EQ(count(core.settle(request(0, 6)), MessageType::PoAck), 0U);
  EXPECT_EQ(count(restore(core, 9, {5, 0, 0, 0}), MessageType::PoAck), 1U);
}

TEST_F(JumpTest, the_own_summary_never_decreases_and_counts_what_the_checkpoint_covers) {
  Core core(keys_, config());
  preorder(core, request(0, 1));
  preorder(core, request(0, 2));
  restore(core, 9, {1, 0, 4, 0});
  const auto summary = last_signed<message::PoSummary>(core.settle_after(milliseconds(2)));
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->vec, vector({2, 0, 4, 0}));
}

TEST_F(JumpTest, requests_held_beyond_the_checkpoint_extend_the_summary_at_once) {
  Core core(keys_, config());
  preorder(core, request(2, 5));
  const auto summary = last_signed<message::PoSummary>(restore(core, 9, {0, 0, 4, 0}));
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->vec, vector({0, 0, 5, 0}));
}

TEST_F(JumpTest, own_requests_that_others_executed_are_over_and_the_rest_stays_under_way) {
  Core core(keys_, config());
  core.settle(op(1, 1));
  core.settle_after(milliseconds(2));
  core.settle(op(1, 2));
  core.settle_after(milliseconds(2));
  ASSERT_EQ(core.prime().status().requests_outstanding, 2U);
  restore(core, 9, {0, 1, 0, 0});
  EXPECT_EQ(core.prime().status().requests_outstanding, 1U);
  const auto next = last_signed<message::PoRequest>(core.settle(op(1, 3)));
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->sequence, SeqNum(3)) << "a sequence number is never used again";
}

TEST_F(JumpTest, f_plus_1_servers_that_are_ahead_are_evidence_and_f_are_not) {
  Core core(keys_, config());
  claim(core, 3, UINT64_MAX);
  EXPECT_EQ(core.prime().progress().evident, SeqNum(0));
  claim(core, 2, 100);
  EXPECT_EQ(core.prime().progress().evident, SeqNum(100));
  EXPECT_EQ(core.prime().progress().executed, SeqNum(0));
}

TEST_F(JumpTest, the_window_ends_behind_what_a_quorum_has_executed_though_this_server_has_not) {
  PrimeConfig small = config();
  small.global_window = small.preprepare_pipeline = 4;
  small.kept_sequences = 4;
  Core core(keys_, small);
  for (const std::size_t from : {2U, 3U}) claim(core, from, 96);
  EXPECT_TRUE(dropped(core.settle(pre_prepare(100, {})), DropReason::prime_beyond_window));
  claim(core, 0, 96);
  EXPECT_EQ(count(core.settle(pre_prepare(100, {})), MessageType::Prepare), 1U) << "it takes part though it lags";
  EXPECT_EQ(count(core.settle(pre_prepare(93, {})), MessageType::Prepare), 1U);
  EXPECT_TRUE(dropped(core.settle(pre_prepare(92, {})), DropReason::prime_stale)) << "the slot of sequence 100";
  EXPECT_TRUE(dropped(core.settle(pre_prepare(101, {})), DropReason::prime_beyond_window));
}

TEST_F(JumpTest, what_was_ordered_while_lagging_is_executed_from_the_checkpoint_on) {
  PrimeConfig small = config();
  small.global_window = small.preprepare_pipeline = 4;
  small.kept_sequences = 4;
  Core core(keys_, small);
  for (const std::size_t from : {0U, 2U, 3U}) claim(core, from, 96);
  for (std::uint64_t s = 96; s <= 99; ++s) order(core, pre_prepare(s, {}));
  EXPECT_EQ(core.prime().progress().executed, SeqNum(0));
  restore(core, 95, {0, 0, 0, 0});
  EXPECT_EQ(core.prime().progress().executed, SeqNum(99));
}

TEST_F(JumpTest, an_ordered_sequence_whose_slot_was_needed_waits_for_the_checkpoint) {
  PrimeConfig small = config();
  small.global_window = small.preprepare_pipeline = 4;
  small.kept_sequences = 4;
  Core core(keys_, small);
  const Stored missing = request(0, 1);
  order(core, pre_prepare(1, three_rows({1, 0, 0, 0})));  // waits for the request
  order(core, pre_prepare(2, {}));
  for (const std::size_t from : {0U, 2U, 3U}) claim(core, from, 6);
  core.settle(pre_prepare(9, {}));   // over the slot of sequence 1
  core.settle(pre_prepare(10, {}));  // over the slot of sequence 2
  EXPECT_EQ(delivered(core.settle(missing)).size() + delivered(core.settle(ack(2, missing))).size() +
                delivered(core.settle(ack(3, missing))).size(),
            1U)
      << "the matrix of sequence 1 was taken before";
  EXPECT_EQ(core.prime().progress().executed, SeqNum(1));
  restore(core, 8, {1, 0, 0, 0});
  EXPECT_EQ(core.prime().progress().executed, SeqNum(8));
}

}  // namespace
}  // namespace garrison::prime
