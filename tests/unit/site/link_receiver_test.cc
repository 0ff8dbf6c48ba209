#include "control/site/link_receiver.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/site/source_site.h"

namespace garrison::site {
namespace {

constexpr link::PartCode kCode{4, 2};
constexpr LinkPlan kPlan{config::LinkKind::erasure, {4, 1}, {4, 1}};

class LinkReceiverTest : public SourceSiteTest {
 protected:
  LinkReceiverTest()
      : local_(keys_.system(), kDestination, 4, keys_.directory()),
        receiver_({.self = kDestination, .sites = 4, .sources = {{kSource, kPlan}}, .window = 8}, sites_) {
    for (std::uint16_t i = 0; i < 4; ++i) keys_.add(crypto::Principal::server(kSource, ServerId(i)));
  }

  Bytes whole(std::uint64_t sequence, TrafficClass traffic = TrafficClass::bounded) {
    const OutgoingBatch out = batch(2, SeqNum(sequence), traffic);
    return bundle(out, out.links.front(), sign(out));
  }
  // Part `index` of these bytes under a sequence, as its sender signs it.
  std::vector<ReceivedLink> hear(const Bytes& bytes, std::uint64_t sequence, std::size_t index,
                                 TrafficClass traffic = TrafficClass::bounded, bool spoil = false) {
    return hear_from(index, bytes, sequence, index, traffic, spoil);
  }
  std::vector<ReceivedLink> hear_from(std::size_t server, const Bytes& bytes, std::uint64_t sequence, std::size_t index,
                                      TrafficClass traffic = TrafficClass::bounded, bool spoil = false) {
    coding::Code code(kCode.n, kCode.k);
    Bytes part(code.part_bytes(bytes.size()));
    code.encode(bytes, index, part);
    if (spoil) part[part.size() / 2] ^= 1U;
    const crypto::Principal sender = crypto::Principal::server(kSource, ServerId(static_cast<std::uint16_t>(server)));
    const Bytes message =
        keys_.sign(sender, message::encode(keys_.envelope(sender),
                                           message::LinkPart{kDestination, traffic, static_cast<std::uint8_t>(index),
                                                             kCode.k, kCode.n, Incarnation(1), SeqNum(sequence),
                                                             static_cast<std::uint32_t>(bytes.size()), part}));
    local_.take_events();
    const auto outcome = local_.link_part(sender, message);
    CHECK(std::holds_alternative<message::VerifiedMessage>(outcome));
    drops_.clear();
    LinkReceiver::Outcome heard = receiver_.on_part(std::get<message::VerifiedMessage>(outcome), drops_);
    if (heard.failed.has_value()) failed_ = std::move(heard.failed);
    return std::move(heard.ready);
  }
  static std::vector<std::uint64_t> sequences(const std::vector<ReceivedLink>& links) {
    std::vector<std::uint64_t> all;
    for (const ReceivedLink& link : links) all.push_back(link.sequence.value());
    return all;
  }
  [[nodiscard]] bool dropped(DropReason reason) const { return std::ranges::find(drops_, reason) != drops_.end(); }

