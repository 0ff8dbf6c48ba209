// Rules of the Preordering sub-protocol [PRIME] 5.1.
#include "tests/unit/prime/rules_fixture.h"

namespace garrison::prime {
namespace {

using message::MessageType;

class PreorderTest : public RulesTest {
 protected:
  // PO-ACKs after an input, those included that wait a period because an earlier one is still on its way.
  static std::size_t acks_after(Core& core, const ordering::Output& output) {
    return count(output, MessageType::PoAck) + count(core.settle_after(milliseconds(5)), MessageType::PoAck);
  }
  static std::size_t acks_of(Core& core, const Stored& message) { return acks_after(core, core.settle(message)); }
};

TEST_F(PreorderTest, acks_only_the_first_request_for_a_sequence_number) {
  Core core(keys_, config());
  const Stored first = request(2, 1, 1);
  const Stored second = request(2, 1, 2);
  const auto ack = last_signed<message::PoAck>(core.settle(first));
  ASSERT_TRUE(ack.has_value());
  EXPECT_EQ(ack->entries.front().digest, first->get().digest());

  const ordering::Output output = core.settle(second);
  EXPECT_EQ(count(output, MessageType::PoAck), 0U);
  ASSERT_EQ(output.blame.size(), 1U);
  EXPECT_EQ(output.blame[0].server, server(2));
  EXPECT_EQ(output.blame[0].first->get().digest(), first->get().digest());
  EXPECT_EQ(output.blame[0].second->get().digest(), second->get().digest());
}

TEST_F(PreorderTest, the_same_request_again_is_a_duplicate_and_no_fault) {
  Core core(keys_, config());
  core.settle(request(2, 1));
  const ordering::Output output = core.settle(request(2, 1));
  EXPECT_TRUE(dropped(output, DropReason::prime_duplicate));
  EXPECT_TRUE(output.blame.empty());
  EXPECT_TRUE(output.sign.empty());
}

TEST_F(PreorderTest, a_certificate_needs_a_quorum_of_different_servers_and_not_the_introducer_twice) {
  Core core(keys_, config());
  const Stored r = request(2, 1);
  core.settle(r);  // acknowledged by this server: one of two
  EXPECT_EQ(count(core.settle(ack(2, r)), MessageType::PoSummary), 0U);
  EXPECT_EQ(count(core.settle(ack(1, r)), MessageType::PoSummary), 0U);
  const auto summary = last_signed<message::PoSummary>(core.settle(ack(3, r)));
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->vec, vector({0, 0, 1, 0}));
}

TEST_F(PreorderTest, acks_of_another_digest_do_not_count) {
  Core core(keys_, config());
  const Stored r = request(2, 1, 1);
  const Stored other = request(2, 1, 2);
  core.settle(r);
  EXPECT_EQ(count(core.settle(ack(3, other)), MessageType::PoSummary), 0U);
  EXPECT_EQ(count(core.settle(ack(0, r)), MessageType::PoSummary), 1U);
}

TEST_F(PreorderTest, only_the_first_ack_of_a_server_counts) {
  Core core(keys_, config());
  const Stored r = request(2, 1, 1);
  const Stored other = request(2, 1, 2);
  core.settle(r);
  core.settle(ack(3, other));
  const ordering::Output output = core.settle(ack(3, r));
  EXPECT_TRUE(dropped(output, DropReason::prime_equivocation));
  EXPECT_EQ(count(output, MessageType::PoSummary), 0U);
  EXPECT_TRUE(dropped(core.settle(ack(3, other)), DropReason::prime_duplicate));
}

TEST_F(PreorderTest, holding_a_request_binds_nothing) {
  Core core(keys_, config());
  const Stored held = request(2, 1, 1);
  const Stored right = request(2, 1, 2);
  core.settle(held);
  core.settle(ack(0, right));
  // A certificate for what is not held is not counted, and what is held is not executed.
  EXPECT_EQ(count(core.settle(ack(3, right)), MessageType::PoSummary), 0U);
  EXPECT_TRUE(order(core, pre_prepare(1, three_rows({0, 0, 1, 0}))).deliver.empty());

  const ordering::Output output = core.settle(right);
  EXPECT_EQ(output.blame.size(), 1U);
  EXPECT_EQ(count(output, MessageType::PoAck), 0U);
  EXPECT_EQ(count(output, MessageType::PoSummary), 1U);
  ASSERT_EQ(output.deliver.size(), 1U);
  EXPECT_EQ(output.deliver[0].holder->get().digest(), right->get().digest());
}

TEST_F(PreorderTest, a_certificate_without_the_request_is_not_counted) {
  Core core(keys_, config());
  const Stored r = request(2, 1);
  core.settle(ack(0, r));
  EXPECT_EQ(count(core.settle(ack(3, r)), MessageType::PoSummary), 0U);
  EXPECT_EQ(count(core.settle(r), MessageType::PoSummary), 1U);
}

TEST_F(PreorderTest, a_summary_counts_a_prefix_without_gaps) {
  Core core(keys_, config());
  preorder(core, request(2, 2));
  EXPECT_EQ(core.prime().status().globally_ordered, SeqNum(0));
  const Stored first = request(2, 1);
  core.settle(first);
  const auto summary = last_signed<message::PoSummary>(core.settle(ack(3, first)));
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->vec, vector({0, 0, 2, 0}));
}

