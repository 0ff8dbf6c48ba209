// What a server sends, introduces and answers on blink links.
#include <gtest/gtest.h>

#include "control/site/member.h"
#include "tests/unit/site/source_site.h"

namespace garrison::site {
namespace {

constexpr TrafficClass kBounded = TrafficClass::bounded;
constexpr TrafficClass kTimely = TrafficClass::timely;

class MemberBlinkTest : public SourceSiteTest {
 protected:
  MemberBlinkTest() {
    for (std::uint16_t i = 0; i < 4; ++i) members_.push_back(make(i, {4, 1}, {4, 1}));
  }

  std::unique_ptr<Member> make(std::uint16_t i, config::LinkEnd here, config::LinkEnd there) {
    MemberConfig config;
    config.envelope = keys_.envelope(crypto::Principal::server(kSource, ServerId(i)));
    config.self = ServerId(i);
    config.n = here.n;
    config.f = here.f;
    config.scheme = crypto::ThresholdScheme::modelled_rsa2048;
    config.tick_period = config.tick_rest = seconds(100);
    config.links.resize(4);
    for (std::size_t site = 0; site < 4; ++site) {
      if (site != kSource.index()) config.links[site] = LinkPlan{config::LinkKind::blink, here, there};
    }
    const crypto::DealtThresholdKey dealt =
        crypto::deal_modelled_key(config.scheme, 2, 4, keys_.system(), kSource, crypto::SiteKeyKind::one_correct)
            .value();
    auto member = std::make_unique<Member>(config, crypto::make_combiner(dealt.key).value());
    member->tick(Instant(), Instant());
    member->outputs() = {};
    return member;
  }

  // Batch `number` with the link message of that sequence.
  std::shared_ptr<const OutgoingBatch> numbered(std::uint64_t number, TrafficClass traffic = kBounded) {
    return std::make_shared<const OutgoingBatch>(batch(1, SeqNum(number), traffic, number));
  }
  // Batch `number` with what acknowledges this much.
  std::shared_ptr<const OutgoingBatch> acknowledging(std::uint64_t number, std::uint64_t delivered,
                                                     std::uint64_t timely) {
    LinkOut link{kDestination, kTimely, SeqNum(timely + 1), {}, 1, {}};
    link.acknowledges = true;
    link.content = message::encode(
        envelope(), message::LinkMessage{kDestination, kTimely, Incarnation(1), link.sequence, SeqNum(delivered), {}});
    return make_batch({{message::encode(envelope(), message::SiteBatch{number}), true, 0}}, {link}, {});
  }
  Bytes whole(const OutgoingBatch& out) { return bundle(out, out.links.front(), sign(out)); }
  void says(Member& member, const std::shared_ptr<const OutgoingBatch>& out) {
    member.closed(out);
    member.settled(out->number, sign(*out));
  }

  // What member `i` sends: sequences, and to whom.
  using Sent = std::vector<std::pair<std::uint64_t, std::uint16_t>>;
  static Sent sent(Member& member) {
    Sent all;
    for (const Member::SendUncoded& each : std::exchange(member.outputs(), {}).uncoded) {
      const auto bundle = message::decode<message::LinkBundle>(*each.message);
      const std::optional<LinkName> name = name_of(bundle->bundle);
      EXPECT_EQ(each.site, kDestination);
      each.to.for_each([&](ServerId to) { all.emplace_back(name->sequence.value(), to.value()); });
    }
    return all;
  }
  // What server `from` of the other site has sent comes to server 0.
  std::optional<DropReason> comes(std::uint64_t sequence, bool known = false, TrafficClass traffic = kBounded,
                                  std::uint16_t from = 0) {
    const LinkName name{kDestination, kSource, traffic, Incarnation(1), SeqNum(sequence)};
    const Bytes bundle(10, static_cast<std::uint8_t>(sequence));
    return members_[0]->on_blink(now_, ServerId(from), name, bundle, known);
  }
  std::size_t introduced() { return std::exchange(members_[0]->outputs(), {}).introduce.size(); }
  std::optional<DropReason> presents(std::uint64_t delivered, std::uint64_t timely) {
    return members_[0]->on_blink({kDestination, kSource, Incarnation(1), SeqNum(delivered), SeqNum(timely + 1)},
                                 Bytes(10, 1));
  }

