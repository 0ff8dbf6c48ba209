// Rules of the Reconciliation sub-protocol [PRIME] 5.3, at one server.
#include "control/prime/reconciliation.h"
#include "tests/unit/prime/rules_fixture.h"

namespace garrison::prime {
namespace {

using message::MessageType;

class ReconciliationTest : public RulesTest {
 protected:
  PrimeConfig at_once() {
    PrimeConfig prime = config();
    prime.recon_delay = Duration();
    return prime;
  }
  // Server `from`'s part of `request`, with `block` for its own signature block if there is one.
  message::Recon part(std::size_t from, const Stored& request, ByteView block = {}) {
    const coding::Code code(kN, 2);
    const ByteView content = request->get().content();
    Bytes& bytes = storage_.emplace_back(code.part_bytes(content.size()));
    code.encode(content, from, bytes);
    const auto decoded = request->get().as<message::PoRequest>();
    return {decoded.introducer,
            decoded.sequence,
            request->get().digest(),
            static_cast<std::uint32_t>(content.size()),
            block.empty() ? request->get().bytes().subspan(content.size()) : block,
            bytes};
  }
  Stored recon(std::size_t from, const Stored& request, ByteView block = {}) {
    return keys_.verified(server(from), part(from, request, block));
  }
  Stored corrupt(std::size_t from, const Stored& request) {
    message::Recon bad = part(from, request);
    Bytes& bytes = storage_.emplace_back(to_bytes(bad.part));
    bytes[3] ^= 1U;
    bad.part = bytes;
    return keys_.verified(server(from), bad);
  }
  Stored inquiry(std::size_t from, const Stored& first, const Stored& second) {
    return keys_.verified(server(from), message::Inquiry{{first->get().bytes(), second->get().bytes()}});
  }
  Stored proof(std::size_t from, const Stored& part, const Stored& request) {
    return keys_.verified(server(from), message::CorruptionProof{part->get().bytes(), request->get().content()});
  }
  // The matrix in which servers 0, 1 and 2 count `vec`, and server 3 what it says.
  Stored matrix_of(std::uint64_t sequence, std::array<std::uint64_t, kN> vec, const Stored& row_of_3 = nullptr) {
    return pre_prepare(sequence, {summary(0, vec), summary(1, vec), summary(2, vec), row_of_3});
  }
  // Certifies a request of server 2 at server 1 by the word of servers 0 and 1 alone.
  Stored certified(Core& core, std::uint64_t sequence = 1) {
    const Stored request = this->request(2, sequence);
    core.settle(request);
    core.settle(ack(0, request));
    return request;
  }
  static std::size_t parts_sent(const ordering::Output& output) { return count(output, MessageType::Recon); }