TEST_F(PreorderTest, acks_are_withheld_beyond_the_window_and_given_when_it_moves) {
  PrimeConfig small = config();
  small.ack_window_requests = 2;
  small.max_outstanding_requests = 2;
  Core core(keys_, small);
  EXPECT_EQ(acks_of(core, request(2, 1)), 1U);
  EXPECT_EQ(acks_of(core, request(2, 2)), 1U);
  EXPECT_EQ(acks_of(core, request(2, 3)), 0U);  // held
  EXPECT_EQ(acks_of(core, request(2, 4)), 0U);
  EXPECT_TRUE(dropped(core.settle(request(2, 5)), DropReason::prime_beyond_window));

  preorder(core, request(2, 1));
  const auto acks = last_signed<message::PoAck>(order(core, pre_prepare(1, three_rows({0, 0, 1, 0}))));
  ASSERT_TRUE(acks.has_value());
  ASSERT_EQ(acks->entries.size(), 1U);
  EXPECT_EQ(acks->entries[0].sequence, SeqNum(3));
  EXPECT_EQ(acks_of(core, request(2, 5)), 0U);  // taken now, still withheld
}

TEST_F(PreorderTest, what_is_executed_before_it_was_acknowledged_is_acknowledged_then) {
  PrimeConfig small = config();
  small.ack_window_requests = 1;
  small.max_outstanding_requests = 1;
  Core core(keys_, small);
  preorder(core, request(2, 1));
  EXPECT_EQ(count(core.settle(request(2, 2)), MessageType::PoAck), 0U);
  core.settle(ack(0, request(2, 2)));
  core.settle(ack(3, request(2, 2)));
  const ordering::Output output = order(core, pre_prepare(1, three_rows({0, 0, 2, 0})));
  EXPECT_EQ(output.deliver.size(), 2U);
  const auto acks = last_signed<message::PoAck>(output);
  ASSERT_TRUE(acks.has_value());
  EXPECT_EQ(acks->entries[0].sequence, SeqNum(2));
}

TEST_F(PreorderTest, bytes_in_flight_of_one_introducer_are_bounded_too) {
  PrimeConfig small = config();
  small.ack_window_bytes = message::kMaxPoRequestBody;
  Core core(keys_, small);
  for (std::uint64_t s = 1; s <= 2; ++s) {
    EXPECT_EQ(acks_of(core, request(2, s, s, kMaxOperationBytes)), 1U);
  }
  EXPECT_EQ(acks_of(core, request(2, 3, 3, kMaxOperationBytes)), 0U);
  EXPECT_EQ(acks_of(core, request(3, 1, 3, kMaxOperationBytes)), 1U);  // another's window
  for (std::uint64_t s = 4; s <= 5; ++s) core.settle(request(2, s, s, kMaxOperationBytes));
  EXPECT_TRUE(dropped(core.settle(request(2, 6, 6, kMaxOperationBytes)), DropReason::prime_beyond_window));
  preorder(core, request(2, 1, 1, kMaxOperationBytes));
  EXPECT_EQ(acks_after(core, order(core, pre_prepare(1, three_rows({0, 0, 1, 0})))), 1U);
}

TEST_F(PreorderTest, the_next_request_to_execute_is_let_through_full_windows) {
  PrimeConfig small = config();
  small.ack_window_bytes = message::kMaxPoRequestBody;
  Core core(keys_, small);
  for (std::uint64_t s = 2; s <= 6; ++s) core.settle(request(2, s, s, kMaxOperationBytes));
  EXPECT_EQ(acks_of(core, request(2, 1, 1, kMaxOperationBytes)), 1U);
}

TEST_F(PreorderTest, acks_wait_for_the_certificate_of_what_was_acknowledged_last_or_for_the_period) {
  Core core(keys_, config());
  const Stored first = request(2, 1);
  EXPECT_EQ(count(core.settle(first), MessageType::PoAck), 1U);
  EXPECT_EQ(count(core.settle(request(2, 2)), MessageType::PoAck), 0U);
  EXPECT_EQ(count(core.settle(request(3, 1)), MessageType::PoAck), 0U);
  const auto both = last_signed<message::PoAck>(core.settle(ack(3, first)));
  ASSERT_TRUE(both.has_value());
  EXPECT_EQ(both->entries.size(), 2U);
  EXPECT_EQ(count(core.settle(request(0, 1)), MessageType::PoAck), 0U);
  EXPECT_EQ(count(core.settle_after(milliseconds(5)), MessageType::PoAck), 1U);
}

