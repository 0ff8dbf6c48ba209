#include "control/site/link_receiver.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/site/source_site.h"

namespace garrison::site {
namespace {

constexpr link::PartCode kCode{4, 2};

class LinkReceiverTest : public SourceSiteTest {
 protected:
  LinkReceiverTest()
      : local_(keys_.system(), kDestination, 4, keys_.directory()),
        receiver_({.self = kDestination, .sites = 4, .sources = {{kSource, kCode}}, .window = 8}, sites_) {
    for (std::uint16_t i = 0; i < 4; ++i) keys_.add(crypto::Principal::server(kSource, ServerId(i)));
  }

  Bytes whole(std::uint64_t sequence, TrafficClass traffic = TrafficClass::bounded) {
    const OutgoingBatch out = batch(2, SeqNum(sequence), traffic);
    return bundle(out, out.links.front(), sign(out));
  }
  // Part `index` of these bytes under a sequence, as its sender signs it.
  std::vector<ReceivedLink> hear(const Bytes& bytes, std::uint64_t sequence, std::size_t index,
                                 TrafficClass traffic = TrafficClass::bounded, bool spoil = false) {
    coding::Code code(kCode.n, kCode.k);
    Bytes part(code.part_bytes(bytes.size()));
    code.encode(bytes, index, part);
    if (spoil) part[part.size() / 2] ^= 1U;
    const crypto::Principal sender = crypto::Principal::server(kSource, ServerId(static_cast<std::uint16_t>(index)));
    const Bytes message =
        keys_.sign(sender, message::encode(keys_.envelope(sender),
                                           message::LinkPart{kDestination, traffic, static_cast<std::uint8_t>(index),
                                                             kCode.k, kCode.n, Incarnation(1), SeqNum(sequence),
                                                             static_cast<std::uint32_t>(bytes.size()), part}));
    local_.take_events();
    const auto outcome = local_.link_part(sender, message);
    CHECK(std::holds_alternative<message::VerifiedMessage>(outcome));
    drops_.clear();
    return receiver_.on_part(std::get<message::VerifiedMessage>(outcome), drops_);
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

TEST_F(LinkReceiverTest, timely_ones_are_handed_on_at_once_and_those_before_them_are_void) {
  const Bytes two = whole(2, TrafficClass::timely);
  const Bytes one = whole(1, TrafficClass::timely);
  EXPECT_TRUE(hear(one, 1, 0, TrafficClass::timely).empty());
  EXPECT_TRUE(hear(two, 2, 0, TrafficClass::timely).empty());
  EXPECT_EQ(sequences(hear(two, 2, 1, TrafficClass::timely)), (Sequences{2}));
  EXPECT_TRUE(hear(one, 1, 1, TrafficClass::timely).empty());
  EXPECT_TRUE(dropped(DropReason::link_stale));
}

TEST_F(LinkReceiverTest, the_parts_of_correct_pairs_give_it_whatever_the_first_ones_were) {
  const Bytes one = whole(1);
  EXPECT_TRUE(hear(one, 1, 0, TrafficClass::bounded, true).empty());
  EXPECT_TRUE(hear(one, 1, 1, TrafficClass::bounded, true).empty());
  EXPECT_TRUE(dropped(DropReason::link_bad_candidate));
  EXPECT_TRUE(hear(one, 1, 2).empty());
  EXPECT_EQ(sequences(hear(one, 1, 3)), (Sequences{1}));
}

TEST_F(LinkReceiverTest, a_link_message_replayed_under_another_sequence_is_none) {
  const Bytes one = whole(1);
  for (std::size_t index = 0; index < 4; ++index) EXPECT_TRUE(hear(one, 2, index).empty());
  EXPECT_TRUE(dropped(DropReason::link_bad_candidate));
  EXPECT_FALSE(receiver_.has(kSource, TrafficClass::bounded, SeqNum(2)));
}

TEST_F(LinkReceiverTest, a_bounded_one_replayed_as_timely_is_none) {
  const Bytes one = whole(1);
  for (std::size_t index = 0; index < 4; ++index) EXPECT_TRUE(hear(one, 1, index, TrafficClass::timely).empty());
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

}  // namespace
}  // namespace garrison::site