  std::deque<Bytes> storage_;
};

TEST_F(ReconciliationTest, the_first_copy_of_a_matrix_sends_a_part_to_whom_it_does_not_count) {
  Core core(keys_, at_once());
  const Stored request = certified(core);
  const ordering::Output output = core.settle(matrix_of(1, {0, 0, 1, 0}));
  ASSERT_EQ(parts_sent(output), 1U);
  const auto sign = std::find_if(output.sign.begin(), output.sign.end(),
                                 [](const ordering::Sign& one) { return one.type == MessageType::Recon; });
  EXPECT_EQ(sign->to, ServerSet::only(server(3)));
  const auto sent = message::decode<message::Recon>(sign->content);
  const message::Recon expected = part(1, request);
  EXPECT_EQ(sent->introducer, server(2));
  EXPECT_EQ(sent->sequence, SeqNum(1));
  EXPECT_EQ(sent->digest, request->get().digest());
  EXPECT_EQ(sent->content_bytes, request->get().content().size());
  EXPECT_TRUE(equal(sent->part, expected.part));
  EXPECT_TRUE(equal(sent->block, expected.block));
  EXPECT_EQ(parts_sent(core.settle(matrix_of(1, {0, 0, 1, 0}))), 0U) << "a second copy";
  EXPECT_EQ(parts_sent(core.settle(matrix_of(2, {0, 0, 1, 0}))), 0U) << "eligible before";
}

TEST_F(ReconciliationTest, nothing_is_sent_before_a_quorum_counts_it) {
  Core core(keys_, at_once());
  certified(core);
  EXPECT_EQ(parts_sent(core.settle(pre_prepare(1, {summary(0, {0, 0, 1, 0}), summary(1, {0, 0, 1, 0})}))), 0U);
}

TEST_F(ReconciliationTest, nothing_is_sent_to_a_server_whose_row_counts_it) {
  Core core(keys_, at_once());
  certified(core);
  EXPECT_EQ(parts_sent(core.settle(matrix_of(1, {0, 0, 1, 0}, summary(3, {0, 0, 1, 0})))), 0U);
}

TEST_F(ReconciliationTest, nothing_is_sent_to_a_server_that_acknowledged_it) {
  Core core(keys_, at_once());
  core.settle(ack(3, certified(core)));
  EXPECT_EQ(parts_sent(core.settle(matrix_of(1, {0, 0, 1, 0}))), 0U);
}

TEST_F(ReconciliationTest, an_acknowledgement_of_another_request_is_none_of_this_one) {
  Core core(keys_, at_once());
  certified(core);
  core.settle(ack(3, request(2, 1, 77)));
  EXPECT_EQ(parts_sent(core.settle(matrix_of(1, {0, 0, 1, 0}))), 1U);
}

TEST_F(ReconciliationTest, nothing_is_sent_to_a_server_that_counts_it_in_a_later_summary) {
  Core core(keys_, at_once());
  certified(core);
  core.settle(summary(3, {0, 0, 1, 0}));
  EXPECT_EQ(parts_sent(core.settle(matrix_of(1, {0, 0, 1, 0}))), 0U);
}

TEST_F(ReconciliationTest, nothing_is_sent_to_the_introducer) {
  Core core(keys_, at_once());
  const Stored request = this->request(3, 1);
  core.settle(request);
  core.settle(ack(0, request));
  EXPECT_EQ(parts_sent(core.settle(matrix_of(1, {0, 0, 0, 1}))), 0U);
}

TEST_F(ReconciliationTest, nothing_is_sent_to_a_server_that_lies_back_further_than_requests_are_kept) {
  PrimeConfig prime = at_once();
  prime.kept_requests = 2;
  Core core(keys_, prime);
  for (std::uint64_t s = 1; s <= 4; ++s) certified(core, s);
  EXPECT_EQ(parts_sent(core.settle(matrix_of(1, {0, 0, 4, 0}))), 2U);
}

TEST_F(ReconciliationTest, what_is_due_to_a_silent_server_is_kept_until_it_is_heard) {
  Core core(keys_, at_once());
  certified(core, 1);
  core.settle_after(milliseconds(601));
  EXPECT_EQ(parts_sent(core.settle(matrix_of(1, {0, 0, 1, 0}))), 0U);
  EXPECT_EQ(parts_sent(core.settle(summary(3, {0, 0, 0, 0}))), 1U);
  certified(core, 2);
  EXPECT_EQ(parts_sent(core.settle(matrix_of(2, {0, 0, 2, 0}))), 1U);
}

TEST_F(ReconciliationTest, a_server_whose_row_does_not_count_it_sends_nothing_though_it_holds_it) {
  Core core(keys_, at_once());
  certified(core);
  const std::array<std::uint64_t, kN> vec = {0, 0, 1, 0};
  EXPECT_EQ(parts_sent(core.settle(pre_prepare(1, {summary(0, vec), nullptr, summary(2, vec), summary(3, vec)}))), 0U);
}

TEST_F(ReconciliationTest, what_no_certificate_binds_here_is_not_sent) {
  Core core(keys_, at_once());
  core.settle(request(2, 1));
  EXPECT_EQ(parts_sent(core.settle(matrix_of(1, {0, 0, 1, 0}))), 0U);
}

TEST_F(ReconciliationTest, a_part_waits_for_its_receiver_to_catch_up) {
  PrimeConfig prime = config();
  prime.recon_delay = milliseconds(3);
  Core slow(keys_, prime);
  certified(slow);
  EXPECT_EQ(parts_sent(slow.settle(matrix_of(1, {0, 0, 1, 0}))), 0U);
  EXPECT_LE(slow.prime().next_wakeup(), slow.now() + milliseconds(3));
  EXPECT_EQ(parts_sent(slow.settle_after(milliseconds(2))), 0U);
  EXPECT_EQ(parts_sent(slow.settle_after(milliseconds(1))), 1U);

  Core quick(keys_, prime);
  certified(quick);
  quick.settle(matrix_of(1, {0, 0, 1, 0}));
  quick.settle(summary(3, {0, 0, 1, 0}));
  EXPECT_EQ(parts_sent(quick.settle_after(milliseconds(3))), 0U);
}

TEST_F(ReconciliationTest, matrices_are_worked_through_in_order) {
  Core core(keys_, at_once());
  certified(core, 1);
  certified(core, 2);
  EXPECT_EQ(parts_sent(core.settle(matrix_of(2, {0, 0, 2, 0}))), 0U);
  EXPECT_EQ(parts_sent(core.settle(matrix_of(1, {0, 0, 1, 0}))), 2U);
}

TEST_F(ReconciliationTest, own_parts_go_out_one_signature_at_a_time) {
  PrimeConfig prime = at_once();
  Core core(keys_, prime);
  constexpr std::uint64_t kRequests = kMaxOwnBatch + 6;
  for (std::uint64_t s = 1; s <= kRequests; ++s) certified(core, s);
  ordering::Output first = core.take(matrix_of(1, {0, 0, kRequests, 0}));
  EXPECT_EQ(parts_sent(first), kMaxOwnBatch);
  EXPECT_EQ(parts_sent(core.wake()), 0U);
  EXPECT_EQ(parts_sent(core.settle_output(std::move(first))), kRequests);
}

TEST(ChosenSendersTest, are_two_f_plus_one_of_the_holders_and_take_turns) {
  testing::SiteKeys keys(7, 1);
  const PrimeConfig config = config_of(keys, 0, 7, 2);
  const ServerSet holders = ServerSet::all(7).without(server(3));
  std::array<std::size_t, 7> turns{};
  for (std::uint64_t s = 1; s <= 700; ++s) {
    const ServerSet chosen = chosen_senders({server(1), SeqNum(s)}, holders, config);
    EXPECT_EQ(chosen.size(), 5U);
    chosen.for_each([&](ServerId one) { ++turns[one.index()]; });
  }
  EXPECT_EQ(turns[3], 0U);
  for (const std::size_t i : {0U, 1U, 2U, 4U, 5U, 6U}) EXPECT_GT(turns[i], 400U);
}

TEST_F(ReconciliationTest, any_two_parts_give_the_request_back) {
  for (const auto& [a, b] : std::vector<std::pair<std::size_t, std::size_t>>{{0, 2}, {2, 3}, {3, 0}}) {
    Core core(keys_, config());
    const Stored request = this->request(2, 1);
    for (const std::size_t from : {0U, 3U}) core.settle(ack(from, request));
    EXPECT_TRUE(core.settle(recon(a, request)).verify.empty());
    const ordering::Output output = core.settle(recon(b, request));
    ASSERT_EQ(output.verify.size(), 1U);
    EXPECT_TRUE(equal(output.verify[0].message, request->get().bytes()));
    EXPECT_EQ(core.prime().status().blacklist, ServerSet());
    EXPECT_EQ(order(core, pre_prepare(1, three_rows({0, 0, 1, 0}))).deliver.size(), 1U);
  }
}

TEST_F(ReconciliationTest, a_request_that_is_being_verified_is_not_verified_again) {
  Core core(keys_, config());
  const Stored request = this->request(2, 1);
  core.take(recon(0, request));
  EXPECT_EQ(core.take(recon(3, request)).verify.size(), 1U);
  EXPECT_TRUE(core.take(recon(2, request)).verify.empty());
}

TEST_F(ReconciliationTest, what_a_reconciled_request_says_counts_only_if_its_introducer_signed_it) {
  Core core(keys_, config());
  const Stored request = this->request(2, 1);
  const Bytes forged = to_bytes(keys_.verified(server(3), message::Prepare{})->get().bytes().last(72));
  core.settle(recon(0, request, forged));
  const ordering::Output output = core.settle(recon(3, request, forged));
  EXPECT_EQ(output.verify.size(), 1U);
  EXPECT_EQ(count(output, MessageType::PoAck), 0U);
  // The next sender's block is its own.
  EXPECT_EQ(count(core.settle(recon(2, request)), MessageType::PoAck), 1U);
}

TEST_F(ReconciliationTest, an_introducer_that_signs_one_request_twice_hinders_nobody) {
  const Stored alone = request(2, 1);
  const std::vector<Bytes> batch = keys_.sign_batch(
      keys_.server(server(2)), std::array{to_bytes(alone->get().content()), to_bytes(op(0, 1)->get().content())});
  const Stored batched = keys_.verified(batch[0]);
  ASSERT_EQ(alone->get().digest(), batched->get().digest());
  ASSERT_FALSE(equal(alone->get().bytes(), batched->get().bytes()));
  Core core(keys_, config());
  core.settle(recon(0, alone));
  EXPECT_EQ(count(core.settle(recon(3, batched)), MessageType::PoAck), 1U);
  EXPECT_EQ(core.prime().status().blacklist, ServerSet());
}

TEST_F(ReconciliationTest, parts_of_two_requests_are_not_spliced) {
  const Stored one = request(2, 1, 5);
  const Stored other = request(2, 1, 6);
  ASSERT_EQ(one->get().content().size(), other->get().content().size());
  Core core(keys_, config());
  core.settle(recon(0, one));
  const ordering::Output output = core.settle(recon(3, other));
  EXPECT_TRUE(output.verify.empty());
  EXPECT_EQ(count(output, MessageType::Inquiry), 0U);

  // The digest of one over a part of the other.
  message::Recon spliced = part(2, other);
  spliced.digest = one->get().digest();
  const ordering::Output third = core.settle(2, spliced);
  EXPECT_TRUE(third.verify.empty());
  EXPECT_EQ(count(third, MessageType::Inquiry), 1U);
}

TEST_F(ReconciliationTest, a_length_that_differs_is_another_request) {
  const Stored request = this->request(2, 1);
  Core core(keys_, config());
  core.settle(recon(0, request));
  message::Recon longer = part(3, request);
  longer.content_bytes += longer.content_bytes % 2 == 0 ? 0U : 1U;
  longer.content_bytes -= longer.content_bytes == request->get().content().size() ? 1U : 0U;
  EXPECT_TRUE(core.settle(3, longer).verify.empty());
}

TEST_F(ReconciliationTest, parts_that_do_not_decode_are_shown_to_everyone_and_the_next_part_convicts) {
  const Stored request = this->request(2, 1);
  Core core(keys_, config());
  const Stored bad = corrupt(0, request);
  core.settle(bad);
  const ordering::Output failed = core.settle(recon(3, request));
  EXPECT_TRUE(failed.verify.empty());
  const auto shown = last_signed<message::Inquiry>(failed);
  ASSERT_TRUE(shown.has_value());
  ASSERT_EQ(shown->parts.size(), 2U);
  EXPECT_EQ(core.prime().status().blacklist, ServerSet());

  const ordering::Output decoded = core.settle(recon(2, request));
  ASSERT_EQ(decoded.verify.size(), 1U);
  EXPECT_TRUE(equal(decoded.verify[0].message, request->get().bytes()));
  const auto proof = last_signed<message::CorruptionProof>(decoded);
  ASSERT_TRUE(proof.has_value());
  EXPECT_TRUE(equal(proof->part, bad->get().bytes()));
  EXPECT_TRUE(equal(proof->request, request->get().content()));
  ASSERT_EQ(decoded.blame.size(), 1U);
  EXPECT_EQ(decoded.blame[0].server, server(0));
  EXPECT_EQ(core.prime().status().blacklist, ServerSet::only(server(0)));
  EXPECT_TRUE(dropped(core.settle(recon(0, this->request(2, 2))), DropReason::prime_blacklisted));
}

TEST_F(ReconciliationTest, inquiries_are_rare) {
  Core core(keys_, config());
  std::size_t inquiries = 0;
  for (std::uint64_t s = 1; s <= 20; ++s) {
    core.settle(corrupt(0, request(2, s)));
    inquiries += count(core.settle(recon(3, request(2, s))), MessageType::Inquiry);
  }
  EXPECT_EQ(inquiries, 1U);
  core.settle_after(milliseconds(200));
  core.settle(corrupt(0, request(2, 21)));
  EXPECT_EQ(count(core.settle(recon(3, request(2, 21))), MessageType::Inquiry), 1U);
}

TEST_F(ReconciliationTest, who_holds_the_request_answers_an_inquiry_with_a_proof) {
  Core core(keys_, config());
  const Stored request = certified(core);
  const Stored bad = corrupt(0, request);
  const ordering::Output output = core.settle(inquiry(3, bad, recon(2, request)));
  const auto proof = last_signed<message::CorruptionProof>(output);
  ASSERT_TRUE(proof.has_value());
  EXPECT_TRUE(equal(proof->part, bad->get().bytes()));
  EXPECT_EQ(core.prime().status().blacklist, ServerSet::only(server(0)));
  const ordering::Output again = core.settle(inquiry(3, bad, recon(2, request)));
  EXPECT_EQ(count(again, MessageType::CorruptionProof), 0U) << "one proof per faulty server is enough";
}

TEST_F(ReconciliationTest, an_inquiry_that_shows_a_known_and_a_new_culprit_convicts_the_new_one) {
  Core core(keys_, config());
  const Stored request = certified(core);
  core.settle(inquiry(3, corrupt(0, request), recon(2, request)));
  EXPECT_TRUE(dropped(core.settle(inquiry(3, corrupt(0, request), recon(2, request))), DropReason::prime_duplicate));
  core.settle(inquiry(3, corrupt(0, request), corrupt(2, request)));
  EXPECT_EQ(core.prime().status().blacklist, ServerSet::only(server(0)).insert(server(2)));
}

TEST_F(ReconciliationTest, who_does_not_hold_the_request_convicts_nobody) {
  Core core(keys_, config());
  const Stored request = this->request(2, 1);
  const ordering::Output unknown = core.settle(inquiry(3, corrupt(0, request), recon(2, request)));
  EXPECT_TRUE(unknown.sign.empty() && unknown.blame.empty());
  certified(core);
  const Stored other = this->request(2, 1, 99);
  const ordering::Output another = core.settle(inquiry(3, corrupt(0, other), recon(2, other)));
  EXPECT_TRUE(another.sign.empty() && another.blame.empty());
  EXPECT_EQ(core.prime().status().blacklist, ServerSet());
}

TEST_F(ReconciliationTest, an_inquiry_about_right_parts_convicts_the_inquirer) {
  Core core(keys_, config());
  const Stored request = certified(core);
  const ordering::Output output = core.settle(inquiry(3, recon(0, request), recon(2, request)));
  EXPECT_TRUE(dropped(output, DropReason::prime_false_accusation));
  ASSERT_EQ(output.blame.size(), 1U);
  EXPECT_EQ(output.blame[0].server, server(3));
  EXPECT_EQ(core.prime().status().blacklist, ServerSet::only(server(3)));
}

TEST_F(ReconciliationTest, anyone_can_check_a_proof) {
  const Stored request = this->request(2, 1);
  Core core(keys_, config());  // has seen nothing of the request
  const ordering::Output output = core.settle(proof(3, corrupt(0, request), request));
  ASSERT_EQ(output.blame.size(), 1U);
  EXPECT_EQ(output.blame[0].server, server(0));
  EXPECT_EQ(output.blame[0].reason, DropReason::prime_corrupt_part);
  EXPECT_EQ(core.prime().status().blacklist, ServerSet::only(server(0)));
  EXPECT_TRUE(dropped(core.settle(recon(0, request)), DropReason::prime_blacklisted));
  EXPECT_TRUE(dropped(core.settle(proof(2, corrupt(0, request), request)), DropReason::prime_duplicate));
}

TEST_F(ReconciliationTest, a_proof_that_proves_nothing_convicts_the_accuser) {
  const Stored request = this->request(2, 1);
  const Stored other = this->request(2, 1, 99);
  for (const Stored& lie : {proof(3, recon(0, request), request), proof(3, recon(0, request), other)}) {
    Core core(keys_, config());
    const ordering::Output output = core.settle(lie);
    EXPECT_TRUE(dropped(output, DropReason::prime_false_accusation));
    EXPECT_EQ(core.prime().status().blacklist, ServerSet::only(server(3)));
    EXPECT_TRUE(dropped(core.settle(proof(3, corrupt(0, request), request)), DropReason::prime_blacklisted));
  }
}

TEST_F(ReconciliationTest, a_part_signed_for_another_identifier_than_its_request_is_proof) {
  const Stored request = this->request(2, 1);
  message::Recon elsewhere = part(0, request);
  elsewhere.sequence = SeqNum(9);
  Core core(keys_, config());
  core.settle(proof(3, keys_.verified(server(0), elsewhere), request));
  EXPECT_EQ(core.prime().status().blacklist, ServerSet::only(server(0)));
}

TEST_F(ReconciliationTest, two_parts_of_one_sender_for_one_identifier_are_blamed_and_the_first_counts) {
  const Stored request = this->request(2, 1);
  Core core(keys_, config());
  const Stored first = recon(0, request);
  core.settle(first);
  EXPECT_TRUE(dropped(core.settle(first), DropReason::prime_duplicate));
  const ordering::Output output = core.settle(corrupt(0, request));
  EXPECT_TRUE(dropped(output, DropReason::prime_equivocation));
  ASSERT_EQ(output.blame.size(), 1U);
  EXPECT_EQ(output.blame[0].server, server(0));
  EXPECT_EQ(core.settle(recon(3, request)).verify.size(), 1U);
}

TEST_F(ReconciliationTest, parts_that_are_not_needed_are_refused_by_name) {
  Core core(keys_, config());
  const Stored request = certified(core);
  EXPECT_TRUE(dropped(core.settle(recon(0, request)), DropReason::prime_duplicate));
  order(core, pre_prepare(1, three_rows({0, 0, 1, 0})));
  EXPECT_TRUE(dropped(core.settle(recon(0, request)), DropReason::prime_stale));
  EXPECT_TRUE(dropped(core.settle(recon(0, this->request(2, 514))), DropReason::prime_beyond_window));
  EXPECT_TRUE(core.settle(recon(0, this->request(2, 513))).drops.empty());
  const Stored fifth = this->request(2, 5);  // parts are views into it
  message::Recon zero = part(0, fifth);
  zero.sequence = SeqNum(0);
  EXPECT_TRUE(dropped(core.settle(0, zero), DropReason::message_malformed));
  message::Recon shorter = part(0, fifth);
  shorter.part = shorter.part.first(shorter.part.size() - 1);
  EXPECT_TRUE(dropped(core.settle(0, shorter), DropReason::message_malformed));
}

TEST_F(ReconciliationTest, a_sender_of_parts_of_what_nobody_knows_fills_its_own_share_only) {
  PrimeConfig small = config();
  small.recon_bytes = 2 * kMaxMessageBytes;
  Core core(keys_, small);
  std::uint64_t kept = 0;
  while (core.settle(recon(0, request(2, kept + 1, 1, 8000))).drops.empty()) ++kept;
  EXPECT_GE(kept, 2U);
  EXPECT_LE(kept * 4000, small.recon_bytes);
  EXPECT_TRUE(dropped(core.settle(recon(0, request(2, kept + 2, 1, 8000))), DropReason::prime_beyond_window));
  EXPECT_EQ(core.settle(recon(3, request(2, 1, 1, 8000))).verify.size(), 1U);
}

TEST_F(ReconciliationTest, execution_and_blacklisting_give_the_memory_of_parts_back) {
  const PrimeConfig prime = config();
  PartTable table(prime);
  Stored held;
  for (std::uint64_t s = 1; s <= 3; ++s) {
    for (const std::size_t from : {0U, 3U}) {
      EXPECT_FALSE(table.take(recon(from, request(2, s))->get(), held).has_value());
    }
  }
  const std::size_t full = table.bytes_of(server(0));
  EXPECT_GT(full, 0U);
  table.release({server(2), SeqNum(2)});
  EXPECT_LT(table.bytes_of(server(0)), full);
  EXPECT_EQ(table.bytes_of(server(0)), table.bytes_of(server(3)));
  table.release(server(3));
  EXPECT_EQ(table.bytes_of(server(3)), 0U);
  EXPECT_GT(table.bytes_of(server(0)), 0U);
  for (std::uint64_t s = 1; s <= 3; ++s) table.release({server(2), SeqNum(s)});
  EXPECT_EQ(table.bytes_of(server(0)), 0U);
}

}  // namespace
}  // namespace garrison::prime