  using Sequences = std::vector<std::uint64_t>;
  message::Validator local_;
  LinkReceiver receiver_;
  std::vector<DropReason> drops_;
  std::optional<FailedDecoding> failed_;  // the last one
};

TEST_F(LinkReceiverTest, a_link_message_is_there_with_the_k_th_part) {
  const Bytes one = whole(1);
  EXPECT_TRUE(hear(one, 1, 3).empty());
  const auto ready = hear(one, 1, 0);
  ASSERT_EQ(sequences(ready), (Sequences{1}));
  EXPECT_EQ(ready.front().bundle, one);
  EXPECT_TRUE(hear(one, 1, 1).empty());
  EXPECT_TRUE(dropped(DropReason::link_stale));
}

TEST_F(LinkReceiverTest, bounded_ones_are_handed_on_in_order) {
  const Bytes one = whole(1);
  const Bytes two = whole(2);
  const Bytes three = whole(3);
  for (const std::size_t index : {0U, 1U}) EXPECT_TRUE(hear(three, 3, index).empty());
  for (const std::size_t index : {0U, 1U}) EXPECT_TRUE(hear(two, 2, index).empty());
  EXPECT_TRUE(receiver_.has(kSource, TrafficClass::bounded, SeqNum(3)));
  EXPECT_TRUE(hear(one, 1, 2).empty());
  EXPECT_EQ(sequences(hear(one, 1, 3)), (Sequences{1, 2, 3}));
  EXPECT_EQ(receiver_.delivered()[kSource.index()], SeqNum(3));
}

TEST_F(LinkReceiverTest, timely_ones_are_handed_on_at_once_in_the_order_in_which_they_come_each_once) {
  const Bytes two = whole(2, TrafficClass::timely);
  const Bytes one = whole(1, TrafficClass::timely);
  EXPECT_TRUE(hear(one, 1, 0, TrafficClass::timely).empty());
  EXPECT_TRUE(hear(two, 2, 0, TrafficClass::timely).empty());
  EXPECT_EQ(sequences(hear(two, 2, 1, TrafficClass::timely)), (Sequences{2}));
  EXPECT_EQ(sequences(hear(one, 1, 1, TrafficClass::timely)), (Sequences{1})) << "a part of it was late";
  for (const std::uint64_t again : {1U, 2U}) {
    EXPECT_TRUE(receiver_.has(kSource, TrafficClass::timely, SeqNum(again)));
    for (const std::size_t index : {2U, 3U}) {
      EXPECT_TRUE(hear(again == 1 ? one : two, again, index, TrafficClass::timely).empty());
      EXPECT_TRUE(dropped(DropReason::link_stale));
    }
  }
  EXPECT_FALSE(receiver_.has(kSource, TrafficClass::timely, SeqNum(3)));
}

TEST_F(LinkReceiverTest, a_decoding_that_fails_is_tried_once_and_says_which_signed_parts_it_was_of) {
  const Bytes one = whole(1);
  EXPECT_TRUE(hear(one, 1, 0, TrafficClass::bounded, true).empty());
  EXPECT_FALSE(failed_.has_value());
  EXPECT_TRUE(hear(one, 1, 3).empty());
  EXPECT_TRUE(dropped(DropReason::link_bad_candidate));
  ASSERT_TRUE(failed_.has_value());
  EXPECT_EQ(failed_->source, kSource);
  EXPECT_EQ(failed_->sequence, SeqNum(1));
  ASSERT_EQ(failed_->parts.size(), 2U);
  EXPECT_EQ(message::decode<message::LinkPart>(failed_->parts[0])->index, 0);
  EXPECT_EQ(message::decode<message::LinkPart>(failed_->parts[1])->index, 3);
  failed_.reset();
  EXPECT_TRUE(hear(one, 1, 1).empty());
  EXPECT_TRUE(hear(one, 1, 2).empty()) << "which parts are right is found out, not guessed";
  EXPECT_FALSE(failed_.has_value());
  EXPECT_EQ(receiver_.failures(), 1U);
}

// Fig. 3, A7 and E11: no BOUNDED part has to be sent again.
TEST_F(LinkReceiverTest, a_source_that_is_held_back_is_decoded_when_it_goes_on) {
  const Bytes one = whole(1);
  const Bytes two = whole(2);
  const Bytes three = whole(3, TrafficClass::timely);
  (void)hear(one, 1, 0, TrafficClass::bounded, true);
  (void)hear(one, 1, 3);
  for (const std::size_t index : {1U, 2U}) EXPECT_TRUE(hear(two, 2, index).empty());
  for (const std::size_t index : {1U, 2U}) {
    EXPECT_TRUE(hear(three, 3, index, TrafficClass::timely).empty());
    EXPECT_TRUE(dropped(DropReason::link_held_back));
  }
  receiver_.ignore(kSource, ServerSet::only(ServerId(0)));
  LinkReceiver::Outcome outcome = receiver_.resume_with(kSource, TrafficClass::bounded, SeqNum(1), one);
  EXPECT_EQ(sequences(outcome.ready), (Sequences{1, 2}));
  EXPECT_FALSE(outcome.failed.has_value());
  (void)hear(three, 3, 1, TrafficClass::timely);
  EXPECT_EQ(sequences(hear(three, 3, 2, TrafficClass::timely)), (Sequences{3}));
}

TEST_F(LinkReceiverTest, what_was_kept_may_fail_again_and_holds_the_source_back_again) {
  const Bytes one = whole(1);
  const Bytes two = whole(2);
  (void)hear(one, 1, 0, TrafficClass::bounded, true);
  (void)hear(one, 1, 3);
  (void)hear(two, 2, 1, TrafficClass::bounded, true);
  (void)hear(two, 2, 3);
  receiver_.ignore(kSource, ServerSet::only(ServerId(0)));
  const LinkReceiver::Outcome outcome = receiver_.resume_with(kSource, TrafficClass::bounded, SeqNum(1), one);
  EXPECT_EQ(sequences(outcome.ready), (Sequences{1}));
  ASSERT_TRUE(outcome.failed.has_value());
  EXPECT_EQ(outcome.failed->sequence, SeqNum(2));
  EXPECT_EQ(receiver_.failures(), 2U);
}

TEST_F(LinkReceiverTest, servers_that_are_known_to_be_faulty_are_ignored_and_so_is_what_they_sent) {
  const Bytes one = whole(1);
  (void)hear(one, 1, 0, TrafficClass::bounded, true);
  receiver_.ignore(kSource, ServerSet::only(ServerId(0)));
  EXPECT_TRUE(hear(one, 1, 3).empty());
  EXPECT_FALSE(failed_.has_value());
  EXPECT_TRUE(hear(one, 1, 0).empty());
  EXPECT_TRUE(dropped(DropReason::link_blacklisted));
  EXPECT_EQ(sequences(hear(one, 1, 2)), (Sequences{1}));
}

TEST_F(LinkReceiverTest, of_a_site_that_is_known_to_be_faulty_nothing_is_heard_or_held) {
  const Bytes one = whole(1);
  const Bytes two = whole(2);
  for (const std::size_t index : {0U, 1U}) (void)hear(two, 2, index);
  (void)hear(one, 1, 0);
  receiver_.ignore(kSource);
  EXPECT_EQ(receiver_.held_bytes(kSource), 0U);
  EXPECT_TRUE(hear(one, 1, 1).empty());
  EXPECT_TRUE(dropped(DropReason::link_blacklisted));
}

TEST_F(LinkReceiverTest, a_timely_one_that_its_site_has_forgotten_is_given_up) {
  const auto timely = TrafficClass::timely;
  const Bytes one = whole(1, timely);
  const Bytes two = whole(2, timely);
  (void)hear(one, 1, 0, timely, true);
  (void)hear(one, 1, 3, timely);
  ASSERT_TRUE(failed_.has_value());
  const LinkReceiver::Outcome outcome = receiver_.resume_without(kSource, SeqNum(1));
  EXPECT_FALSE(outcome.failed.has_value()) << "the same parts are not tried again";
  (void)hear(two, 2, 1, timely);
  EXPECT_EQ(sequences(hear(two, 2, 2, timely)), (Sequences{2}));
}

// Else one server would take the places of all others, and nothing would come through.
TEST_F(LinkReceiverTest, a_server_sends_its_own_parts_only) {
  const Bytes one = whole(1);
  for (std::size_t index = 1; index < 4; ++index) {
    EXPECT_TRUE(hear_from(0, one, 1, index, TrafficClass::bounded, true).empty());
    EXPECT_TRUE(dropped(DropReason::link_part_malformed));
  }
  EXPECT_TRUE(hear(one, 1, 1).empty());
  EXPECT_EQ(sequences(hear(one, 1, 2)), (Sequences{1}));
}

// The site's signature is on the link message; on an item it is by way of the item's path, which stands behind.
TEST_F(LinkReceiverTest, a_link_message_with_another_path_of_an_item_is_none) {
  Bytes one = whole(1);
  one.back() ^= 1U;
  (void)hear(one, 1, 0);
  EXPECT_TRUE(hear(one, 1, 1).empty());
  EXPECT_TRUE(failed_.has_value());
}

TEST_F(LinkReceiverTest, a_link_message_replayed_under_another_sequence_is_none) {
  const Bytes one = whole(1);
  for (std::size_t index = 0; index < 4; ++index) EXPECT_TRUE(hear(one, 2, index).empty());
  EXPECT_TRUE(failed_.has_value());
  EXPECT_FALSE(receiver_.has(kSource, TrafficClass::bounded, SeqNum(2)));
}

TEST_F(LinkReceiverTest, a_bounded_one_replayed_as_timely_is_none) {
  const Bytes one = whole(1);
  for (std::size_t index = 0; index < 4; ++index) EXPECT_TRUE(hear(one, 1, index, TrafficClass::timely).empty());
  EXPECT_TRUE(failed_.has_value());
}

TEST_F(LinkReceiverTest, the_highest_timely_one_handed_on_stays_that_when_a_lower_one_comes_late) {
  const auto timely = TrafficClass::timely;
  for (const std::uint64_t sequence : {2U, 1U}) {
    const Bytes bytes = whole(sequence, timely);
    for (const std::size_t index : {0U, 1U}) (void)hear(bytes, sequence, index, timely);
    EXPECT_TRUE(receiver_.has(kSource, timely, SeqNum(sequence)));
    EXPECT_EQ(receiver_.delivered_timely()[kSource.index()], SeqNum(2));
  }
}

// A site that was cut off: meanwhile its peer went on.
TEST_F(LinkReceiverTest, the_window_of_timely_ones_follows_what_a_correct_pair_has_sent) {
  const auto timely = TrafficClass::timely;
  const Bytes far = whole(500, timely);
  for (const std::size_t index : {0U, 1U}) {
    EXPECT_TRUE(hear(far, 500, index, timely).empty());
    EXPECT_TRUE(dropped(DropReason::link_beyond_window)) << "f pairs at either end may say what they like";
  }
  EXPECT_TRUE(hear(far, 500, 2, timely).empty());
  EXPECT_FALSE(dropped(DropReason::link_beyond_window));
  EXPECT_EQ(sequences(hear(far, 500, 3, timely)), (Sequences{500}));
}

TEST_F(LinkReceiverTest, faulty_pairs_cannot_move_the_window_of_timely_ones_away) {
  const auto timely = TrafficClass::timely;
  const Bytes far = whole(100'000, timely);
  for (const std::size_t index : {0U, 1U}) (void)hear(far, 100'000, index, timely);
  const Bytes one = whole(1, timely);
  EXPECT_TRUE(hear(one, 1, 2, timely).empty());
  EXPECT_EQ(sequences(hear(one, 1, 3, timely)), (Sequences{1}));
}

TEST_F(LinkReceiverTest, a_sequence_beyond_the_window_is_refused) {
  const Bytes far = whole(9);
  EXPECT_TRUE(hear(far, 9, 0).empty());
  EXPECT_TRUE(dropped(DropReason::link_beyond_window));
}

class BundleReceiverTest : public SourceSiteTest {
 protected:
  BundleReceiverTest()
      : receiver_({.self = kDestination,
                   .sites = 4,
                   .sources = {{kSource, {config::LinkKind::forwarder, {4, 1}, {4, 1}}}},
                   .window = 8},
                  sites_) {}

  Bytes whole(std::uint64_t sequence, TrafficClass traffic = TrafficClass::bounded) {
    const OutgoingBatch out = batch(2, SeqNum(sequence), traffic);
    return bundle(out, out.links.front(), sign(out));
  }
  std::vector<std::uint64_t> hear(std::uint16_t introducer, const Bytes& bundle) {
    drops_.clear();
    const LinkReceiver::Outcome outcome = receiver_.on_bundle(ServerId(introducer), bundle, drops_);
    asked_again_ = outcome.asked_again;
    EXPECT_FALSE(outcome.failed.has_value());
    std::vector<std::uint64_t> sequences;
    for (const ReceivedLink& link : outcome.ready) sequences.push_back(link.sequence.value());
    return sequences;
  }

  using Sequences = std::vector<std::uint64_t>;
  using Drops = std::vector<DropReason>;
  LinkReceiver receiver_;
  Drops drops_;
  bool asked_again_ = false;
};

TEST_F(BundleReceiverTest, the_first_copy_counts_and_those_of_others_are_void) {
  EXPECT_EQ(hear(0, whole(1)), (Sequences{1}));
  EXPECT_TRUE(drops_.empty());
  EXPECT_TRUE(hear(1, whole(1)).empty());
  EXPECT_EQ(drops_, (Drops{DropReason::link_stale}));
  EXPECT_FALSE(asked_again_) << "a copy that comes late says nothing";
}

TEST_F(BundleReceiverTest, a_second_copy_of_one_server_says_that_the_source_asks_again) {
  EXPECT_EQ(hear(0, whole(1)), (Sequences{1}));
  EXPECT_TRUE(hear(0, whole(1)).empty());
  EXPECT_TRUE(asked_again_);
  hear(1, whole(1));
  EXPECT_FALSE(asked_again_);
  hear(1, whole(1));
  EXPECT_TRUE(asked_again_);
}

TEST_F(BundleReceiverTest, what_is_a_window_back_is_not_asked_for_by_anybody) {
  for (std::uint64_t sequence = 1; sequence <= 9; ++sequence) hear(0, whole(sequence));
  EXPECT_EQ(receiver_.delivered()[kSource.index()], SeqNum(9));
  hear(0, whole(2));
  EXPECT_TRUE(asked_again_);
  hear(0, whole(1));
  hear(0, whole(1));
  EXPECT_FALSE(asked_again_);
}

TEST_F(BundleReceiverTest, a_timely_one_is_never_asked_for_again) {
  hear(0, whole(1, TrafficClass::timely));
  hear(0, whole(1, TrafficClass::timely));
  EXPECT_EQ(drops_, (Drops{DropReason::link_stale}));
  EXPECT_FALSE(asked_again_);
}

TEST_F(BundleReceiverTest, bounded_ones_are_handed_on_in_order) {
  EXPECT_TRUE(hear(0, whole(3)).empty());
  EXPECT_TRUE(hear(0, whole(2)).empty());
  EXPECT_TRUE(hear(1, whole(3)).empty());
  EXPECT_EQ(drops_, (Drops{DropReason::link_stale}));
  EXPECT_EQ(hear(0, whole(1)), (Sequences{1, 2, 3}));
}

TEST_F(BundleReceiverTest, a_timely_one_counts_half_a_window_behind_the_newest_however_far_that_jumps) {
  EXPECT_EQ(hear(0, whole(1000, TrafficClass::timely)), (Sequences{1000}));
  EXPECT_EQ(hear(0, whole(996, TrafficClass::timely)), (Sequences{996}));
  EXPECT_TRUE(hear(1, whole(996, TrafficClass::timely)).empty());
  EXPECT_EQ(drops_, (Drops{DropReason::link_stale}));
  EXPECT_TRUE(hear(0, whole(995, TrafficClass::timely)).empty());
  EXPECT_EQ(drops_, (Drops{DropReason::link_stale}));
}

TEST_F(BundleReceiverTest, what_the_source_has_not_signed_is_void_and_blames_nobody) {
  Bytes forged = whole(1);
  forged[forged.size() / 2] ^= 1U;
  EXPECT_TRUE(hear(0, forged).empty());
  ASSERT_EQ(drops_.size(), 1U);
  EXPECT_NE(drops_.front(), DropReason::link_stale);
  Bytes no_paths = whole(1);
  no_paths.pop_back();
  EXPECT_TRUE(hear(0, no_paths).empty());
  EXPECT_EQ(drops_, (Drops{DropReason::link_bad_candidate}));
  EXPECT_TRUE(hear(0, to_bytes(ByteView(no_paths).first(20))).empty());
  EXPECT_EQ(drops_, (Drops{DropReason::link_malformed}));
  EXPECT_EQ(receiver_.failures(), 0U);
  EXPECT_EQ(hear(0, whole(1)), (Sequences{1}));
}

TEST_F(BundleReceiverTest, what_is_beyond_the_window_takes_no_memory) {
  EXPECT_TRUE(hear(0, whole(9)).empty());
  EXPECT_EQ(drops_, (Drops{DropReason::link_beyond_window}));
}

TEST_F(BundleReceiverTest, nothing_of_a_listed_site_counts) {
  receiver_.ignore(kSource);
  EXPECT_TRUE(hear(0, whole(1)).empty());
  EXPECT_EQ(drops_, (Drops{DropReason::link_blacklisted}));
}

TEST_F(LinkReceiverTest, a_link_of_another_kind_takes_no_bundles) {
  const LinkReceiver::Outcome outcome = receiver_.on_bundle(ServerId(0), whole(1), drops_);
  EXPECT_TRUE(outcome.ready.empty());
  EXPECT_TRUE(dropped(DropReason::link_unknown));
}

}  // namespace
}  // namespace garrison::site