  std::vector<std::unique_ptr<Member>> members_;
  Instant now_;
};

TEST_F(MemberBlinkTest, only_the_forwarder_in_office_sends_and_only_to_its_peer) {
  for (std::uint16_t i = 0; i < 4; ++i) {
    says(*members_[i], numbered(7));
    EXPECT_EQ(sent(*members_[i]), i == 0 ? (Sent{{7, 0}}) : Sent{});
  }
}

TEST_F(MemberBlinkTest, the_next_one_sends_what_is_not_acknowledged_and_what_is_new) {
  const auto before = numbered(7);
  const Bytes bytes = whole(*before);
  Member& next = *members_[1];
  says(next, before);
  EXPECT_EQ(sent(next), Sent{});
  next.elected(kDestination, 1, {{kDestination, SeqNum(7), bytes}});
  EXPECT_EQ(sent(next), (Sent{{7, 1}}));
  says(next, numbered(8));
  EXPECT_EQ(sent(next), (Sent{{8, 1}}));
  says(*members_[0], before);
  members_[0]->outputs() = {};
  members_[0]->elected(kDestination, 1, {{kDestination, SeqNum(7), bytes}});
  says(*members_[0], numbered(8));
  EXPECT_EQ(sent(*members_[0]), Sent{});
}

// Of TIMELY link messages newer ones will come.
TEST_F(MemberBlinkTest, timely_link_messages_are_not_sent_again) {
  const auto timely = numbered(7, kTimely);
  says(*members_[0], timely);
  EXPECT_EQ(sent(*members_[0]), (Sent{{7, 0}}));
  members_[0]->elected(kDestination, 0, {});
  EXPECT_EQ(sent(*members_[0]), Sent{});
}

TEST_F(MemberBlinkTest, a_server_of_the_smaller_site_stands_in_several_pairs) {
  const std::unique_ptr<Member> member = make(1, {4, 1}, {7, 2});
  member->elected(kDestination, 5, {});
  says(*member, numbered(7));
  EXPECT_EQ(sent(*member), (Sent{{7, 5}}));
  member->elected(kDestination, 6, {});
  says(*member, numbered(8));
  EXPECT_EQ(sent(*member), Sent{});
}

TEST_F(MemberBlinkTest, a_server_that_was_handed_the_machine_sends_when_it_is_in_office) {
  const Bytes bytes = whole(*numbered(7));
  for (const std::size_t i : {1, 2}) {
    members_[i]->elected(kDestination, 1, {});
    members_[i]->restored(9, {}, {{kDestination, SeqNum(7), bytes}});
    EXPECT_EQ(sent(*members_[i]), i == 1 ? (Sent{{7, 1}}) : Sent{});
  }
}

TEST_F(MemberBlinkTest, the_peer_introduces_what_comes_once) {
  EXPECT_EQ(comes(7), std::nullopt);
  EXPECT_EQ(introduced(), 1U);
  EXPECT_EQ(comes(7), DropReason::link_stale);
  EXPECT_EQ(comes(7, false, kBounded, 1), DropReason::link_stale);
  EXPECT_EQ(introduced(), 0U);
  EXPECT_EQ(comes(7, false, kTimely), std::nullopt);
  EXPECT_EQ(introduced(), 1U);
}

TEST_F(MemberBlinkTest, what_is_known_is_not_introduced) {
  EXPECT_EQ(comes(7, true), DropReason::link_stale);
  EXPECT_EQ(introduced(), 0U);
}

TEST_F(MemberBlinkTest, what_others_send_takes_bounded_room) {
  std::uint64_t taken = 0;
  for (std::uint64_t sequence = 1; sequence <= 1000; ++sequence) taken += comes(sequence) == std::nullopt ? 1 : 0;
  EXPECT_EQ(taken, 128U);
  members_[0]->arrived({kDestination, kSource, kBounded, Incarnation(1), SeqNum(1)});
  EXPECT_EQ(comes(1000), std::nullopt);
}

TEST_F(MemberBlinkTest, whoever_has_sent_something_gets_the_acknowledgement_and_nobody_else) {
  EXPECT_EQ(comes(7, false, kBounded, 2), std::nullopt);
  members_[0]->outputs() = {};
  says(*members_[0], acknowledging(1, 7, 3));
  EXPECT_EQ(sent(*members_[0]), (Sent{{4, 2}, {4, 2}}));  // of either class
  says(*members_[0], acknowledging(2, 8, 3));
  EXPECT_EQ(sent(*members_[0]), Sent{});
  says(*members_[1], acknowledging(1, 7, 3));
  EXPECT_EQ(sent(*members_[1]), Sent{});
}

TEST_F(MemberBlinkTest, what_was_acknowledged_before_is_answered_and_orders_nothing) {
  says(*members_[0], acknowledging(1, 7, 3));
  EXPECT_EQ(sent(*members_[0]), Sent{});
  EXPECT_EQ(comes(7, true, kBounded, 3), DropReason::link_stale);
  EXPECT_TRUE(members_[0]->outputs().introduce.empty());
  EXPECT_EQ(sent(*members_[0]), (Sent{{4, 3}, {4, 3}}));
  EXPECT_EQ(comes(6, true, kBounded, 3), DropReason::link_stale);  // not for each that is sent again
  EXPECT_EQ(sent(*members_[0]), Sent{});
}

// It was away when its site said it.
TEST_F(MemberBlinkTest, a_peer_that_has_no_acknowledgement_asks_its_site_for_it_after_a_while) {
  EXPECT_EQ(comes(7, true), DropReason::link_stale);
  members_[0]->tick(now_ + milliseconds(499), Instant::never());
  EXPECT_EQ(introduced(), 0U);
  members_[0]->tick(now_ + milliseconds(500), Instant::never());
  EXPECT_EQ(introduced(), 1U);
}

TEST_F(MemberBlinkTest, a_peer_whose_site_says_it_meanwhile_does_not_ask) {
  EXPECT_EQ(comes(7, true), DropReason::link_stale);
  says(*members_[0], acknowledging(1, 7, 3));
  members_[0]->outputs() = {};
  members_[0]->tick(now_ + seconds(1), Instant::never());
  EXPECT_EQ(introduced(), 0U);
}

TEST_F(MemberBlinkTest, the_forwarder_introduces_each_acknowledgement_that_says_more) {
  EXPECT_EQ(presents(7, 3), std::nullopt);
  EXPECT_EQ(presents(7, 3), DropReason::link_stale);
  EXPECT_EQ(presents(6, 4), std::nullopt);
  EXPECT_EQ(presents(8, 4), std::nullopt);
  EXPECT_EQ(introduced(), 3U);
}

}  // namespace
}  // namespace garrison::site
