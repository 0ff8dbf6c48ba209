// The members of one site: what each server does for the logical machine.
#include "control/site/member.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "tests/unit/site/source_site.h"

namespace garrison::site {
namespace {

class MemberTest : public SourceSiteTest {
 protected:
  explicit MemberTest(config::LinkKind kind = config::LinkKind::erasure) {
    const crypto::DealtThresholdKey dealt =
        crypto::deal_modelled_key(crypto::ThresholdScheme::modelled_rsa2048, 2, 4, keys_.system(), kSource,
                                  crypto::SiteKeyKind::one_correct)
            .value();
    for (std::uint16_t i = 0; i < 4; ++i) {
      keys_.add(crypto::Principal::server(kSource, ServerId(i)));
      share_signers_.push_back(crypto::make_signer(dealt.key, ServerId(i), dealt.secrets[i]).value());
      MemberConfig config;
      config.envelope = keys_.envelope(crypto::Principal::server(kSource, ServerId(i)));
      config.self = ServerId(i);
      config.scheme = crypto::ThresholdScheme::modelled_rsa2048;
      config.links.resize(4);
      for (std::size_t site = 0; site < 4; ++site) {
        if (site != kSource.index()) config.links[site] = LinkPlan{kind, {4, 1}, {4, 1}};
      }
      members_.push_back(std::make_unique<Member>(config, crypto::make_combiner(dealt.key).value()));
    }
    local_ = std::make_unique<message::Validator>(keys_.system(), kSource, 4, keys_.directory());
    local_->take_events();
  }

  // Everything that members say to each other and to their keys, until they are quiet. What they introduce and send
  // is kept. Servers in `silent` neither say nor hear anything.
  void settle(ServerSet silent = {}) {
    for (bool busy = true; busy;) {
      busy = false;
      for (std::uint16_t i = 0; i < 4; ++i) {
        if (silent.contains(ServerId(i))) continue;
        for (Member::Outputs outputs = std::exchange(members_[i]->outputs(), {}); !outputs.empty();
             outputs = std::exchange(members_[i]->outputs(), {})) {
          busy = true;
          carry_out(i, outputs, silent);
        }
      }
    }
  }

  void close(const OutgoingBatch& batch) {
    const auto shared = std::make_shared<const OutgoingBatch>(batch);
    for (const auto& member : members_) member->closed(shared);
  }
  static message::InquiryId inquiry_id() {
    return {kSource, kDestination, TrafficClass::timely, Incarnation(1), SeqNum(1), SeqNum(4)};
  }
  // About a part that a server of the destination has sent.
  Bytes inquiry() {
    const auto sender = crypto::Principal::server(kDestination, ServerId(0));
    if (part_.empty()) {
      keys_.add(sender);
      const Bytes bytes(10, 3);
      part_ = keys_.sign(
          sender, message::encode(keys_.envelope(sender), message::LinkPart{kSource, TrafficClass::timely, 0, 1, 4,
                                                                            Incarnation(1), SeqNum(4), 10, bytes}));
    }
    const message::InquiryId id{kDestination, kSource, TrafficClass::timely, Incarnation(1), SeqNum(1), SeqNum(4)};
    return message::encode(envelope(), message::LinkInquiry{id, {part_}});
  }
  Bytes response(const Bytes& bundle) {
    using Answer = message::LinkInquiryResponse::Answer;
    return message::encode(envelope(), message::LinkInquiryResponse{
                                           inquiry_id(), bundle.empty() ? Answer::forgotten : Answer::message, bundle});
  }
  OutgoingBatch batch_with(const Bytes& uncoded, const Bytes& question, std::uint64_t number = 7) {
    const Bytes first = message::encode(envelope(), message::SiteBatch{number});
    const std::vector<Digest> leaves{crypto::leaf_digest(first), crypto::leaf_digest(uncoded)};
    return {number,
            {{first, true, 0}},
            {},
            {{kDestination, 1, uncoded, question}},
            crypto::MerkleBatch(keys_.system(), envelope().signer, keys_.epoch(), leaves)};
  }
  message::Validator& asked_site() {
    if (asked_site_ == nullptr) {
      asked_site_ = std::make_unique<message::Validator>(keys_.system(), kDestination, 4, keys_.directory());
      asked_site_->take_events();
    }
    return *asked_site_;
  }
  void tick(Duration at, Instant tick_wanted = Instant()) {
    for (const auto& member : members_) member->tick(Instant(at.ns()), tick_wanted);
  }
  // What a server has introduced its clock at, in ms.
  [[nodiscard]] std::vector<std::int64_t> ticks_of(std::size_t server) const {
    std::vector<std::int64_t> all;
    for (const auto& [introducer, event] : introduced_) {
      const auto tick = message::decode<message::Tick>(event);
      if (introducer == server && tick.has_value()) all.push_back(tick->clock.ns() / milliseconds(1).ns());
    }
    return all;
  }
  // Who has introduced the signature of a batch.
  [[nodiscard]] std::vector<std::uint16_t> introducers(std::uint64_t batch) const {
    std::vector<std::uint16_t> all;
    for (const auto& [who, event] : introduced_) {
      const auto said = message::decode<message::SiteBatch>(event);
      if (said.has_value() && said->number == batch) all.push_back(who);
    }
    std::ranges::sort(all);
    return all;
  }

