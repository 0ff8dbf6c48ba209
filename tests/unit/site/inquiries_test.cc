// The blacklisting protocol, [ARCH] Fig. 3, by its lines: two sites and a third one that looks on, without servers,
// orders or wires.
#include "control/site/inquiries.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "tests/unit/site/source_site.h"

namespace garrison::site {
namespace {

using message::InquiryId;
using message::LinkInquiry;
using message::LinkInquiryResponse;
using Answer = LinkInquiryResponse::Answer;
using How = Consequences::Resumed::How;

constexpr SiteId kThird(3);
constexpr LinkPlan kPlan{config::LinkKind::erasure, {4, 1}, {4, 1}};
constexpr Instant kNow{5};

InquiriesConfig config_of(const message::Envelope& envelope) {
  InquiriesConfig config;
  config.envelope = envelope;
  config.faulty.assign(4, 1);
  config.plans.resize(4, std::vector<std::optional<LinkPlan>>(4, kPlan));
  for (std::size_t i = 0; i < 4; ++i) config.plans[i][i].reset();
  return config;
}

class InquiriesTest : public SourceSiteTest {
 protected:
  InquiriesTest()
      : destination_key_(crypto::deal_modelled_key(crypto::ThresholdScheme::modelled_rsa2048, 2, 4, keys_.system(),
                                                   kDestination, crypto::SiteKeyKind::one_correct)
                             .value()),
        asker_(config_of(keys_.envelope(crypto::Principal::of_site(kDestination))), sites_),
        asked_(config_of(envelope()), sites_),
        third_(config_of(keys_.envelope(crypto::Principal::of_site(kThird))), sites_),
        sent_(4, 2) {
    keys_.add_site_key(kDestination, crypto::SiteKeyKind::one_correct, destination_key_.key);
    for (std::uint16_t i = 0; i < 4; ++i) keys_.add(crypto::Principal::server(kSource, ServerId(i)));
    for (std::uint16_t i = 0; i < 4; ++i) {
      locals_.emplace_back(keys_.system(), SiteId(i), 4, keys_.directory()).take_events();
    }
  }

