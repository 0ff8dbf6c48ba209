// One server, its peers played by the test: when it speaks, what it refuses, and how long it waits.
#include "tests/unit/bft/harness.h"

namespace garrison::bft {
namespace {

using message::MessageType;
constexpr std::size_t kN = 4;

class BftRulesTest : public ::testing::Test {
 protected:
  BftConfig config(std::size_t self = 1) {
    BftConfig config = config_of(*keys_, self, kN, 1);
    config.checkpoint_interval = 2;
    config.window = 4;
    config.retransmit_period = seconds(1000);  // not what these tests are about
    config.fetch_period = seconds(1000);
    return config;
  }
  Stored op(std::uint64_t sequence, std::uint32_t client = 0) {
    return keys_->verified(keys_->client_op(ClientId(client), SeqNum(sequence), as_bytes(std::string_view("trip"))));
  }
  static message::BftPrePrepare pre_prepare(std::uint64_t sequence, const std::vector<Stored>& ops,
                                            std::uint64_t view = 0) {
    message::BftPrePrepare made{View(view), SeqNum(sequence), {}};
    for (const Stored& one : ops) made.updates.push_back(one->get().digest());
    return made;
  }
  static Digest batch(const std::vector<Stored>& ops) { return message::batch_digest(pre_prepare(1, ops).updates); }
  // Server 1 commits the batch at `sequence` of view 0 with the votes of 0, 2 and itself.
  ordering::Output order(Core& core, std::uint64_t sequence, const std::vector<Stored>& ops) {
    for (const Stored& one : ops) core.take(one);
    core.take(0, pre_prepare(sequence, ops));
    core.take(2, message::BftPrepare{View(0), SeqNum(sequence), batch(ops)});
    core.take(0, message::BftCommit{View(0), SeqNum(sequence), batch(ops)});
    return core.take(2, message::BftCommit{View(0), SeqNum(sequence), batch(ops)});
  }
  Stored checkpoint(std::size_t from, std::uint64_t sequence, const Digest& state) {
    return keys_->verified(server(from), message::BftCheckpoint{SeqNum(sequence), state});
  }
  Stored view_change(std::size_t from, std::uint64_t view, std::vector<message::BftClaim> prepared = {},
                     std::vector<message::BftClaim> pre_prepared = {}) {
    return keys_->verified(
        server(from), message::BftViewChange{View(view), SeqNum(0), {}, std::move(prepared), std::move(pre_prepared)});
  }
  static message::BftNewView new_view(std::uint64_t view, const std::vector<Stored>& basis,
                                      std::vector<Digest> batches = {}) {
    message::BftNewView made{View(view), SeqNum(0), {}, std::move(batches)};
    for (const Stored& change : basis) made.basis.push_back({change->get().server(), change->get().digest()});
    return made;
  }

