// Rules about PO-SUMMARYs [PRIME] 5.1, Fig. 1, 5.4.1; and eligibility, intake and configuration by themselves.
#include "control/prime/intake.h"
#include "tests/unit/prime/rules_fixture.h"

namespace garrison::prime {
namespace {

using message::MessageType;

class SummariesTest : public RulesTest {};

TEST_F(SummariesTest, inconsistent_summaries_blacklist_their_server) {
  Core core(keys_, config());
  core.settle(summary(2, {0, 0, 2, 1}));
  const ordering::Output output = core.settle(summary(2, {0, 0, 1, 2}));
  ASSERT_EQ(output.blame.size(), 1U);
  EXPECT_EQ(output.blame[0].server, server(2));
  EXPECT_NE(output.blame[0].first, nullptr);
  EXPECT_TRUE(core.prime().status().blacklist.contains(server(2)));
  EXPECT_TRUE(dropped(core.settle(summary(2, {0, 0, 9, 9})), DropReason::prime_blacklisted));
}

TEST_F(SummariesTest, older_and_newer_summaries_are_consistent) {
  Core core(keys_, config());
  core.settle(summary(2, {0, 0, 2, 1}));
  core.settle(summary(2, {0, 0, 1, 1}));
  core.settle(summary(2, {0, 0, 2, 3}));
  EXPECT_TRUE(core.prime().status().blacklist.empty());
}

TEST_F(SummariesTest, an_inconsistent_row_of_a_pre_prepare_blacklists_its_server_and_not_the_leader) {
  Core core(keys_, config());
  core.settle(summary(2, {0, 0, 2, 1}));
  const ordering::Output output = core.settle(pre_prepare(1, {nullptr, nullptr, summary(2, {0, 0, 1, 2}), nullptr}));
  EXPECT_EQ(core.prime().status().blacklist, ServerSet::only(server(2)));
  EXPECT_EQ(output.blame.size(), 1U);
  EXPECT_EQ(count(output, MessageType::Prepare), 1U);
}

TEST_F(SummariesTest, an_inconsistent_row_of_a_summary_matrix_blacklists_its_server) {
  Core core(keys_, config(0));
  core.settle(summary(2, {0, 0, 2, 1}));
  core.settle(3, message::SummaryMatrix{rows({nullptr, nullptr, summary(2, {0, 0, 1, 2}), nullptr})});
  EXPECT_EQ(core.prime().status().blacklist, ServerSet::only(server(2)));
}

TEST_F(SummariesTest, the_leader_adopts_newer_rows_of_a_summary_matrix) {
  Core leader(keys_, config(0));
  const ordering::Output output = leader.settle(3, message::SummaryMatrix{rows(three_rows({0, 0, 1, 0}))});
  const auto proposal = last_signed<message::PrePrepare>(output);
  ASSERT_TRUE(proposal.has_value());
  EXPECT_TRUE(equal(proposal->rows[2], summary(2, {0, 0, 1, 0})->get().bytes()));
}

TEST_F(SummariesTest, rows_that_the_leader_does_not_show_are_reported_to_it_after_a_period) {
  Core core(keys_, config());
  EXPECT_EQ(count(core.settle(summary(2, {0, 0, 1, 0})), MessageType::SummaryMatrix), 0U);
  const ordering::Output output = core.settle_after(milliseconds(5));
  ASSERT_EQ(count(output, MessageType::SummaryMatrix), 1U);
  EXPECT_EQ(output.sign[0].to, ServerSet::only(server(0)));
  EXPECT_EQ(output.sign[0].traffic, TrafficClass::timely);
  EXPECT_NE(output.sign[0].supersede_key, 0U);
  EXPECT_EQ(count(core.settle_after(milliseconds(5)), MessageType::SummaryMatrix), 0U) << "nothing new to report";
}

TEST_F(SummariesTest, rows_that_a_pre_prepare_covers_are_not_reported) {
  Core core(keys_, config());
  core.settle(summary(2, {0, 0, 1, 0}));
  core.settle(pre_prepare(1, {nullptr, nullptr, summary(2, {0, 0, 1, 0}), nullptr}));
  EXPECT_EQ(count(core.settle_after(milliseconds(5)), MessageType::SummaryMatrix), 0U);
}

TEST_F(SummariesTest, a_blacklisted_servers_row_need_not_be_covered) {
  Core core(keys_, config());
  core.settle(summary(2, {0, 0, 2, 1}));
  core.settle(summary(2, {0, 0, 1, 2}));
  EXPECT_EQ(count(core.settle_after(milliseconds(5)), MessageType::SummaryMatrix), 0U);
}

TEST_F(SummariesTest, the_newest_summary_is_repeated_every_period) {
  Core core(keys_, config());
  EXPECT_EQ(count(core.settle_after(milliseconds(200)), MessageType::PoSummary), 1U);  // "nothing yet"
  const ordering::Output output = core.settle_after(milliseconds(200));
  ASSERT_EQ(output.forward.size(), 1U);
  EXPECT_EQ(output.forward[0].message->get().type(), MessageType::PoSummary);
  EXPECT_EQ(output.forward[0].to, ServerSet::all(4).without(server(1)));
}

TEST_F(SummariesTest, a_server_that_keeps_lacking_what_we_acknowledged_hears_it_again) {
  Core core(keys_, config());
  const Stored r = request(2, 1);
  core.settle(r);
  core.settle(summary(3, {0, 0, 0, 0}));
  EXPECT_EQ(count(core.settle_after(milliseconds(200)), MessageType::PoAck), 0U);
  const ordering::Output output = core.settle(summary(3, {0, 0, 0, 0}));
  const auto again = last_signed<message::PoAck>(output);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(output.sign[0].to, ServerSet::only(server(3)));
  EXPECT_EQ(again->entries.front().digest, r->get().digest());
  EXPECT_TRUE(core.settle(summary(3, {0, 0, 0, 0})).sign.empty()) << "once a period";
}

TEST_F(SummariesTest, what_a_server_counts_is_not_sent_to_it_again) {
  Core core(keys_, config());
  core.settle(request(2, 1));
  core.settle(summary(3, {0, 0, 1, 0}));
  core.settle_after(milliseconds(200));
  const ordering::Output output = core.settle(summary(3, {0, 0, 1, 0}));
  EXPECT_TRUE(output.sign.empty() && output.forward.empty());
}

TEST(EligibilityTest, a_request_is_eligible_when_a_quorum_of_rows_counts_it) {
  const auto vec = [](std::uint64_t a, std::uint64_t b) {
    return SummaryVector{SeqNum(a), SeqNum(b), SeqNum(0), SeqNum(0)};
  };
  EXPECT_EQ(eligible_through({vec(5, 1), vec(4, 1), vec(3, 9), {}}, 4, 3), vec(3, 1));
  EXPECT_EQ(eligible_through({vec(5, 1), vec(4, 1), {}, {}}, 4, 3), vec(0, 0));
  EXPECT_EQ(eligible_through({vec(7, 7), vec(7, 7), vec(7, 7), vec(UINT64_MAX, 0)}, 4, 3), vec(7, 7));
}

TEST(EligibilityTest, what_was_executed_is_never_next_again) {
  Eligibility eligibility(2);
  eligibility.extend({SeqNum(1), SeqNum(1)});
  EXPECT_EQ(eligibility.next(), (PreorderId{server(0), SeqNum(1)}));
  eligibility.advance();
  EXPECT_EQ(eligibility.next(), (PreorderId{server(1), SeqNum(1)}));
  eligibility.advance();
  eligibility.extend({SeqNum(0), SeqNum(0)});
  EXPECT_FALSE(eligibility.next().has_value());
  eligibility.extend({SeqNum(2), SeqNum(1)});
  EXPECT_EQ(eligibility.next(), (PreorderId{server(0), SeqNum(2)}));
}

class IntakeTest : public RulesTest {};

TEST_F(IntakeTest, clients_take_turns) {
  const PrimeConfig plain = config();
  Intake intake(plain);
  for (std::uint64_t s = 1; s <= 5; ++s) EXPECT_FALSE(intake.take(op(0, s)->get()).has_value());
  EXPECT_FALSE(intake.take(op(1, 1)->get()).has_value());
  std::vector<std::uint32_t> clients;
  for (const Stored& update : intake.next_request()) clients.push_back(update->get().signer().index);
  EXPECT_EQ(clients, (std::vector<std::uint32_t>{0, 1, 0, 0, 0, 0}));
  EXPECT_TRUE(intake.empty());
}

// Events of the site, made without the signatures that validation would ask for.
class IntakeEventTest : public RulesTest {
 protected:
  Stored tick(std::int64_t ms) {
    bytes_ = message::encode(keys_.envelope(server(0)), message::Tick{Instant(milliseconds(ms).ns())});
    return ordering::store(keys_.validator().own_event(bytes_));
  }
  Stored batch(std::uint64_t number) {
    bytes_ = message::encode(keys_.envelope(crypto::Principal::of_site(SiteId(0))), message::SiteBatch{number});
    bytes_.resize(bytes_.size() + 300, 1);  // where the block stands
    return ordering::store(keys_.validator().own_event(bytes_));
  }
  Stored part(std::size_t size) {
    const crypto::Principal sender = crypto::Principal::server(SiteId(1), server(0));
    const Bytes content(size, 1);
    keys_.add(sender);
    keys_.validator().take_events();
    bytes_ = keys_.sign(
        sender, message::encode(keys_.envelope(sender), message::LinkPart{SiteId(0), TrafficClass::bounded, 0, 1, 4,
                                                                          Incarnation(1), SeqNum(1), 100, content}));
    return ordering::store(std::get<message::VerifiedMessage>(keys_.validator().link_part(sender, bytes_)));
  }
  static std::vector<message::MessageType> types(const std::vector<Stored>& items) {
    std::vector<message::MessageType> all;
    for (const Stored& item : items) all.push_back(item->get().type());
    return all;
  }