  // The source sends a link message to the destination; what it is as it is coded.
  Bytes send(std::uint64_t sequence, TrafficClass traffic = TrafficClass::bounded, bool settled = true) {
    const OutgoingBatch out = batch(1, SeqNum(sequence), traffic);
    sent_.closed(out.links);
    if (settled) sent_.settled(out, sign(out));
    return bundle(out, out.links.front(), sign(out));
  }
  // Part `index` of these bytes, as its server signs it.
  Bytes part(const Bytes& whole, std::uint64_t sequence, std::uint16_t index, bool wrong = false,
             TrafficClass traffic = TrafficClass::bounded) {
    coding::Code code(4, 2);
    Bytes bytes(code.part_bytes(whole.size()));
    code.encode(whole, index, bytes);
    if (wrong) bytes[bytes.size() / 2] ^= 1U;
    return signed_by(ServerId(index), {kDestination, traffic, static_cast<std::uint8_t>(index), 2, 4, Incarnation(1),
                                       SeqNum(sequence), static_cast<std::uint32_t>(whole.size()), bytes});
  }
  // Part `index` of link message 1, as a faulty server may sign it: of so many bytes, and of so many parts.
  Bytes signed_part(const Bytes& whole, std::size_t says, std::uint16_t by, std::uint8_t index, std::uint8_t n = 4) {
    coding::Code code(4, 2);
    Bytes bytes(code.part_bytes(whole.size()));
    code.encode(whole, index, bytes);
    return signed_by(ServerId(by), {kDestination, TrafficClass::bounded, index, 2, n, Incarnation(1), SeqNum(1),
                                    static_cast<std::uint32_t>(says), bytes});
  }
  Bytes signed_by(ServerId server, const message::LinkPart& part) {
    const auto sender = crypto::Principal::server(kSource, server);
    return keys_.sign(sender, message::encode(keys_.envelope(sender), part));
  }
  Bytes by_site(SiteId site, const Bytes& content) {
    const Digest leaf = crypto::leaf_digest(content);
    const crypto::MerkleBatch batch(keys_.system(), crypto::Principal::of_site(site), keys_.epoch(), {&leaf, 1});
    std::vector<Bytes> shares;
    for (std::uint16_t i = 0; i < 2; ++i) {
      shares.push_back(site == kSource
                           ? signers_[i]->share(batch.statement())
                           : crypto::make_signer(destination_key_.key, ServerId(i), destination_key_.secrets[i])
                                 .value()
                                 ->share(batch.statement()));
    }
    const std::vector<crypto::SignatureShare> views{{ServerId(0), shares[0]}, {ServerId(1), shares[1]}};
    const auto combiner = crypto::make_combiner(destination_key_.key).value();
    const Bytes signature = (site == kSource ? *combiner_ : *combiner).combine(batch.statement(), views).value();
    Bytes out = content;
    out.resize(content.size() + batch.block_bytes(0, signature.size()));
    batch.write_block(0, crypto::block_scheme(crypto::ThresholdScheme::modelled_rsa2048), signature,
                      MutableBytes(out).subspan(content.size()));
    return out;
  }
  // As a server of `at` gets it from another site.
  std::shared_ptr<const message::StoredMessage> heard(SiteId at, const Bytes& bytes) {
    const auto outcome = locals_[at.index()].from_another_site(crypto::Principal::server(kThird, ServerId(0)), bytes);
    CHECK(std::holds_alternative<message::VerifiedMessage>(outcome));
    return std::make_shared<const message::StoredMessage>(std::get<message::VerifiedMessage>(outcome));
  }
  static FailedDecoding failed(std::vector<Bytes> parts, std::uint64_t sequence = 1,
                               TrafficClass traffic = TrafficClass::bounded) {
    return {kSource, traffic, SeqNum(sequence), std::move(parts)};
  }
  // The destination asks, and what it asks is executed by the source.
  Bytes ask(const FailedDecoding& failure) {
    return by_site(kDestination, asker_.on_failed(kNow, failure).say.value().content);
  }
  Consequences answer(const Bytes& inquiry) { return asked_.on_inquiry(heard(kSource, inquiry)->get(), sent_); }
  Consequences hear(const Bytes& response) { return asker_.on_response(heard(kDestination, response)->get()); }
  // An INQUIRY that the asker's own state machine would not make.
  Bytes inquiry_of(std::uint64_t number, const std::vector<Bytes>& parts, std::uint64_t sequence = 1,
                   TrafficClass traffic = TrafficClass::bounded) {
    const InquiryId id{kSource, kDestination, traffic, Incarnation(1), SeqNum(number), SeqNum(sequence)};
    return by_site(kDestination, message::encode(keys_.envelope(crypto::Principal::of_site(kDestination)),
                                                 LinkInquiry{id, {parts.begin(), parts.end()}}));
  }
  Bytes response_of(std::uint64_t number, Answer answer, const Bytes& whole, std::uint64_t sequence = 1,
                    TrafficClass traffic = TrafficClass::bounded) {
    const InquiryId id{kSource, kDestination, traffic, Incarnation(1), SeqNum(number), SeqNum(sequence)};
    return by_site(kSource, message::encode(envelope(), LinkInquiryResponse{id, answer, whole}));
  }
  static bool dropped(const Consequences& out, DropReason reason) {
    return std::ranges::find(out.drops, reason) != out.drops.end() && out.convictions.empty() && !out.say.has_value() &&
           !out.resumed.has_value();
  }
  // That somebody was listed, once, by this.
  static void expect_only(const Consequences& out, SiteId site, ServerSet servers, Offence offence) {
    ASSERT_EQ(out.convictions.size(), 1U);
    EXPECT_EQ(out.convictions.front().site, site);
    EXPECT_EQ(out.convictions.front().servers, servers);
    EXPECT_EQ(out.convictions.front().offence, offence);
  }