  std::vector<std::unique_ptr<Member>> members_;
  std::vector<std::unique_ptr<crypto::ThresholdSigner>> share_signers_;
  std::unique_ptr<message::Validator> local_;
  std::unique_ptr<message::Validator> asked_site_;
  Bytes part_;
  std::vector<std::pair<std::uint16_t, Bytes>> introduced_;
  std::vector<std::pair<std::uint16_t, Member::SendPart>> sent_;
  std::vector<std::pair<std::uint16_t, Member::SendUncoded>> uncoded_;
  std::vector<std::pair<std::uint16_t, Member::Acknowledged>> acknowledged_;

 private:
  void carry_out(std::uint16_t who, const Member::Outputs& outputs, ServerSet silent) {
    for (const Bytes& event : outputs.introduce) introduced_.emplace_back(who, event);
    for (const Member::SendPart& send : outputs.send) sent_.emplace_back(who, send);
    for (const Member::SendUncoded& send : outputs.uncoded) uncoded_.emplace_back(who, send);
    for (const Member::Acknowledged& link : outputs.acknowledged) acknowledged_.emplace_back(who, link);
    for (const auto& share : outputs.shares) {
      ThresholdSign::ShareMade made{share.batch, share.share, {}};
      if (made.share.empty()) {
        made.share = share_signers_[who]->share(share.statement);
      } else {
        made.proof = share_signers_[who]->prove(share.statement, made.share);
      }
      members_[who]->on_share(Instant(), made);
    }
    for (const ordering::Sign& sign : outputs.sign) {
      const crypto::Principal self = crypto::Principal::server(kSource, ServerId(who));
      const Bytes bytes = keys_.sign(self, sign.content);
      if (sign.type == message::MessageType::LinkPart) {
        members_[who]->on_own_part(local_->own(bytes));
        continue;
      }
      const auto outcome = local_->server_message(ServerId(who), bytes);
      CHECK(std::holds_alternative<message::VerifiedMessage>(outcome));
      const message::StoredMessage message(std::get<message::VerifiedMessage>(outcome));
      members_[who]->on_message(Instant(), message.get());
      sign.to.for_each([&](ServerId to) {
        if (!silent.contains(to)) members_[to.index()]->on_message(Instant(), message.get());
      });
    }
  }
};

TEST_F(MemberTest, every_member_learns_the_signature_and_sends_its_part) {
  close(batch(2));
  settle();
  ASSERT_EQ(sent_.size(), 4U);
  for (const auto& [who, send] : sent_) {
    EXPECT_EQ(members_[who]->signatures(), 1U);
    EXPECT_EQ(send.site, kDestination);
    EXPECT_EQ(send.to, ServerId(who)) << "over virtual link i";
    EXPECT_EQ(send.part->get().as<message::LinkPart>().index, who);
  }
}

TEST_F(MemberTest, f_plus_one_in_turn_introduce_the_signature_and_the_others_do_not) {
  close(batch(1));  // batch 7
  settle();
  tick(milliseconds(1));
  settle();
  EXPECT_EQ(introducers(7), (std::vector<std::uint16_t>{0, 3}));
}

TEST_F(MemberTest, the_others_introduce_a_signature_that_nobody_on_duty_has_introduced) {
  const ServerSet silent = ServerSet::only(ServerId(0)).insert(ServerId(3));  // more than may be faulty
  close(batch(1));
  settle(silent);
  tick(milliseconds(50));
  settle(silent);
  EXPECT_TRUE(introducers(7).empty());
  tick(milliseconds(150));
  settle(silent);
  EXPECT_EQ(introducers(7), (std::vector<std::uint16_t>{1, 2}));
}

TEST_F(MemberTest, what_is_settled_is_introduced_no_more) {
  const OutgoingBatch out = batch(1);
  close(out);
  settle();
  for (const auto& member : members_) member->settled(7, sign(out));
  tick(seconds(1));
  settle();
  EXPECT_TRUE(introducers(7).empty());
}

TEST_F(MemberTest, one_that_missed_the_signing_sends_its_part_when_the_signature_is_ordered) {
  const ServerSet silent = ServerSet::only(ServerId(2));
  const OutgoingBatch out = batch(1);
  close(out);
  settle(silent);
  EXPECT_EQ(sent_.size(), 3U);
  members_[2]->outputs() = {};
  members_[2]->settled(7, sign(out));
  settle();
  ASSERT_EQ(sent_.size(), 4U);
  EXPECT_EQ(sent_.back().first, 2);
}

TEST_F(MemberTest, bounded_parts_are_sent_again_until_their_site_has_acknowledged_them) {
  close(batch(1));
  settle();
  sent_.clear();
  members_[0]->repeat(kDestination);
  settle();
  ASSERT_EQ(sent_.size(), 1U);
  members_[0]->acknowledged(kDestination, SeqNum(5));
  members_[0]->repeat(kDestination);
  settle();
  EXPECT_EQ(sent_.size(), 1U);
}

// Fig. 3, B2 and D2.
TEST_F(MemberTest, an_inquiry_goes_whole_to_the_peer_of_each_server_and_again_when_it_is_not_answered) {
  close(batch_with(inquiry(), {}));
  settle();
  ASSERT_EQ(uncoded_.size(), 4U);
  for (const auto& [who, send] : uncoded_) {
    EXPECT_EQ(send.site, kDestination);
    EXPECT_EQ(send.to, ServerSet::only(ServerId(who)));
    const auto verified =
        asked_site().from_another_site(crypto::Principal::server(kSource, ServerId(who)), *send.message);
    EXPECT_TRUE(std::holds_alternative<message::VerifiedMessage>(verified)) << "it carries the site's signature";
  }
  uncoded_.clear();
  members_[1]->ask_again(kDestination);
  members_[1]->ask_again(SiteId(3));
  settle();
  ASSERT_EQ(uncoded_.size(), 1U);
  EXPECT_EQ(uncoded_.front().second.site, kDestination);
}

TEST_F(MemberTest, a_response_that_convicts_goes_with_the_inquiry_to_all_other_sites) {
  const Bytes question(20, 7);
  close(batch_with(response(Bytes(10, 1)), question));
  settle();
  std::vector<std::pair<SiteId, bool>> sent;  // by server 2: to whom, and whether it is the question
  for (const auto& [who, send] : uncoded_) {
    if (who == 2) sent.emplace_back(send.site, *send.message == question);
  }
  EXPECT_EQ(sent,
            (std::vector<std::pair<SiteId, bool>>{
                {kDestination, false}, {SiteId(0), true}, {SiteId(0), false}, {SiteId(3), true}, {SiteId(3), false}}))
      << "the question first";
}

TEST_F(MemberTest, an_answer_is_given_again_to_who_asks_again_but_not_at_any_rate) {
  close(batch_with(response({}), {}));
  settle();
  uncoded_.clear();
  const message::InquiryId id = inquiry_id();
  members_[0]->answer_again(Instant(milliseconds(100).ns()), id);
  settle();
  EXPECT_TRUE(uncoded_.empty()) << "just said";
  members_[0]->answer_again(Instant(milliseconds(600).ns()), id);
  members_[0]->answer_again(Instant(milliseconds(700).ns()), id);
  settle();
  EXPECT_EQ(uncoded_.size(), 1U);
  message::InquiryId other = id;
  other.number = SeqNum(2);
  members_[0]->answer_again(Instant(seconds(5).ns()), other);
  settle();
  EXPECT_EQ(uncoded_.size(), 1U);
}

TEST_F(MemberTest, nothing_more_goes_to_a_site_that_is_known_to_be_faulty) {
  close(batch(1));
  settle();
  close(batch_with(inquiry(), {}, 8));
  settle();
  sent_.clear();
  uncoded_.clear();
  const Conviction conviction{kDestination, {}, Offence::groundless_inquiry, {}};
  members_[0]->convicted(conviction);
  ASSERT_EQ(members_[0]->outputs().convictions.size(), 1U);
  EXPECT_EQ(members_[0]->outputs().convictions.front().site, kDestination);
  members_[0]->repeat(kDestination);
  members_[0]->ask_again(kDestination);
  settle();
  EXPECT_TRUE(sent_.empty());
  EXPECT_TRUE(uncoded_.empty());
}

// Server 2 was away while batch 7 was closed, signed and settled.
TEST_F(MemberTest, one_that_is_handed_the_machine_sends_its_parts_of_what_is_not_acknowledged) {
  const OutgoingBatch out = batch(1);
  const Bytes whole = bundle(out, out.links.front(), sign(out));
  Member& member = *members_[2];
  member.restored(7, {}, {{kDestination, out.links.front().sequence, whole}});
  settle();
  ASSERT_EQ(sent_.size(), 1U);
  EXPECT_EQ(sent_.front().second.part->get().as<message::LinkPart>().index, 2);
  member.repeat(kDestination);
  settle();
  EXPECT_EQ(sent_.size(), 2U);
  member.acknowledged(kDestination, out.links.front().sequence);
  member.repeat(kDestination);
  settle();
  EXPECT_EQ(sent_.size(), 2U);
}

TEST_F(MemberTest, those_that_are_handed_the_machine_sign_what_is_closed_and_not_settled) {
  const ServerSet silent = ServerSet::only(ServerId(0)).insert(ServerId(1));
  const auto out = std::make_shared<const OutgoingBatch>(batch(1));
  for (const std::size_t i : {2, 3}) members_[i]->restored(6, {out}, {});
  settle(silent);
  for (const std::size_t i : {2, 3}) EXPECT_EQ(members_[i]->signatures(), 1U);
  EXPECT_EQ(sent_.size(), 2U);
  members_[2]->restored(6, {out}, {});
  EXPECT_TRUE(members_[2]->outputs().empty()) << "it has begun that batch";
}

TEST_F(MemberTest, a_clock_that_is_waited_for_is_introduced_once_a_period) {
  for (std::int64_t ms = 0; ms <= 100; ms += 5) tick(milliseconds(ms));
  settle();
  EXPECT_EQ(ticks_of(1), (std::vector<std::int64_t>{0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100}));
}

TEST_F(MemberTest, a_clock_that_nobody_waits_for_is_introduced_seldom) {
  const auto until = [](std::int64_t ms) { return Instant(milliseconds(ms).ns()); };
  for (std::int64_t ms = 0; ms <= 100; ms += 5) tick(milliseconds(ms), until(75));
  settle();
  EXPECT_EQ(ticks_of(1), (std::vector<std::int64_t>{0, 30, 60, 75, 85, 95}))
      << "once a rest, when it is wanted, and once a period while that stays so";
  EXPECT_EQ(members_[0]->next_wakeup(), until(105));
  members_[0]->tick(until(100), Instant::never());
  EXPECT_EQ(members_[0]->next_wakeup(), until(125));
}

TEST_F(MemberTest, a_part_of_a_known_link_message_is_introduced_when_it_comes_again) {
  const message::LinkPart part{kSource, TrafficClass::bounded, 0, 2, 4, Incarnation(1), SeqNum(3), 10, {}};
  Member& member = *members_[0];
  EXPECT_TRUE(member.introduces(SiteId(2), part, false));
  EXPECT_TRUE(member.introduces(SiteId(2), part, true)) << "its site asks whether it was executed";
  const message::LinkPart other{kSource, TrafficClass::bounded, 0, 2, 4, Incarnation(1), SeqNum(4), 10, {}};
  EXPECT_FALSE(member.introduces(SiteId(2), other, true)) << "others have brought it";
  const message::LinkPart timely{kSource, TrafficClass::timely, 0, 2, 4, Incarnation(1), SeqNum(4), 10, {}};
  EXPECT_FALSE(member.introduces(SiteId(2), timely, true));
  EXPECT_TRUE(member.introduces(SiteId(2), timely, false));
}

class HubMemberTest : public MemberTest {
 protected:
  HubMemberTest() : MemberTest(config::LinkKind::hub_optimistic) {}
  static message::LinkPart part(std::uint8_t index, std::uint64_t sequence,
                                TrafficClass traffic = TrafficClass::bounded) {
    return {kSource, traffic, index, 3, 4, Incarnation(1), SeqNum(sequence), 1, {}};
  }
  bool introduces(std::size_t server, std::uint8_t index, std::uint64_t sequence, bool known = false) {
    return members_[server]->introduces(kDestination, part(index, sequence), known);
  }
};

TEST_F(HubMemberTest, it_says_who_misses_turns_when_that_changes_and_again_while_somebody_does) {
  const auto reports = [this] {
    std::vector<std::uint32_t> all;
    for (const auto& [who, event] : introduced_) {
      const auto report = message::decode<message::DutyReport>(event);
      if (report.has_value() && report->destination == kDestination) all.push_back(report->missed.bits());
    }
    return all;
  };
  const auto at = [this](Duration time) {
    tick(time);
    settle();
  };
  Member& member = *members_[0];
  at(seconds(1));
  EXPECT_TRUE(reports().empty());
  member.on_duties(kDestination, ServerSet::from_bits(2));
  at(seconds(2));
  EXPECT_EQ(reports(), (std::vector<std::uint32_t>{2}));
  member.on_duties(kDestination, ServerSet::from_bits(6));
  at(seconds(2) + milliseconds(249));
  EXPECT_EQ(reports().size(), 1U);
  at(seconds(2) + milliseconds(250));
  EXPECT_EQ(reports(), (std::vector<std::uint32_t>{2, 6}));
  at(seconds(4) + milliseconds(249));
  EXPECT_EQ(reports().size(), 2U);
  at(seconds(4) + milliseconds(250));
  EXPECT_EQ(reports(), (std::vector<std::uint32_t>{2, 6, 6}));
  member.on_duties(kDestination, {});
  at(seconds(5));
  at(seconds(9));
  EXPECT_EQ(reports(), (std::vector<std::uint32_t>{2, 6, 6, 0}));
}

TEST_F(HubMemberTest, each_has_one_part_of_which_2f_plus_1_decode_and_knows_what_the_others_sign) {
  close(batch(2));
  settle();
  ASSERT_EQ(sent_.size(), 4U);
  std::size_t first = 0;
  for (const auto& [who, send] : sent_) {
    const auto mine = send.part->get().as<message::LinkPart>();
    EXPECT_EQ(mine.index, who);
    EXPECT_EQ(mine.k, 3);
    ASSERT_NE(send.hub, nullptr);
    EXPECT_EQ(send.hub->sequence, SeqNum(5));
    EXPECT_FALSE(send.again);
    first += send.hub->first_set.contains(ServerId(static_cast<std::uint16_t>(who))) ? 1 : 0;
    ASSERT_EQ(send.hub->encoding.size(), 4U);
    for (const auto& [other, theirs] : sent_) {
      EXPECT_EQ(send.hub->encoding[other], crypto::leaf_digest(theirs.part->get().content()));
    }
  }
  EXPECT_EQ(first, 3U);
}

TEST_F(HubMemberTest, what_is_not_acknowledged_all_send_again_and_the_port_is_told_what_is) {
  close(batch(1));
  settle();
  sent_.clear();
  for (const auto& member : members_) member->repeat(kDestination);
  settle();
  ASSERT_EQ(sent_.size(), 4U);
  for (const auto& [who, send] : sent_) EXPECT_TRUE(send.again && send.hub != nullptr) << who;
  EXPECT_TRUE(acknowledged_.empty());
  members_[1]->acknowledged(kDestination, SeqNum(5));
  members_[1]->repeat(kDestination);
  settle();
  EXPECT_EQ(sent_.size(), 4U);
  ASSERT_EQ(acknowledged_.size(), 1U);
  EXPECT_EQ(acknowledged_.front().second.by, kDestination);
  EXPECT_EQ(acknowledged_.front().second.through, SeqNum(5));
}

TEST_F(HubMemberTest, f_plus_1_servers_introduce_a_part_that_all_have_heard) {
  for (std::uint64_t sequence = 1; sequence <= 8; ++sequence) {
    for (std::uint8_t index = 0; index < 4; ++index) {
      std::size_t introducers = 0;
      for (std::size_t server = 0; server < 4; ++server) introducers += introduces(server, index, sequence) ? 1 : 0;
      EXPECT_EQ(introducers, 2U);
    }
  }
}

TEST_F(HubMemberTest, parts_of_what_is_known_are_introduced_only_when_they_come_again) {
  const config::HubSets sets({4, 1}, {4, 1});
  for (std::uint8_t index = 0; index < 4; ++index) {
    if (!sets.introduces(ServerId(0), index, SeqNum(9))) continue;
    EXPECT_FALSE(introduces(0, index, 9, true)) << "the surplus part of a message that was decoded";
    EXPECT_TRUE(introduces(0, index, 9, true)) << "its site asks";
  }
  EXPECT_FALSE(members_[0]->introduces(kDestination, part(1, 4, TrafficClass::timely), true));
}

}  // namespace
}  // namespace garrison::site
