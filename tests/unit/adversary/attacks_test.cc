// Each adversary does what it says, at a server of a real site.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/scenario/site.h"

namespace garrison::adversary {
namespace {

using message::MessageType;
using message::VerifiedMessage;
using scenario::Site;

constexpr ServerId kA1(0);
constexpr ServerId kA2(1);
constexpr ServerId kA3(2);
constexpr ServerId kA4(3);

// A site of four, one of them faulty.
class AttacksTest : public ::testing::Test {
 protected:
  void corrupt(ServerId who, const char* specs) {
    site_ = std::make_unique<Site>(4, 1, ServerSet::only(who));
    auto parsed = parse_specs(specs);
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    site_->corrupt(who, parsed.value());
  }
  void run(int rounds = 20) {
    for (int i = 0; i < rounds; ++i) {
      for (std::size_t s = 0; s < 4; ++s) site_->submit(ServerId(static_cast<std::uint16_t>(s)));
      site_->advance(milliseconds(5));
    }
    site_->advance(seconds(1));
    EXPECT_EQ(site_->violation(), std::nullopt);
  }
  void give_reconciliation_work() {
    site_->lose({{MessageType::PoRequest}, ServerSet::only(kA3), ServerSet::only(kA1), std::nullopt});
  }
  [[nodiscard]] std::uint64_t sent(MessageType type, ServerId from, ServerId to) const {
    return site_->sent({{type}, ServerSet::only(from), ServerSet::only(to), std::nullopt});
  }
  [[nodiscard]] std::uint64_t acted() const { return site_->conspiracy().records().front().acted.get(); }

