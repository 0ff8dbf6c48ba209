// What a server presents to its forwarder, and what it introduces of what that hands it.
#include <gtest/gtest.h>

#include "control/site/member.h"
#include "tests/unit/site/source_site.h"

namespace garrison::site {
namespace {

constexpr Duration kTakeover = milliseconds(100);

class MemberForwardingTest : public SourceSiteTest {
 protected:
  MemberForwardingTest() {
    for (std::uint16_t i = 0; i < 4; ++i) {
      MemberConfig config;
      config.envelope = keys_.envelope(crypto::Principal::server(kSource, ServerId(i)));
      config.self = ServerId(i);
      config.scheme = crypto::ThresholdScheme::modelled_rsa2048;
      config.takeover = kTakeover;
      config.tick_period = config.tick_rest = seconds(100);
      config.links.resize(4);
      for (std::size_t site = 0; site < 4; ++site) {
        if (site != kSource.index()) config.links[site] = LinkPlan{config::LinkKind::forwarder, {4, 1}, {4, 1}};
      }
      const crypto::DealtThresholdKey dealt =
          crypto::deal_modelled_key(config.scheme, 2, 4, keys_.system(), kSource, crypto::SiteKeyKind::one_correct)
              .value();
      members_.push_back(std::make_unique<Member>(config, crypto::make_combiner(dealt.key).value()));
      members_.back()->tick(Instant(), Instant());
      members_.back()->outputs() = {};
    }
  }

  // Batch `number` of the site with one link message, under this DF sequence.
  std::shared_ptr<const OutgoingBatch> numbered(std::uint64_t number, std::uint64_t df_sequence) {
    OutgoingBatch out = batch(1, SeqNum(number), TrafficClass::bounded, number);
    out.links.front().df_sequence = SeqNum(df_sequence);
    return std::make_shared<const OutgoingBatch>(std::move(out));
  }
  Bytes whole(const OutgoingBatch& out) { return bundle(out, out.links.front(), sign(out)); }
  std::vector<std::uint64_t> presented(Member& member) {
    std::vector<std::uint64_t> sequences;
    for (const Member::Present& each : std::exchange(member.outputs(), {}).present) {
      sequences.push_back(each.df_sequence.value());
      last_ = each;
    }
    return sequences;
  }

  // What comes from another site, as server `i` has it from its forwarder.
  std::optional<DropReason> comes(std::size_t i, std::uint64_t sequence, bool known = false,
                                  TrafficClass traffic = TrafficClass::bounded) {
    const LinkName name{kDestination, kSource, traffic, Incarnation(1), SeqNum(sequence)};
    const Bytes event(10, static_cast<std::uint8_t>(sequence));
    return members_[i]->on_bundle(now_, name, event, known);
  }
  std::vector<std::uint64_t> introduced(std::size_t i) {
    std::vector<std::uint64_t> sequences;
    for (const Bytes& event : std::exchange(members_[i]->outputs(), {}).introduce) sequences.push_back(event.front());
    return sequences;
  }
  void pass(Duration duration) {
    now_ = now_ + duration;
    for (const auto& member : members_) member->tick(now_, Instant::never());
  }

  using Sequences = std::vector<std::uint64_t>;
  std::vector<std::unique_ptr<Member>> members_;
  Member::Present last_;
  Instant now_;
};

TEST_F(MemberForwardingTest, a_link_message_is_presented_whole_once_it_is_signed) {
  const auto out = numbered(7, 1);
  Member& member = *members_[2];
  member.closed(out);
  EXPECT_TRUE(presented(member).empty());
  member.settled(7, sign(*out));
  EXPECT_EQ(presented(member), (Sequences{1}));
  EXPECT_EQ(last_.to, kDestination);
  EXPECT_EQ(last_.bundle, whole(*out));
  EXPECT_TRUE(member.outputs().sign.empty()) << "no parts";
}

TEST_F(MemberForwardingTest, one_whose_batch_is_signed_earlier_waits_for_those_before_it) {
  const auto first = numbered(7, 1);
  const auto second = numbered(8, 2);
  Member& member = *members_[2];
  member.closed(first);
  member.closed(second);
  member.present_again(kDestination, SeqNum(3), Bytes(5, 1));
  member.settled(8, sign(*second));
  EXPECT_TRUE(presented(member).empty());
  member.settled(7, sign(*first));
  EXPECT_EQ(presented(member), (Sequences{1, 2, 3}));
  EXPECT_EQ(last_.bundle, Bytes(5, 1));
}

TEST_F(MemberForwardingTest, one_that_is_handed_the_machine_jumps_over_what_it_has_missed) {
  Member& member = *members_[2];
  member.closed(numbered(7, 1));
  const auto later = numbered(9, 5);
  member.restored(8, {later}, {});
  EXPECT_TRUE(presented(member).empty());
  member.settled(9, sign(*later));
  EXPECT_EQ(presented(member), (Sequences{5}));
}

TEST_F(MemberForwardingTest, f_plus_one_in_turn_introduce_what_comes_and_the_others_when_they_do_not) {
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(comes(i, 6), std::nullopt);
  EXPECT_TRUE(introduced(0).empty());
  EXPECT_TRUE(introduced(1).empty());
  EXPECT_EQ(introduced(2), (Sequences{6}));
  EXPECT_EQ(introduced(3), (Sequences{6}));
  EXPECT_EQ(members_[0]->next_wakeup(), now_ + kTakeover);
  pass(kTakeover);
  EXPECT_EQ(introduced(0), (Sequences{6}));
  EXPECT_EQ(introduced(1), (Sequences{6}));
  pass(kTakeover);
  EXPECT_TRUE(introduced(0).empty()) << "once";
}

TEST_F(MemberForwardingTest, what_has_arrived_nobody_introduces_any_more) {
  comes(0, 6);
  comes(0, 5, false, TrafficClass::timely);
  members_[0]->arrived({kDestination, kSource, TrafficClass::bounded, Incarnation(1), SeqNum(6)});
  // A newer one does not replace it.
  members_[0]->arrived({kDestination, kSource, TrafficClass::timely, Incarnation(1), SeqNum(9)});
  pass(kTakeover);
  EXPECT_EQ(introduced(0), (Sequences{5}));
}

TEST_F(MemberForwardingTest, those_on_duty_introduce_what_is_known_when_it_comes_again) {
  for (const std::size_t i : {0, 2}) comes(i, 6);
  introduced(2);
  EXPECT_EQ(comes(2, 6, true), std::nullopt);
  EXPECT_EQ(introduced(2), (Sequences{6}));
  EXPECT_EQ(comes(0, 6, true), DropReason::link_stale);
  EXPECT_EQ(comes(3, 6, true), DropReason::link_stale) << "a copy that is late, the first that it has";
  EXPECT_EQ(comes(2, 6, true, TrafficClass::timely), DropReason::link_stale);
  EXPECT_EQ(comes(2, 6, true, TrafficClass::timely), DropReason::link_stale) << "a TIMELY one is not asked for";
}

TEST_F(MemberForwardingTest, what_a_server_keeps_for_later_is_bounded) {
  std::size_t kept = 0;
  for (std::uint64_t sequence = 1; sequence < 2000; ++sequence) {
    const bool duty = sequence % 4 == 0 || sequence % 4 == 3;  // of server 0
    if (!duty && comes(0, sequence) == std::nullopt) ++kept;
  }
  EXPECT_EQ(kept, 128U);
}

}  // namespace
}  // namespace garrison::site