  std::unique_ptr<testing::SiteKeys> keys_ = make_keys(kN, Authentication::channel);
};

TEST_F(BftRulesTest, prepares_a_batch_only_when_it_holds_every_update) {
  Core core(*keys_, config());
  core.take(op(1));
  EXPECT_EQ(count(core.take(0, pre_prepare(1, {op(1), op(2)})), MessageType::BftPrepare), 0U);
  EXPECT_EQ(count(core.take(op(2)), MessageType::BftPrepare), 1U);
}

TEST_F(BftRulesTest, commits_with_a_quorum_of_prepares_the_leaders_pre_prepare_among_them) {
  Core core(*keys_, config());
  core.take(op(1));
  EXPECT_EQ(count(core.take(0, pre_prepare(1, {op(1)})), MessageType::BftCommit), 0U);
  // The leader's own PREPARE is its PRE-PREPARE once more.
  EXPECT_TRUE(
      dropped(core.take(0, message::BftPrepare{View(0), SeqNum(1), batch({op(1)})}), DropReason::bft_duplicate));
  core.take(3, message::BftPrepare{View(0), SeqNum(1), batch({op(2)})});
  const ordering::Output output = core.take(2, message::BftPrepare{View(0), SeqNum(1), batch({op(1)})});
  EXPECT_EQ(count(output, MessageType::BftCommit), 1U);
  EXPECT_TRUE(output.deliver.empty());
}

TEST_F(BftRulesTest, executes_in_order_with_a_quorum_of_commits) {
  Core core(*keys_, config());
  EXPECT_TRUE(order(core, 2, {op(2)}).deliver.empty());
  const ordering::Output output = order(core, 1, {op(1)});
  ASSERT_EQ(output.deliver.size(), 2U);
  EXPECT_TRUE(equal(output.deliver[0].updates[0], op(1)->get().bytes()));
  EXPECT_TRUE(equal(output.deliver[1].updates[0], op(2)->get().bytes()));
}

TEST_F(BftRulesTest, refuses_what_is_not_the_leaders_of_another_view_or_beyond_the_water_marks) {
  Core core(*keys_, config());
  EXPECT_TRUE(dropped(core.take(2, pre_prepare(1, {op(1)})), DropReason::bft_not_leader));
  EXPECT_TRUE(dropped(core.take(1, pre_prepare(1, {op(1)}, 1)), DropReason::bft_beyond_window));
  EXPECT_TRUE(dropped(core.take(0, pre_prepare(5, {op(1)})), DropReason::bft_beyond_window));
  EXPECT_TRUE(dropped(core.take(0, pre_prepare(0, {op(1)})), DropReason::message_malformed));
  EXPECT_TRUE(core.take(0, pre_prepare(4, {op(1)})).drops.empty());
}

TEST_F(BftRulesTest, two_batches_for_one_slot_are_blamed_only_where_signatures_prove_it) {
  for (const Authentication authentication : {Authentication::channel, Authentication::signature}) {
    keys_ = make_keys(kN, authentication);
    Core core(*keys_, config());
    core.take(0, pre_prepare(1, {op(1)}));
    const ordering::Output output = core.take(0, pre_prepare(1, {op(2)}));
    EXPECT_TRUE(dropped(output, DropReason::bft_equivocation));
    EXPECT_EQ(output.blame.size(), authentication == Authentication::signature ? 1U : 0U);
  }
}

TEST_F(BftRulesTest, never_answers_a_batch_with_more_bytes_than_one_may_have) {
  BftConfig small = config();
  small.max_batch_bytes = op(1)->get().bytes().size() + 1;
  Core core(*keys_, small);
  for (const std::uint64_t sequence : {1U, 2U, 3U}) core.take(op(sequence));
  EXPECT_EQ(count(core.take(0, pre_prepare(1, {op(1)})), MessageType::BftPrepare), 1U);
  const ordering::Output output = core.take(0, pre_prepare(2, {op(2), op(3)}));
  EXPECT_EQ(count(output, MessageType::BftPrepare), 0U);
  EXPECT_TRUE(dropped(output, DropReason::bft_oversized_batch));
}

TEST_F(BftRulesTest, only_the_first_update_of_the_queue_restarts_the_timer) {
  Core core(*keys_, config());
  core.take(op(1));
  core.settle_after(milliseconds(100));
  core.take(op(2, 1));
  // [PRIME] 2: executing what is not the first leaves the timer alone.
  core.settle_after(milliseconds(150));
  order(core, 1, {op(2, 1)});
  EXPECT_EQ(core.bft().next_wakeup(), core.now() + milliseconds(50));
  core.take(op(3, 2));
  order(core, 2, {op(1)});
  EXPECT_EQ(core.bft().next_wakeup(), core.now() + milliseconds(300));
  order(core, 3, {op(3, 2)});
  EXPECT_GT(core.bft().next_wakeup(), core.now() + seconds(100));  // an empty queue waits for nothing
}

TEST_F(BftRulesTest, a_view_change_doubles_the_timeout_which_returns_to_its_value_with_progress_unless_kept) {
  for (const bool keep : {false, true}) {
    BftConfig patient = config(2);
    patient.keep_timeout = keep;
    Core core(*keys_, patient);
    core.take(op(1));
    EXPECT_EQ(count(core.settle_after(milliseconds(299)), MessageType::BftViewChange), 0U);
    const auto left = last_signed<message::BftViewChange>(core.settle_after(milliseconds(1)));
    ASSERT_TRUE(left.has_value());
    EXPECT_EQ(left->view, View(1));
    EXPECT_EQ(core.bft().timeout(), milliseconds(600));
    // Nobody else has left: there is no leader to wait for.
    EXPECT_EQ(count(core.settle_after(seconds(10)), MessageType::BftViewChange), 0U);
    std::vector<Stored> basis = {view_change(0, 1), view_change(1, 1), view_change(3, 1)};
    for (const Stored& change : basis) core.take(change);
    // Now there is, for the doubled timeout.
    EXPECT_EQ(count(core.settle_after(milliseconds(599)), MessageType::BftViewChange), 0U);
    core.take(1, new_view(1, basis));
    ASSERT_TRUE(core.bft().active());
    core.take(1, pre_prepare(1, {op(1)}, 1));
    for (const std::size_t from : {0U, 3U}) core.take(from, message::BftPrepare{View(1), SeqNum(1), batch({op(1)})});
    for (const std::size_t from : {0U, 3U}) core.take(from, message::BftCommit{View(1), SeqNum(1), batch({op(1)})});
    EXPECT_EQ(core.bft().status().updates_delivered, 1U);
    EXPECT_EQ(core.bft().timeout(), milliseconds(keep ? 600 : 300));
  }
}

TEST_F(BftRulesTest, says_nothing_in_a_view_that_it_has_left) {
  Core core(*keys_, config(2));
  core.take(op(1));
  core.settle_after(milliseconds(300));
  const ordering::Output output = core.take(0, pre_prepare(1, {op(1)}));
  EXPECT_TRUE(dropped(output, DropReason::bft_stale));
  EXPECT_TRUE(output.sign.empty());
}

TEST_F(BftRulesTest, f_plus_one_view_changes_take_a_server_along_but_f_do_not) {
  Core core(*keys_, config());
  EXPECT_EQ(count(core.take(view_change(3, 9)), MessageType::BftViewChange), 0U);
  const auto left = last_signed<message::BftViewChange>(core.take(view_change(2, 2)));
  ASSERT_TRUE(left.has_value());
  EXPECT_EQ(left->view, View(2));  // no further than a correct server has gone
}

TEST_F(BftRulesTest, a_view_change_claims_what_was_prepared_and_what_was_pre_prepared) {
  Core core(*keys_, config(2));
  for (const std::uint64_t sequence : {1U, 2U}) core.take(op(sequence));
  core.take(0, pre_prepare(1, {op(1)}));
  core.take(1, message::BftPrepare{View(0), SeqNum(1), batch({op(1)})});
  core.take(0, pre_prepare(2, {op(2)}));
  const auto left = last_signed<message::BftViewChange>(core.settle_after(milliseconds(300)));
  ASSERT_TRUE(left.has_value());
  const message::BftClaim first{SeqNum(1), View(0), batch({op(1)})};
  const message::BftClaim second{SeqNum(2), View(0), batch({op(2)})};
  EXPECT_EQ(left->prepared, std::vector{first});
  EXPECT_EQ(left->pre_prepared, (std::vector{first, second}));
}

TEST_F(BftRulesTest, the_new_leader_replays_what_is_prepared_and_proposes_the_rest) {
  Core core(*keys_, config(1));
  for (const std::uint64_t sequence : {1U, 2U}) core.take(op(sequence));
  core.take(0, pre_prepare(1, {op(1)}));
  core.take(2, message::BftPrepare{View(0), SeqNum(1), batch({op(1)})});
  core.settle_after(milliseconds(300));
  core.take(view_change(2, 1, {}, {{SeqNum(1), View(0), batch({op(1)})}}));
  const ordering::Output output = core.take(view_change(3, 1));
  const auto announced = last_signed<message::BftNewView>(output);
  ASSERT_TRUE(announced.has_value());
  EXPECT_EQ(announced->basis.size(), 3U);
  EXPECT_EQ(announced->batches, std::vector{batch({op(1)})});
  EXPECT_EQ(last_signed<message::BftPrepare>(output)->sequence, SeqNum(1));
  const auto proposed = last_signed<message::BftPrePrepare>(output);
  ASSERT_TRUE(proposed.has_value());
  EXPECT_EQ(proposed->sequence, SeqNum(2));
  EXPECT_EQ(proposed->updates, std::vector{op(2)->get().digest()});
}

TEST_F(BftRulesTest, a_new_view_that_does_not_follow_from_its_view_changes_is_refused_and_its_leader_given_up) {
  const message::BftClaim claim{SeqNum(1), View(0), batch({op(1)})};
  const std::vector<Stored> basis = {view_change(0, 1, {claim}, {claim}), view_change(1, 1, {}, {claim}),
                                     view_change(3, 1)};
  const message::BftNewView good = new_view(1, basis, {batch({op(1)})});
  const auto variant = [&](auto&& change) {
    message::BftNewView made = good;
    change(made);
    return made;
  };
  const std::vector<message::BftNewView> bad = {
      variant([](auto& m) { m.batches.clear(); }),
      variant([](auto& m) { m.batches.front() = message::kNullBatch; }),
      variant([&](auto& m) { m.batches.push_back(batch({op(2)})); }),
      variant([](auto& m) { m.start = SeqNum(2); }),
      variant([](auto& m) { m.basis.pop_back(); }),
      variant([](auto& m) { std::swap(m.basis.front(), m.basis.back()); }),
      variant([](auto& m) { m.basis.back() = m.basis.front(); }),
  };
  const auto receive = [&](const message::BftNewView& announced, ordering::Output& output) {
    auto core = std::make_unique<Core>(*keys_, config(2));
    for (const Stored& change : basis) core->take(change);
    output = core->take(1, announced);
    return core;
  };
  ordering::Output output;
  EXPECT_TRUE(receive(good, output)->bft().active());
  for (const message::BftNewView& announced : bad) {
    const auto core = receive(announced, output);
    EXPECT_TRUE(dropped(output, DropReason::bft_bad_new_view));
    EXPECT_FALSE(core->bft().active());
    EXPECT_EQ(core->bft().status().view, View(2));
  }
  Core core(*keys_, config(2));
  EXPECT_TRUE(dropped(core.take(3, good), DropReason::bft_not_leader));
}

TEST_F(BftRulesTest, an_update_is_handed_to_a_leader_ever_more_rarely_and_to_the_next_leader_at_once) {
  BftConfig patient = config(2);
  patient.timeout = seconds(1000);
  patient.retransmit_period = milliseconds(100);
  Core core(*keys_, patient);
  core.take(op(1));
  std::vector<std::size_t> handed_on;  // by period
  for (std::size_t period = 1; period <= 40; ++period) {
    if (count(core.settle_after(milliseconds(100)), MessageType::BftUpdates) > 0) handed_on.push_back(period);
  }
  EXPECT_EQ(handed_on, (std::vector<std::size_t>{1, 2, 4, 8, 16, 32}));
  const std::vector<Stored> basis = {view_change(0, 1), view_change(1, 1), view_change(3, 1)};
  for (const Stored& change : basis) core.take(change);
  core.take(1, new_view(1, basis));
  ASSERT_TRUE(core.bft().active());
  const ordering::Output output = core.settle_after(milliseconds(100));
  const auto sign = std::find_if(output.sign.begin(), output.sign.end(),
                                 [](const auto& one) { return one.type == MessageType::BftUpdates; });
  ASSERT_NE(sign, output.sign.end());
  EXPECT_EQ(sign->to, ServerSet::only(server(1)));
  EXPECT_EQ(count(core.settle_after(milliseconds(100)), MessageType::BftUpdates), 1U);
  EXPECT_EQ(count(core.settle_after(milliseconds(100)), MessageType::BftUpdates), 0U);
}

TEST_F(BftRulesTest, a_new_view_waits_for_the_view_changes_that_it_names) {
  const std::vector<Stored> basis = {view_change(0, 1), view_change(1, 1), view_change(3, 1)};
  Core core(*keys_, config(2));
  core.take(1, new_view(1, basis));
  for (const Stored& change : basis) {
    EXPECT_FALSE(core.bft().active() && core.bft().status().view == View(1));
    core.take(change);
  }
  EXPECT_TRUE(core.bft().active());
  EXPECT_EQ(core.bft().status().view, View(1));
}

TEST_F(BftRulesTest, two_new_views_of_one_view_are_proof) {
  Core core(*keys_, config(2));
  const std::vector<Stored> basis = {view_change(0, 1), view_change(1, 1), view_change(3, 1)};
  core.take(1, new_view(1, basis));
  EXPECT_EQ(core.take(1, new_view(1, basis, {Digest{}})).blame.size(), 1U);
}

TEST_F(BftRulesTest, refuses_a_view_change_with_claims_or_a_proof_that_cannot_be_a_correct_servers) {
  Core core(*keys_, config());
  const auto refused = [&](const message::BftViewChange& change) {
    return dropped(core.take(2, change), DropReason::bft_bad_view_change);
  };
  const message::BftClaim claim{SeqNum(1), View(0), batch({op(1)})};
  const message::BftClaim later{SeqNum(1), View(3), batch({op(1)})};
  const message::BftClaim beyond{SeqNum(5), View(0), batch({op(1)})};
  EXPECT_TRUE(refused({View(3), SeqNum(0), {}, {later}, {}}));
  EXPECT_TRUE(refused({View(3), SeqNum(0), {}, {}, {beyond}}));
  EXPECT_TRUE(refused({View(3), SeqNum(0), {}, {claim, claim}, {}}));
  EXPECT_TRUE(refused({View(3), SeqNum(1), {}, {}, {}}));
  EXPECT_TRUE(refused({View(3), SeqNum(2), {}, {}, {}}));  // unproven
  const std::vector<Stored> two = {checkpoint(0, 2, Digest{1}), checkpoint(2, 2, Digest{1})};
  const Stored third = checkpoint(3, 2, Digest{1});
  const Stored other_state = checkpoint(3, 2, Digest{2});
  const Stored other_sequence = checkpoint(3, 4, Digest{1});
  const auto with = [&](const Stored& last) {
    return message::BftViewChange{
        View(3), SeqNum(2), {two[0]->get().bytes(), two[1]->get().bytes(), last->get().bytes()}, {}, {}};
  };
  EXPECT_TRUE(refused({View(3), SeqNum(2), {two[0]->get().bytes(), two[1]->get().bytes()}, {}, {}}));
  EXPECT_TRUE(refused(with(two[1])));  // the same server twice
  EXPECT_TRUE(refused(with(other_state)));
  EXPECT_TRUE(refused(with(other_sequence)));
  EXPECT_EQ(core.bft().stable(), SeqNum(0));
  EXPECT_FALSE(refused(with(third)));
  EXPECT_EQ(core.bft().stable(), SeqNum(2));  // the proof convinces whoever sees it
}

TEST_F(BftRulesTest, a_quorum_of_equal_checkpoints_moves_the_water_marks) {
  Core core(*keys_, config());
  order(core, 1, {op(1)});
  const ordering::Output output = order(core, 2, {op(2)});
  ASSERT_EQ(output.checkpoints.size(), 1U);
  const auto own = keys_->verified(server(1), message::BftCheckpoint{SeqNum(2), Core::state_after(SeqNum(2))});
  EXPECT_EQ(last_signed<message::BftCheckpoint>(output)->state, Core::state_after(SeqNum(2)));
  core.take(checkpoint(0, 2, Core::state_after(SeqNum(2))));
  core.take(checkpoint(3, 2, Digest{9}));
  EXPECT_EQ(core.bft().stable(), SeqNum(0));
  EXPECT_EQ(core.take(checkpoint(3, 2, Core::state_after(SeqNum(2)))).blame.size(), 1U);
  core.take(checkpoint(2, 2, Core::state_after(SeqNum(2))));
  EXPECT_EQ(core.bft().stable(), SeqNum(2));
  EXPECT_TRUE(dropped(core.take(0, pre_prepare(2, {op(2)})), DropReason::bft_stale));
  EXPECT_TRUE(core.take(0, pre_prepare(6, {op(3)})).drops.empty());
}

TEST_F(BftRulesTest, a_batch_of_the_past_is_believed_of_f_plus_one_servers) {
  Core core(*keys_, config());
  core.take(op(1));
  const message::BftBatch claim{SeqNum(1), true, {op(1)->get().digest()}};
  EXPECT_TRUE(core.take(2, claim).deliver.empty());
  EXPECT_TRUE(core.take(2, claim).deliver.empty());
  EXPECT_TRUE(core.take(0, message::BftBatch{SeqNum(1), true, {op(2)->get().digest()}}).deliver.empty());
  EXPECT_TRUE(core.take(0, message::BftBatch{SeqNum(1), false, {op(1)->get().digest()}}).deliver.empty());
  EXPECT_EQ(core.take(3, claim).deliver.size(), 1U);
}

TEST_F(BftRulesTest, the_queue_is_bounded_as_a_whole_and_per_client) {
  BftConfig tight = config();
  tight.max_waiting_updates = 3;
  tight.max_waiting_per_client = 2;
  Core core(*keys_, tight);
  EXPECT_TRUE(core.take(op(1)).drops.empty());
  EXPECT_TRUE(core.take(op(1)).drops.empty());
  EXPECT_TRUE(core.take(op(2)).drops.empty());
  EXPECT_TRUE(dropped(core.take(op(3)), DropReason::client_intake_full));
  EXPECT_TRUE(core.take(op(1, 1)).drops.empty());
  EXPECT_FALSE(core.bft().accepts_updates());
  EXPECT_TRUE(dropped(core.take(op(2, 1)), DropReason::client_intake_full));
}

TEST_F(BftRulesTest, numbers_that_do_not_fit_each_other_are_refused) {
  EXPECT_TRUE(check(config()).ok());
  const auto refuses = [&](auto&& change) {
    BftConfig made = config();
    change(made);
    return !check(made).ok();
  };
  EXPECT_TRUE(refuses([](auto& c) { c.n = 3; }));
  EXPECT_TRUE(refuses([](auto& c) { c.window = 2 * c.checkpoint_interval - 1; }));
  EXPECT_TRUE(refuses([](auto& c) { c.window = 2 * c.checkpoint_interval + 1; }));
  EXPECT_TRUE(refuses([](auto& c) { c.window = message::kMaxBftWindow + 1; }));
  EXPECT_TRUE(refuses([](auto& c) { c.pipeline = c.window + 1; }));
  EXPECT_TRUE(refuses([](auto& c) { c.timeout = Duration(); }));
  EXPECT_TRUE(refuses([](auto& c) { c.max_updates_per_batch = message::kMaxUpdatesPerBatch + 1; }));
  EXPECT_TRUE(refuses([](auto& c) { c.envelope.signer.index = 3; }));
}

}  // namespace
}  // namespace garrison::bft