  std::unique_ptr<Site> site_;
};

TEST_F(AttacksTest, every_kind_acts_in_a_busy_site_and_breaks_nothing) {
  for (const Kind& kind : kinds()) {
    SCOPED_TRACE(kind.name);
    corrupt(kA2, std::string(kind.examples.front()).c_str());
    give_reconciliation_work();
    run();
    // A2 leads next.
    site_->partition({ServerSet::all(4).without(kA1)});
    run();
    site_->heal();
    run();
    EXPECT_GT(acted(), 0U);
  }
}

TEST_F(AttacksTest, every_kind_alone_leaves_the_rest_alive_while_another_leads) {
  for (const Kind& kind : kinds()) {
    for (const std::string_view example : kind.examples) {
      SCOPED_TRACE(example);
      corrupt(kA4, std::string(example).c_str());
      give_reconciliation_work();
      run(5);
      site_->heal();
      site_->advance(seconds(3));
      EXPECT_EQ(site_->unexecuted(), std::nullopt);
      EXPECT_TRUE(kind.on_occasion || acted() > 0);
    }
  }
}

TEST_F(AttacksTest, silent_withholds_the_named_types_from_the_named_servers) {
  corrupt(kA2, "silent:types=PO-REQUEST+COMMIT:to=A3");
  run();
  EXPECT_EQ(sent(MessageType::PoRequest, kA2, kA3), 0U);
  EXPECT_EQ(sent(MessageType::Commit, kA2, kA3), 0U);
  EXPECT_GT(sent(MessageType::PoRequest, kA2, kA4), 0U);
  EXPECT_GT(sent(MessageType::PoAck, kA2, kA3), 0U);
}

TEST_F(AttacksTest, withhold_requests_keeps_them_from_f_correct_servers_only) {
  corrupt(kA2, "withhold-requests:to=f");
  run();
  EXPECT_EQ(sent(MessageType::PoRequest, kA2, kA4), 0U);
  EXPECT_GT(sent(MessageType::PoRequest, kA2, kA3), 0U);
  EXPECT_GT(sent(MessageType::Prepare, kA2, kA4), 0U);
}

TEST_F(AttacksTest, ack_only_faulty_claims_to_hold_nothing_of_correct_servers) {
  corrupt(kA2, "ack-only-faulty");
  bool summarized = false;
  site_->tap = [&](ServerId from, ServerId, const VerifiedMessage& message) {
    if (from != kA2 || message.server() != kA2) return;
    if (message.type() == MessageType::PoSummary) {
      const auto vec = message.as<message::PoSummary>().vec;
      summarized = summarized || vec[1] > SeqNum(0);
      EXPECT_TRUE(vec[0] == SeqNum(0) && vec[2] == SeqNum(0) && vec[3] == SeqNum(0));
    }
    if (message.type() == MessageType::PoAck) {
      for (const auto& entry : message.as<message::PoAck>().entries) EXPECT_EQ(entry.introducer, kA2);
    }
  };
  run();
  EXPECT_TRUE(summarized) << "its own requests it acknowledges";
  EXPECT_EQ(site_->unexecuted(), std::nullopt);
  EXPECT_TRUE(site_->blamed(kA1).empty());
}

// Of one kind of message, what different contents a server gave for one slot.
template <typename Slot>
std::size_t most_contents_of_one_slot(Site& site, ServerId from, MessageType type, Slot slot,
                                      const std::function<void()>& run) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::set<Digest>> contents;
  site.tap = [&](ServerId, ServerId, const VerifiedMessage& message) {
    if (message.type() == type && message.server() == from) contents[slot(message)].insert(message.digest());
  };
  run();
  site.tap = {};
  std::size_t most = 0;
  for (const auto& [where, different] : contents) most = std::max(most, different.size());
  return most;
}

TEST_F(AttacksTest, equivocators_sign_two_contents_for_one_slot) {
  const auto by_request = [](const VerifiedMessage& message) {
    return std::pair{message.as<message::PoRequest>().sequence.value(), std::uint64_t{0}};
  };
  const auto by_proposal = [](const VerifiedMessage& message) {
    const auto proposal = message.as<message::PrePrepare>();
    return std::pair{proposal.view.value(), proposal.sequence.value()};
  };
  const auto by_vote = [](const VerifiedMessage& message) {
    return std::pair{message.as<message::Prepare>().sequence.value(), std::uint64_t{0}};
  };
  const auto busy = [this] { run(); };
  corrupt(kA2, "silent:types=COMMIT:to=A3");
  EXPECT_EQ(most_contents_of_one_slot(*site_, kA2, MessageType::PoRequest, by_request, busy), 1U);
  corrupt(kA2, "equivocate-po-request");
  EXPECT_EQ(most_contents_of_one_slot(*site_, kA2, MessageType::PoRequest, by_request, busy), 2U);
  corrupt(kA1, "equivocate-pre-prepare");
  EXPECT_EQ(most_contents_of_one_slot(*site_, kA1, MessageType::PrePrepare, by_proposal, busy), 2U);
  corrupt(kA2, "equivocate-votes");
  EXPECT_EQ(most_contents_of_one_slot(*site_, kA2, MessageType::Prepare, by_vote, busy), 2U);
}

TEST_F(AttacksTest, an_equivocating_leader_and_summarizer_are_blamed_and_blacklisted_by_all) {
  corrupt(kA1, "equivocate-pre-prepare");
  run();
  site_->correct().for_each([&](ServerId id) {
    EXPECT_TRUE(site_->status(id).blacklist.contains(kA1));
    EXPECT_GT(site_->status(id).view, View(0));
  });
  corrupt(kA2, "equivocate-po-summary");
  run();
  site_->correct().for_each([&](ServerId id) {
    EXPECT_EQ(site_->blamed(id), ServerSet::only(kA2));
    EXPECT_TRUE(site_->status(id).blacklist.contains(kA2));
  });
}

TEST_F(AttacksTest, replay_sends_messages_that_others_signed) {
  corrupt(kA2, "replay:chance=20");
  std::uint64_t of_others = 0;
  site_->tap = [&](ServerId from, ServerId, const VerifiedMessage& message) {
    const bool flooding = message.type() == MessageType::PrePrepare;
    if (from == kA2 && message.server() != kA2 && !flooding) ++of_others;
  };
  run();
  EXPECT_GT(of_others, 20U);
}

TEST_F(AttacksTest, corrupt_recon_is_convicted_by_the_parts_that_it_sends) {
  corrupt(kA2, "corrupt-recon");
  give_reconciliation_work();
  run();
  EXPECT_GT(sent(MessageType::Recon, kA2, kA1), 0U);
  EXPECT_EQ(site_->blamed(kA1), ServerSet::only(kA2));
  EXPECT_EQ(site_->unexecuted(), std::nullopt);
}

TEST_F(AttacksTest, execute_wrongly_ends_in_another_order) {
  corrupt(kA2, "execute-wrongly");
  run();
  EXPECT_NE(site_->executed(kA2), site_->executed(kA1));
  EXPECT_EQ(site_->executed(kA3), site_->executed(kA1));
}

TEST_F(AttacksTest, lie_times_replaces_what_is_measured) {
  std::set<std::int64_t> said;
  const auto listen = [&] {
    said.clear();
    site_->tap = [&](ServerId from, ServerId, const VerifiedMessage& message) {
      if (from == kA2 && message.type() == MessageType::RttMeasure) {
        said.insert(message.as<message::RttMeasure>().rtt.ns());
      }
    };
    run();
  };
  corrupt(kA2, "lie-times:as=low");
  listen();
  EXPECT_EQ(said, std::set<std::int64_t>{0});
  corrupt(kA2, "lie-times:as=high");
  listen();
  EXPECT_EQ(said, std::set<std::int64_t>{message::kLongestMeasured.ns()});
  EXPECT_EQ(site_->status(kA1).view, View(0)) << "one liar unseats nobody";
}

TEST_F(AttacksTest, cry_wolf_votes_once_in_a_view_and_unseats_nobody) {
  corrupt(kA2, "cry-wolf");
  run();
  EXPECT_EQ(acted(), 1U);
  EXPECT_EQ(sent(MessageType::NewLeader, kA2, kA1), 1U);
  EXPECT_EQ(site_->status(kA1).view, View(0));
}

TEST_F(AttacksTest, a_leader_that_delays_as_it_dares_stays_and_one_that_delays_more_does_not) {
  corrupt(kA1, "delay-leader");
  run(100);
  EXPECT_EQ(site_->status(kA3).view, View(0));
  EXPECT_LE(site_->status(kA3).tat_leader, site_->status(kA3).tat_acceptable);
  EXPECT_GT(site_->status(kA3).tat_leader, milliseconds(10)) << "it delays";
  corrupt(kA1, "delay-leader:by=200ms");
  run();
  EXPECT_GT(site_->status(kA3).view, View(0));
}

TEST_F(AttacksTest, a_delaying_leader_allows_for_what_takes_longer_than_a_round_trip) {
  corrupt(kA1, "delay-leader,late:types=PRE-PREPARE:by=8ms");
  run(200);
  EXPECT_EQ(site_->status(kA3).view, View(0));
}

TEST_F(AttacksTest, a_delaying_leader_keeps_to_itself_what_would_lower_the_bound) {
  corrupt(kA1, "delay-leader");
  run();
  EXPECT_EQ(sent(MessageType::RttMeasure, kA1, kA2), 0U);
  EXPECT_EQ(sent(MessageType::TatUb, kA1, kA2), 0U);
  EXPECT_GT(sent(MessageType::TatUb, kA3, kA2), 0U);
}

TEST_F(AttacksTest, a_delaying_leader_serves_one_correct_server_and_that_one_late) {
  corrupt(kA1, "delay-leader:by=15ms");
  site_->advance(seconds(1));
  site_->submit(kA3);
  site_->advance(milliseconds(15));
  EXPECT_TRUE(site_->executed(kA3).empty());
  site_->advance(milliseconds(30));
  EXPECT_EQ(site_->executed(kA3).size(), 1U);
  run();
  EXPECT_GT(sent(MessageType::PrePrepare, kA1, kA2), 0U);
  EXPECT_EQ(sent(MessageType::PrePrepare, kA1, kA3), 0U);
  EXPECT_EQ(sent(MessageType::PrePrepare, kA1, kA4), 0U);
  EXPECT_GT(acted(), 0U);
  EXPECT_EQ(site_->unexecuted(), std::nullopt) << "flooding brings it to everyone";
}

}  // namespace
}  // namespace garrison::adversary