 private:
  Bytes bytes_;
};

TEST_F(IntakeEventTest, events_go_before_updates_and_the_clock_before_all) {
  const PrimeConfig plain = config();
  Intake intake(plain);
  EXPECT_FALSE(intake.take(op(0, 1)->get()).has_value());
  EXPECT_FALSE(intake.take(batch(1)->get()).has_value());
  EXPECT_FALSE(intake.take(tick(5)->get()).has_value());
  EXPECT_EQ(intake.waiting(), 3U);
  using enum message::MessageType;
  EXPECT_EQ(types(intake.next_request()), (std::vector{Tick, SiteBatch, ClientOp}));
  EXPECT_TRUE(intake.empty());
}

TEST_F(IntakeEventTest, of_clocks_only_the_newest_is_introduced) {
  const PrimeConfig plain = config();
  Intake intake(plain);
  EXPECT_FALSE(intake.take(tick(5)->get()).has_value());
  EXPECT_FALSE(intake.take(tick(6)->get()).has_value());
  const std::vector<Stored> items = intake.next_request();
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items.front()->get().as<message::Tick>().clock, Instant(milliseconds(6).ns()));
}

TEST_F(IntakeEventTest, events_leave_clients_a_quarter_of_a_request) {
  PrimeConfig small = config();
  small.max_updates_per_request = 8;
  Intake intake(small);
  for (std::uint64_t i = 1; i <= 10; ++i) EXPECT_FALSE(intake.take(batch(i)->get()).has_value());
  for (std::uint64_t i = 1; i <= 10; ++i) EXPECT_FALSE(intake.take(op(0, i)->get()).has_value());
  const auto first = types(intake.next_request());
  EXPECT_EQ(std::count(first.begin(), first.end(), message::MessageType::ClientOp), 2);
  EXPECT_EQ(first.size(), 8U);
}

TEST_F(IntakeEventTest, without_clients_that_wait_events_take_it_all) {
  PrimeConfig small = config();
  small.max_updates_per_request = 8;
  Intake intake(small);
  for (std::uint64_t i = 1; i <= 10; ++i) EXPECT_FALSE(intake.take(batch(i)->get()).has_value());
  EXPECT_EQ(intake.next_request().size(), 8U);
  EXPECT_EQ(intake.next_request().size(), 2U);
}

TEST_F(IntakeEventTest, a_large_event_is_not_kept_waiting_by_clients_or_the_clock) {
  const PrimeConfig plain = config();
  Intake intake(plain);
  EXPECT_FALSE(intake.take(part(message::kMaxLinkBundleBytes)->get()).has_value());
  EXPECT_FALSE(intake.take(op(0, 1)->get()).has_value());
  EXPECT_FALSE(intake.take(tick(1)->get()).has_value());
  const auto first = types(intake.next_request());
  EXPECT_NE(std::find(first.begin(), first.end(), message::MessageType::LinkPart), first.end());
}

TEST_F(IntakeTest, one_client_and_all_of_them_are_bounded) {
  PrimeConfig small = config();
  small.max_waiting_updates = 4;
  small.max_waiting_per_client = 2;
  Intake intake(small);
  EXPECT_FALSE(intake.take(op(0, 1)->get()).has_value());
  EXPECT_FALSE(intake.take(op(0, 2)->get()).has_value());
  EXPECT_EQ(intake.take(op(0, 3)->get()), DropReason::client_intake_full);
  EXPECT_TRUE(intake.accepts());
  EXPECT_FALSE(intake.take(op(1, 1)->get()).has_value());
  EXPECT_FALSE(intake.take(op(2, 1)->get()).has_value());
  EXPECT_FALSE(intake.accepts());
  EXPECT_EQ(intake.take(op(3, 1)->get()), DropReason::client_intake_full);
  EXPECT_EQ(intake.next_request().size(), 4U);
  EXPECT_TRUE(intake.accepts());
}

TEST_F(IntakeTest, requests_are_bounded_in_updates_and_bytes) {
  PrimeConfig small = config();
  small.max_updates_per_request = 3;
  Intake intake(small);
  for (std::uint64_t s = 1; s <= 4; ++s) EXPECT_FALSE(intake.take(op(0, s)->get()).has_value());
  EXPECT_EQ(intake.next_request().size(), 3U);
  EXPECT_EQ(intake.next_request().size(), 1U);
  for (std::uint64_t s = 5; s <= 7; ++s) EXPECT_FALSE(intake.take(op(0, s, kMaxOperationBytes)->get()).has_value());
  EXPECT_EQ(intake.next_request().size(), 1U);  // two would exceed 64 KiB
}

TEST(PrimeConfigTest, numbers_that_do_not_fit_are_refused) {
  const testing::SiteKeys keys(7);
  const PrimeConfig good = config_of(keys, 1, 4, 1);
  EXPECT_TRUE(check(good).ok());
  const auto refused = [&](auto&& spoil) {
    PrimeConfig config = good;
    spoil(config);
    return !check(config).ok();
  };
  EXPECT_TRUE(refused([](PrimeConfig& c) { c.f = 2; }));
  EXPECT_TRUE(refused([](PrimeConfig& c) { c.self = server(2); }));
  EXPECT_TRUE(refused([](PrimeConfig& c) { c.n = 17; }));
  EXPECT_TRUE(refused([](PrimeConfig& c) { c.po_period = Duration(); }));
  EXPECT_TRUE(refused([](PrimeConfig& c) { c.max_outstanding_requests = c.ack_window_requests + 1; }));
  EXPECT_TRUE(refused([](PrimeConfig& c) { c.max_request_bytes = 1000; }));
  EXPECT_TRUE(refused([](PrimeConfig& c) { c.ack_window_bytes = 1000; }));
  EXPECT_TRUE(refused([](PrimeConfig& c) { c.preprepare_pipeline = c.global_window + 1; }));
}

}  // namespace
}  // namespace garrison::prime