// Or a faulty server could ask for repetitions and thereby add a period to everything.
TEST_F(PreorderTest, repeating_acks_for_one_server_does_not_hold_up_those_that_all_wait_for) {
  Core core(keys_, config());
  core.settle(summary(3, {0, 0, 0, 0}));
  core.settle(request(2, 1));
  core.settle_after(core.prime().config().retransmit_period);
  core.settle(summary(3, {0, 0, 0, 0}));  // from now on it is known to lack the first
  core.settle_after(core.prime().config().retransmit_period);
  ASSERT_EQ(count(core.settle(request(2, 2)), MessageType::PoAck), 1U);
  ASSERT_EQ(count(core.settle(request(2, 3)), MessageType::PoAck), 0U);
  const Duration half = core.prime().config().po_period / 2;
  core.settle_after(half);
  const ordering::Output repeated = core.settle(summary(3, {0, 0, 0, 0}));
  ASSERT_EQ(count(repeated, MessageType::PoAck), 1U);
  ASSERT_EQ(repeated.sign.front().to, ServerSet::only(server(3)));
  const ordering::Output due = core.settle_after(half);
  ASSERT_EQ(count(due, MessageType::PoAck), 1U);
  EXPECT_EQ(last_signed<message::PoAck>(due)->entries.front().sequence, SeqNum(3));
}

TEST_F(PreorderTest, updates_that_wait_while_a_request_is_being_preordered_share_the_next_one) {
  Core core(keys_, config());
  ordering::Output first = core.take(op(0, 1));
  EXPECT_EQ(count(first, MessageType::PoRequest), 1U);
  for (std::uint64_t s = 2; s <= 10; ++s) EXPECT_TRUE(core.take(op(0, s)).sign.empty());
  const Stored request = keys_.verified(keys_.server(core.prime().config().self), first.sign.front().content);
  EXPECT_EQ(count(core.settle_output(std::move(first)), MessageType::PoRequest), 1U);  // itself
  const ordering::Output half = core.settle(ack(2, request));
  EXPECT_EQ(count(half, MessageType::PoRequest), 0U);
  const auto second = last_signed<message::PoRequest>(core.settle(ack(3, request)));
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->sequence, SeqNum(2));
  EXPECT_EQ(second->updates.size(), 9U);
}

TEST_F(PreorderTest, a_server_introduces_no_more_than_its_outstanding_bound) {
  PrimeConfig small = config();
  small.max_outstanding_requests = 3;
  Core core(keys_, small);
  std::size_t introduced = 0;
  for (std::uint64_t s = 1; s <= 10; ++s) {
    introduced += count(core.settle(op(0, s)), MessageType::PoRequest);
    introduced += count(core.settle_after(milliseconds(10)), MessageType::PoRequest);
  }
  EXPECT_EQ(introduced, 3U);
  EXPECT_EQ(core.prime().status().updates_waiting, 7U);
  EXPECT_GT(core.prime().next_wakeup(), core.now());  // nothing but input can help
}

TEST_F(PreorderTest, requests_under_our_name_that_we_have_not_introduced_are_refused) {
  Core core(keys_, config());
  EXPECT_TRUE(dropped(core.settle(request(1, 1)), DropReason::prime_beyond_window));
}

TEST_F(PreorderTest, acks_and_signers_beyond_n_are_refused) {
  testing::SiteKeys more(7);  // a directory with more servers than take part
  Core core(more, config_of(more, 1, kN, 1));
  const message::PoAck ack{{{server(4), SeqNum(1), Digest{}}}};
  EXPECT_TRUE(dropped(core.take(more.verified(server(0), ack)), DropReason::message_malformed));
  EXPECT_TRUE(dropped(core.take(more.verified(server(5), ack)), DropReason::message_unknown_signer));
}

// [PRIME] 7's faulty servers acknowledge nothing, and could say for ever that they lack everything.
TEST_F(PreorderTest, a_server_that_goes_on_lacking_what_it_is_sent_is_sent_it_ever_more_rarely) {
  Core core(keys_, config());
  ordering::Output output = core.settle(op(1, 1));
  ASSERT_EQ(count(output, message::MessageType::PoRequest), 1U);
  core.settle(summary(3, {0, 0, 0, 0}));
  std::size_t sent = 0;
  constexpr int kPeriods = 64;
  for (int i = 0; i < kPeriods; ++i) {
    core.settle_after(core.prime().config().retransmit_period);
    output = core.settle(summary(3, {0, 0, 0, 0}));
    for (const ordering::Forward& forward : output.forward) {
      const bool request = forward.message->get().type() == message::MessageType::PoRequest;
      sent += request && forward.to.contains(server(3)) ? 1 : 0;
    }
  }
  EXPECT_GE(sent, 4U);
  EXPECT_LE(sent, 10U);
}

}  // namespace
}  // namespace garrison::prime