  crypto::DealtThresholdKey destination_key_;
  Inquiries asker_;
  Inquiries asked_;
  Inquiries third_;
  SentMessages sent_;
  std::deque<message::Validator> locals_;
};

constexpr ServerSet kA1 = ServerSet::only(ServerId(0));
constexpr ServerSet kA2 = ServerSet::only(ServerId(1));

TEST_F(InquiriesTest, inquiries_to_a_site_are_numbered_from_one_A2) {
  const Bytes one = send(1);
  const std::vector<Bytes> parts{part(one, 1, 0, true), part(one, 1, 2)};
  const auto number = [](const Consequences& out) {
    return message::decode<LinkInquiry>(out.say.value().content)->id.number;
  };
  EXPECT_EQ(number(asker_.on_failed(kNow, failed(parts))), SeqNum(1));
  EXPECT_EQ(number(asker_.on_failed(kNow, failed(parts))), SeqNum(2));
  FailedDecoding other = failed(parts);
  other.source = kThird;
  EXPECT_EQ(number(asker_.on_failed(kNow, other)), SeqNum(1));
}

TEST_F(InquiriesTest, an_inquiry_carries_the_parts_of_the_failed_decoding_and_names_the_message_A3_A4_A5) {
  const Bytes one = send(7, TrafficClass::timely);
  const std::vector<Bytes> parts{part(one, 7, 3, true, TrafficClass::timely),
                                 part(one, 7, 1, false, TrafficClass::timely)};
  const Consequences out = asker_.on_failed(kNow, failed(parts, 7, TrafficClass::timely));
  ASSERT_TRUE(out.say.has_value());
  EXPECT_EQ(out.say->to, kSource);
  const auto inquiry = message::decode<LinkInquiry>(out.say->content);
  ASSERT_TRUE(inquiry.has_value());
  EXPECT_EQ(inquiry->id,
            (InquiryId{kSource, kDestination, TrafficClass::timely, Incarnation(1), SeqNum(1), SeqNum(7)}));
  ASSERT_EQ(inquiry->parts.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(to_bytes(inquiry->parts[i]), parts[i]);
  EXPECT_TRUE(out.convictions.empty());
  EXPECT_TRUE(asker_.asks(kSource));
}

TEST_F(InquiriesTest, an_asker_whose_parts_are_all_right_is_faulty_C2_C3) {
  const Bytes one = send(1);
  const Consequences out = answer(inquiry_of(1, {part(one, 1, 0), part(one, 1, 2)}));
  expect_only(out, kDestination, {}, Offence::groundless_inquiry);
  EXPECT_FALSE(out.say.has_value());
  EXPECT_TRUE(asked_.blacklist().has(kDestination));
  EXPECT_TRUE(dropped(answer(inquiry_of(2, {part(one, 1, 0, true), part(one, 1, 2)})), DropReason::link_blacklisted))
      << "all communication with it ends";
}

TEST_F(InquiriesTest, whose_parts_are_wrong_are_listed_and_no_others_C5_C9) {
  const Bytes one = send(1);
  const Consequences out = answer(ask(failed({part(one, 1, 0, true), part(one, 1, 2)})));
  expect_only(out, kSource, kA1, Offence::wrong_part);
  EXPECT_EQ(asked_.blacklist().servers(kSource), kA1);
  EXPECT_FALSE(asked_.blacklist().has(kDestination));
}

TEST_F(InquiriesTest, the_response_carries_the_full_message_and_says_to_which_inquiry_C6_C7) {
  const Bytes one = send(1);
  const Bytes inquiry = ask(failed({part(one, 1, 0, true), part(one, 1, 2)}));
  const Consequences out = answer(inquiry);
  ASSERT_TRUE(out.say.has_value());
  EXPECT_EQ(out.say->to, kDestination);
  EXPECT_EQ(out.say->inquiry, inquiry) << "question and answer are evidence for all other sites";
  const auto response = message::decode<LinkInquiryResponse>(out.say->content);
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->answer, Answer::message);
  EXPECT_EQ(to_bytes(response->bundle), one);
  EXPECT_EQ(response->id, message::decode<LinkInquiry>(inquiry)->id);
}

TEST_F(InquiriesTest, a_part_that_says_another_length_is_wrong_C5) {
  const Bytes one = send(1);
  const std::size_t says = one.size() % 2 == 0 ? one.size() - 1 : one.size() + 1;  // with the same bytes in a part
  const Consequences out = answer(ask(failed({signed_part(one, says, 0, 0), signed_part(one, says, 1, 1)})));
  expect_only(out, kSource, ServerSet(kA1).insert(ServerId(1)), Offence::wrong_part);
}

// No correct site has executed such parts: those that a faulty server has signed beside its own.
TEST_F(InquiriesTest, parts_that_the_link_does_not_have_are_not_looked_at) {
  const Bytes one = send(1);
  const Bytes right = part(one, 1, 2);
  EXPECT_TRUE(dropped(answer(inquiry_of(1, {signed_part(one, one.size(), 0, 1), right})), DropReason::link_unknown));
  EXPECT_TRUE(
      dropped(answer(inquiry_of(1, {signed_part(one, one.size(), 0, 0, 5), signed_part(one, one.size(), 1, 1, 5)})),
              DropReason::link_unknown));
  EXPECT_TRUE(answer(inquiry_of(1, {part(one, 1, 0, true), right})).say.has_value());
}

TEST_F(InquiriesTest, only_the_next_inquiry_of_an_asker_is_answered_C1) {
  const Bytes one = send(1);
  const Bytes two = send(2);
  const Bytes first = inquiry_of(1, {part(one, 1, 0, true), part(one, 1, 2)});
  const Bytes second = inquiry_of(2, {part(two, 2, 1, true), part(two, 2, 2)}, 2);
  EXPECT_TRUE(dropped(answer(second), DropReason::link_inquiry_unexpected));
  EXPECT_TRUE(answer(first).say.has_value());
  EXPECT_TRUE(dropped(answer(first), DropReason::link_inquiry_unexpected)) << "each server of the site introduces it";
  EXPECT_TRUE(answer(second).say.has_value());
  EXPECT_TRUE(dropped(answer(first), DropReason::link_inquiry_unexpected)) << "a replay";
}

TEST_F(InquiriesTest, an_asker_that_implicates_a_server_twice_is_faulty) {
  const Bytes one = send(1);
  const Bytes two = send(2);
  EXPECT_TRUE(answer(inquiry_of(1, {part(one, 1, 0, true), part(one, 1, 2)})).say.has_value());
  const Consequences out = answer(inquiry_of(2, {part(two, 2, 0, true), part(two, 2, 1, true)}, 2));
  expect_only(out, kDestination, {}, Offence::repeated_inquiry);
  EXPECT_FALSE(out.say.has_value());
}

TEST_F(InquiriesTest, an_asker_that_has_acknowledged_the_message_is_faulty) {
  const Bytes one = send(1);
  sent_.acknowledged(kDestination, SeqNum(1));
  expect_only(answer(inquiry_of(1, {part(one, 1, 0, true), part(one, 1, 2)})), kDestination, {},
              Offence::needless_inquiry);
}

TEST_F(InquiriesTest, an_inquiry_about_what_is_not_signed_yet_waits_until_it_is) {
  const OutgoingBatch out = batch(1, SeqNum(1));
  sent_.closed(out.links);
  const Bytes one = bundle(out, out.links.front(), sign(out));
  const Bytes inquiry = inquiry_of(1, {part(one, 1, 0, true), part(one, 1, 2)});
  const Consequences early = answer(inquiry);
  EXPECT_FALSE(early.say.has_value());
  EXPECT_TRUE(early.convictions.empty() && early.drops.empty());
  EXPECT_TRUE(asked_.on_settled(sent_).empty());
  sent_.settled(out, sign(out));
  const std::vector<Consequences> late = asked_.on_settled(sent_);
  ASSERT_EQ(late.size(), 1U);
  EXPECT_TRUE(late.front().say.has_value());
  expect_only(late.front(), kSource, kA1, Offence::wrong_part);
  EXPECT_TRUE(asked_.on_settled(sent_).empty());
}

// Servers that may together make up k parts (of sites of unequal size) could else hold the link back for good.
TEST_F(InquiriesTest, parts_of_a_message_that_was_never_sent_are_all_wrong) {
  const Bytes other = send(1);
  const Bytes inquiry = ask(failed({part(other, 9, 0), part(other, 9, 1)}, 9));
  const Consequences out = answer(inquiry);
  expect_only(out, kSource, ServerSet(kA1).insert(ServerId(1)), Offence::wrong_part);
  const auto response = message::decode<LinkInquiryResponse>(out.say.value().content);
  EXPECT_EQ(response->answer, Answer::never_sent);
  const Consequences heard = hear(by_site(kSource, out.say->content));
  ASSERT_EQ(heard.convictions.size(), 2U);
  EXPECT_EQ(heard.convictions[0].servers, ServerSet(kA1).insert(ServerId(1)));
  EXPECT_EQ(heard.convictions[1].offence, Offence::too_many_faulty);
}

TEST_F(InquiriesTest, of_timely_messages_that_are_forgotten_nothing_follows) {
  const auto timely = TrafficClass::timely;
  const Bytes one = send(1, timely);
  (void)send(2, timely);
  (void)send(3, timely);  // two are kept
  const Consequences out =
      answer(ask(failed({part(one, 1, 0, true, timely), part(one, 1, 2, false, timely)}, 1, timely)));
  ASSERT_TRUE(out.say.has_value());
  EXPECT_TRUE(out.convictions.empty());
  EXPECT_TRUE(out.say->inquiry.empty()) << "it is evidence of nothing";
  const Consequences heard = hear(by_site(kSource, out.say->content));
  EXPECT_TRUE(heard.convictions.empty());
  ASSERT_TRUE(heard.resumed.has_value());
  EXPECT_EQ(heard.resumed->how, How::without_it);
  EXPECT_EQ(heard.resumed->sequence, SeqNum(1));
}

TEST_F(InquiriesTest, the_asker_lists_whose_parts_were_wrong_and_goes_on_with_the_message_E6_E7_E11) {
  const Bytes one = send(1);
  const Bytes response =
      by_site(kSource, answer(ask(failed({part(one, 1, 2), part(one, 1, 0, true)}))).say.value().content);
  const Consequences out = hear(response);
  expect_only(out, kSource, kA1, Offence::wrong_part);
  EXPECT_EQ(asker_.blacklist().servers(kSource), kA1);
  EXPECT_FALSE(asker_.blacklist().has(kSource));
  ASSERT_TRUE(out.resumed.has_value());
  EXPECT_EQ(out.resumed->how, How::with_message);
  EXPECT_EQ(out.resumed->bundle, one);
  EXPECT_EQ(out.resumed->sequence, SeqNum(1));
  EXPECT_FALSE(asker_.asks(kSource));
  EXPECT_TRUE(dropped(hear(response), DropReason::link_inquiry_unexpected)) << "a replay";
}

TEST_F(InquiriesTest, a_site_that_codes_what_it_has_not_signed_is_faulty_E2_E3_E4) {
  Bytes garbage = send(1);
  garbage[garbage.size() / 2] ^= 1U;
  (void)ask(failed({part(garbage, 1, 0), part(garbage, 1, 2)}));
  const Consequences out = hear(response_of(1, Answer::message, garbage));
  expect_only(out, kSource, {}, Offence::groundless_response);
  EXPECT_TRUE(asker_.blacklist().has(kSource));
  EXPECT_TRUE(asker_.blacklist().servers(kSource).empty()) << "its servers may only have done as it did";
  EXPECT_FALSE(out.resumed.has_value());
}

TEST_F(InquiriesTest, a_site_with_more_than_f_listed_servers_is_faulty_E8_E9_E10) {
  const Bytes one = send(1);
  const Bytes two = send(2);
  (void)ask(failed({part(one, 1, 0, true), part(one, 1, 2)}));
  EXPECT_TRUE(hear(response_of(1, Answer::message, one)).resumed.has_value());
  EXPECT_FALSE(asker_.blacklist().has(kSource));
  (void)ask(failed({part(two, 2, 1, true), part(two, 2, 2)}, 2));
  const Consequences out = hear(response_of(2, Answer::message, two, 2));
  ASSERT_EQ(out.convictions.size(), 2U);
  EXPECT_EQ(out.convictions[0].servers, kA2);
  EXPECT_EQ(out.convictions[1].offence, Offence::too_many_faulty);
  EXPECT_TRUE(asker_.blacklist().has(kSource));
  EXPECT_FALSE(out.resumed.has_value());
}

TEST_F(InquiriesTest, a_response_counts_only_for_the_inquiry_that_is_under_way_E1) {
  const Bytes one = send(1);
  EXPECT_TRUE(dropped(hear(response_of(1, Answer::message, one)), DropReason::link_inquiry_unexpected)) << "unasked";
  (void)ask(failed({part(one, 1, 0, true), part(one, 1, 2)}));
  EXPECT_TRUE(dropped(hear(response_of(2, Answer::message, one)), DropReason::link_inquiry_unexpected));
  EXPECT_TRUE(hear(response_of(1, Answer::message, one)).resumed.has_value());
}

TEST_F(InquiriesTest, a_site_that_answers_with_another_message_is_faulty) {
  const Bytes one = send(1);
  const Bytes two = send(2);
  (void)ask(failed({part(one, 1, 0, true), part(one, 1, 2)}));
  expect_only(hear(response_of(1, Answer::message, two, 2)), kSource, {}, Offence::false_response);
}

TEST_F(InquiriesTest, a_site_that_answers_with_what_it_has_not_signed_is_faulty) {
  const Bytes one = send(1);
  const Bytes two = send(2);
  (void)ask(failed({part(one, 1, 0, true), part(one, 1, 2)}));
  expect_only(hear(response_of(1, Answer::message, two)), kSource, {}, Offence::false_response);
  EXPECT_TRUE(asker_.blacklist().servers(kSource).empty()) << "what it says of its servers counts for nothing";
}

TEST_F(InquiriesTest, a_third_site_draws_the_same_conclusion) {
  const Bytes one = send(1);
  const Bytes inquiry = ask(failed({part(one, 1, 0, true), part(one, 1, 2)}));
  const Bytes response = by_site(kSource, answer(inquiry).say.value().content);
  const auto question = heard(kThird, inquiry);
  const auto reply = heard(kThird, response);
  EXPECT_TRUE(dropped(third_.on_response(reply->get()), DropReason::link_inquiry_unexpected))
      << "alone it says nothing";
  EXPECT_TRUE(third_.wants(question->get()) && third_.wants(reply->get()));
  EXPECT_TRUE(third_.on_inquiry(question->get(), sent_).convictions.empty());
  const Consequences out = third_.on_response(reply->get());
  expect_only(out, kSource, kA1, Offence::wrong_part);
  EXPECT_FALSE(out.resumed.has_value());
  EXPECT_EQ(third_.blacklist().servers(kSource), kA1);
  EXPECT_FALSE(third_.wants(question->get()));
  EXPECT_FALSE(third_.wants(reply->get()));
  EXPECT_TRUE(dropped(third_.on_inquiry(question->get(), sent_), DropReason::link_inquiry_unexpected));
}

TEST_F(InquiriesTest, a_third_site_believes_no_conflicting_evidence) {
  const Bytes one = send(1);
  const Bytes two = send(2);
  const Bytes inquiry = inquiry_of(1, {part(one, 1, 0, true), part(one, 1, 2)});
  (void)third_.on_inquiry(heard(kThird, inquiry)->get(), sent_);
  EXPECT_TRUE(dropped(third_.on_response(heard(kThird, response_of(1, Answer::message, two, 2))->get()),
                      DropReason::link_inquiry_unexpected));
  expect_only(third_.on_response(heard(kThird, response_of(1, Answer::message, two))->get()), kSource, {},
              Offence::false_response);
}

TEST_F(InquiriesTest, the_evidence_is_the_signed_messages) {
  const Bytes one = send(1);
  const Bytes wrong = part(one, 1, 0, true);
  const Bytes inquiry = ask(failed({wrong, part(one, 1, 2)}));
  const Consequences asked = answer(inquiry);
  ASSERT_EQ(asked.convictions.size(), 1U);
  EXPECT_EQ(asked.convictions.front().evidence, (std::vector<Bytes>{wrong, inquiry, asked.say.value().content}));
  const Bytes response = by_site(kSource, asked.say->content);
  const Consequences heard = hear(response);
  ASSERT_EQ(heard.convictions.size(), 1U);
  EXPECT_EQ(heard.convictions.front().evidence, (std::vector<Bytes>{wrong, response}));
}

TEST_F(InquiriesTest, an_inquiry_that_is_not_answered_is_repeated_ever_more_rarely) {
  const Bytes one = send(1);
  (void)ask(failed({part(one, 1, 0, true), part(one, 1, 2)}));
  EXPECT_TRUE(asker_.due_again(kNow).empty());
  EXPECT_EQ(asker_.due_again(kNow + seconds(1)), std::vector<SiteId>{kSource});
  EXPECT_TRUE(asker_.due_again(kNow + seconds(2)).empty());
  EXPECT_EQ(asker_.next_wakeup(), kNow + seconds(3));
  EXPECT_EQ(asker_.due_again(kNow + seconds(3)), std::vector<SiteId>{kSource});
  EXPECT_TRUE(hear(response_of(1, Answer::message, one)).resumed.has_value());
  EXPECT_TRUE(asker_.due_again(kNow + seconds(60)).empty());
  EXPECT_EQ(asker_.next_wakeup(), Instant::never());
}

// On the naive link a part is the message: its sender alone is to blame.
TEST_F(InquiriesTest, where_one_part_is_a_message_its_sender_is_listed_at_once) {
  const Bytes one = send(1);
  const Bytes wrong = part(one, 1, 0, true);
  const Consequences out = asker_.on_failed(kNow, failed({wrong}));
  expect_only(out, kSource, kA1, Offence::wrong_part);
  EXPECT_EQ(out.convictions.front().evidence, std::vector<Bytes>{wrong});
  EXPECT_FALSE(out.say.has_value());
  ASSERT_TRUE(out.resumed.has_value());
  EXPECT_EQ(out.resumed->how, How::as_it_is);
}

// Validation keeps these from ever being executed.
TEST_F(InquiriesTest, an_inquiry_is_no_message_unless_its_parts_are_signed_and_of_that_message) {
  const Bytes one = send(1);
  const auto refused = [&](const Bytes& inquiry) {
    const auto outcome =
        locals_[kSource.index()].from_another_site(crypto::Principal::server(kDestination, ServerId(0)), inquiry);
    return std::holds_alternative<DropReason>(outcome);
  };
  EXPECT_FALSE(refused(inquiry_of(1, {part(one, 1, 0, true), part(one, 1, 2)})));
  Bytes forged = part(one, 1, 0, true);
  forged[forged.size() - 1] ^= 1U;
  EXPECT_TRUE(refused(inquiry_of(1, {forged, part(one, 1, 2)}))) << "a part that its server has not signed";
  EXPECT_TRUE(refused(inquiry_of(1, {part(one, 1, 0), part(one, 1, 0)}))) << "one part twice";
  EXPECT_TRUE(refused(inquiry_of(1, {part(one, 1, 0)}))) << "fewer than decode";
  EXPECT_TRUE(refused(inquiry_of(1, {part(one, 1, 0), part(one, 2, 2)}))) << "of two messages";
  EXPECT_TRUE(refused(inquiry_of(1, {part(one, 1, 0), part(one, 1, 2, false, TrafficClass::timely)})));
  Bytes longer = one;
  longer.push_back(0);
  EXPECT_TRUE(refused(inquiry_of(1, {part(one, 1, 0), part(longer, 1, 2)}))) << "of two lengths";
  Bytes unsigned_by_site = inquiry_of(1, {part(one, 1, 0, true), part(one, 1, 2)});
  unsigned_by_site.back() ^= 1U;
  EXPECT_TRUE(refused(unsigned_by_site));
}

}  // namespace
}  // namespace garrison::site
