#include "control/site/link_sender.h"

#include <gtest/gtest.h>

namespace garrison::site {
namespace {

constexpr SiteId kPeer(1);
constexpr SiteId kOther(2);

class LinkSenderTest : public ::testing::Test {
 protected:
  LinkSenderTest() : sender_(config()) {}

  static LinkSenderConfig config() {
    LinkSenderConfig config;
    config.envelope = {SystemId(5), crypto::Principal::of_site(SiteId(0)), KeyEpoch(1)};
    config.sites = 3;
    config.window = 16;
    config.messages_per_batch = 2;
    config.queue_bytes = 64 * 1024;
    return config;
  }
  static Item item(std::size_t size, std::uint8_t fill = 1, std::uint64_t batch = 0, std::uint16_t leaf = 0) {
    return {std::make_shared<const Bytes>(size, fill), batch, leaf, 0};
  }
  void push(SiteId to, TrafficClass traffic, const Item& what) { sender_.push(to, traffic, what, drops_); }
  std::vector<LinkOut> pack(std::uint64_t current = 1, std::uint64_t signed_through = 0) {
    return sender_.pack({now_, current, signed_through}, {SeqNum(0), SeqNum(0), SeqNum(0)}, [](const Item& each) {
      Bytes whole = *each.bytes;
      whole.push_back(0xee);
      return std::make_shared<const Bytes>(std::move(whole));
    });
  }
  static message::LinkMessage read(const LinkOut& link) { return *message::decode<message::LinkMessage>(link.content); }

  LinkSender sender_;
  std::vector<DropReason> drops_;
  Instant now_;
};

TEST_F(LinkSenderTest, says_nothing_when_nothing_waits) {
  EXPECT_FALSE(sender_.anything_to_say(now_));
  EXPECT_TRUE(pack().empty());
}

TEST_F(LinkSenderTest, timely_goes_first_and_each_class_counts_its_own_sequence) {
  push(kPeer, TrafficClass::bounded, item(10));
  push(kPeer, TrafficClass::timely, item(20));
  const auto links = pack();
  ASSERT_EQ(links.size(), 2U);
  EXPECT_EQ(links[0].traffic, TrafficClass::timely);
  EXPECT_EQ(links[1].traffic, TrafficClass::bounded);
  EXPECT_EQ(links[0].sequence, SeqNum(1));
  EXPECT_EQ(links[1].sequence, SeqNum(1));
}

TEST_F(LinkSenderTest, an_item_of_the_closing_batch_goes_with_its_leaf_and_one_of_a_signed_batch_with_its_block) {
  push(kPeer, TrafficClass::bounded, item(10, 1, 3, 7));
  push(kPeer, TrafficClass::bounded, item(10, 2, 4, 9));
  const auto links = pack(4, 3);
  ASSERT_EQ(links.size(), 1U);
  const auto message = read(links[0]);
  ASSERT_EQ(message.items.size(), 2U);
  EXPECT_EQ(message.items[0].leaf, message::LinkMessage::Item::kWhole);
  EXPECT_EQ(message.items[0].bytes.size(), 11U) << "the block stands behind it";
  EXPECT_EQ(message.items[1].leaf, 9U);
  EXPECT_EQ(links[0].item_leaves, (std::vector<std::uint16_t>{9}));
}

TEST_F(LinkSenderTest, an_item_whose_batch_is_not_signed_holds_up_what_is_behind_it) {
  push(kPeer, TrafficClass::bounded, item(10, 1, 3, 7));
  push(kPeer, TrafficClass::bounded, item(10, 2));
  EXPECT_TRUE(pack(4, 2).empty());
  EXPECT_EQ(read(pack(5, 3).front()).items.size(), 2U);
}

TEST_F(LinkSenderTest, a_closed_window_gathers_items_for_larger_messages) {
  for (std::size_t i = 0; i < config().window; ++i) {
    push(kPeer, TrafficClass::bounded, item(10));
    ASSERT_EQ(pack().size(), 1U);
  }
  for (int i = 0; i < 3; ++i) push(kPeer, TrafficClass::bounded, item(10));
  EXPECT_FALSE(sender_.anything_to_say(now_));
  EXPECT_TRUE(pack().empty());
  EXPECT_TRUE(sender_.acknowledged(now_, kPeer, SeqNum(1)));
  const auto links = pack();
  ASSERT_EQ(links.size(), 1U);
  EXPECT_EQ(read(links[0]).items.size(), 3U);
}

class CrowdedWayTest : public LinkSenderTest {
 protected:
  // The first one is acknowledged after 100 ms, the others are under way since then.
  void leave(std::size_t under_way) {
    push(kPeer, TrafficClass::bounded, item(10));
    ASSERT_EQ(pack().size(), 1U);
    now_ = now_ + milliseconds(100);
    EXPECT_TRUE(sender_.acknowledged(now_, kPeer, SeqNum(1)));
    for (std::size_t i = 0; i < under_way; ++i) {
      push(kPeer, TrafficClass::bounded, item(10));
      ASSERT_EQ(pack().size(), 1U);
    }
    push(kPeer, TrafficClass::bounded, item(10));
  }
};

TEST_F(CrowdedWayTest, items_wait_while_acknowledgements_take_more_than_twice_as_long_as_they_need) {
  leave(config().few);
  now_ = now_ + milliseconds(200);
  EXPECT_TRUE(sender_.anything_to_say(now_));
  now_ = now_ + milliseconds(1);
  EXPECT_FALSE(sender_.anything_to_say(now_));
  EXPECT_TRUE(pack().empty());
  push(kPeer, TrafficClass::bounded, item(10));
  EXPECT_TRUE(sender_.acknowledged(now_, kPeer, SeqNum(2)));
  const auto links = pack();
  ASSERT_EQ(links.size(), 1U);
  EXPECT_EQ(read(links[0]).items.size(), 2U);
}

TEST_F(CrowdedWayTest, a_few_under_way_crowd_nothing) {
  leave(config().few - 1);
  now_ = now_ + seconds(10);
  EXPECT_EQ(pack().size(), 1U);
}

TEST_F(CrowdedWayTest, timely_items_and_full_messages_leave_all_the_same) {
  leave(config().few);
  now_ = now_ + milliseconds(201);
  push(kPeer, TrafficClass::timely, item(config().full_bytes));
  auto links = pack();
  ASSERT_EQ(links.size(), 1U);
  EXPECT_EQ(links[0].traffic, TrafficClass::timely);
  push(kPeer, TrafficClass::bounded, item(config().full_bytes - 10));
  links = pack();
  ASSERT_EQ(links.size(), 1U);
  EXPECT_EQ(read(links[0]).items.size(), 2U);
}

TEST_F(CrowdedWayTest, the_window_closes_for_full_messages_too) {
  for (std::size_t i = 0; i < config().window; ++i) {
    push(kPeer, TrafficClass::bounded, item(config().full_bytes));
    ASSERT_EQ(pack().size(), 1U);
  }
  push(kPeer, TrafficClass::bounded, item(config().full_bytes));
  EXPECT_TRUE(pack().empty());
}

// A way that has become longer for good is not taken for a crowded one for ever.
TEST_F(CrowdedWayTest, the_quickest_round_trip_rises_slowly) {
  leave(0);
  EXPECT_EQ(pack().size(), 1U);
  std::uint64_t sequence = 1;
  for (int i = 0; i < 2000; ++i) {
    now_ = now_ + milliseconds(300);
    EXPECT_TRUE(sender_.acknowledged(now_, kPeer, SeqNum(++sequence)));
    push(kPeer, TrafficClass::bounded, item(10));
    EXPECT_EQ(pack().size(), 1U);
  }
  for (std::size_t i = 0; i < config().few; ++i) {
    push(kPeer, TrafficClass::bounded, item(10));
    (void)pack();
  }
  push(kPeer, TrafficClass::bounded, item(10));
  now_ = now_ + milliseconds(300);
  EXPECT_TRUE(sender_.anything_to_say(now_));
}

TEST_F(LinkSenderTest, large_items_fill_several_messages_in_order) {
  for (std::uint8_t i = 1; i <= 3; ++i) push(kPeer, TrafficClass::bounded, item(20 * 1024, i));
  const auto links = pack();
  ASSERT_EQ(links.size(), 2U);
  EXPECT_EQ(read(links[0]).items.size(), 2U);
  EXPECT_EQ(read(links[1]).items.front().bytes.front(), 3);
}

TEST_F(LinkSenderTest, a_newer_timely_item_of_one_kind_replaces_one_that_waits) {
  Item first = item(10, 1);
  Item second = item(10, 2);
  first.kind = second.kind = 42;
  push(kPeer, TrafficClass::timely, first);
  push(kPeer, TrafficClass::timely, item(10, 9));
  push(kPeer, TrafficClass::timely, second);
  const auto links = pack();
  const auto message = read(links.front());
  ASSERT_EQ(message.items.size(), 2U);
  EXPECT_EQ(message.items[0].bytes.front(), 9);
  EXPECT_EQ(message.items[1].bytes.front(), 2);
}

TEST(LinkSenderBlinkTest, what_acknowledges_goes_by_itself_outside_of_the_sequence_and_nothing_is_repeated) {
  LinkSenderConfig config;
  config.envelope = {SystemId(5), crypto::Principal::of_site(SiteId(0)), KeyEpoch(1)};
  config.sites = 3;
  config.over_blink = ServerSet::all(3);
  LinkSender sender(config);
  std::vector<DropReason> drops;
  Instant now;
  const auto pack = [&] {
    const LinkSender::Moment moment{now, 1, 0, {SeqNum(0), SeqNum(8), SeqNum(0)}};
    return sender.pack(moment, {SeqNum(0), SeqNum(5), SeqNum(0)}, nullptr);
  };
  for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
    sender.push(kPeer, traffic, {std::make_shared<const Bytes>(10, 1), 0, 0, 0}, drops);
  }
  sender.owe_acknowledgement(now, kPeer);
  EXPECT_EQ(pack().size(), 2U);
  now = now + config.acknowledge_after;
  EXPECT_EQ(sender.next_wakeup(), now);
  const std::vector<LinkOut> links = pack();
  ASSERT_EQ(links.size(), 1U);
  EXPECT_TRUE(links[0].acknowledges);
  EXPECT_EQ(links[0].sequence, SeqNum(9));
  const auto said = message::decode<message::LinkMessage>(links[0].content);
  EXPECT_EQ(said->delivered, SeqNum(5));
  EXPECT_TRUE(said->items.empty());
  EXPECT_EQ(sender.next_wakeup(), Instant::never());
  sender.push(kPeer, TrafficClass::timely, {std::make_shared<const Bytes>(10, 1), 0, 0, 0}, drops);
  EXPECT_EQ(pack()[0].sequence, SeqNum(2));
  EXPECT_TRUE(sender.due_again(now + seconds(100)).empty());
}

TEST_F(LinkSenderTest, an_acknowledgement_alone_is_a_timely_message_that_nobody_acknowledges) {
  sender_.owe_acknowledgement(now_, kOther);
  EXPECT_EQ(sender_.next_wakeup(), now_ + config().acknowledge_after);
  now_ = now_ + config().acknowledge_after - milliseconds(1);
  EXPECT_FALSE(sender_.anything_to_say(now_)) << "something may go there anyway";
  EXPECT_TRUE(pack().empty());
  now_ = now_ + milliseconds(1);
  EXPECT_TRUE(sender_.anything_to_say(now_));
  const auto links = pack();
  ASSERT_EQ(links.size(), 1U);
  EXPECT_EQ(links[0].to, kOther);
  EXPECT_EQ(links[0].traffic, TrafficClass::timely);
  EXPECT_TRUE(read(links[0]).items.empty());
  EXPECT_FALSE(sender_.anything_to_say(now_));
}

TEST_F(LinkSenderTest, an_acknowledgement_rides_on_what_is_said_anyway) {
  sender_.owe_acknowledgement(now_, kPeer);
  push(kPeer, TrafficClass::bounded, item(10));
  EXPECT_EQ(pack().size(), 1U);
  now_ = now_ + config().acknowledge_after;
  EXPECT_FALSE(sender_.anything_to_say(now_));
}

TEST_F(LinkSenderTest, a_window_that_waits_for_acknowledgements_gets_them_at_once) {
  sender_.owe_acknowledgement(now_, kPeer);
  EXPECT_FALSE(sender_.anything_to_say(now_));
  sender_.owe_acknowledgement(now_, kPeer);
  EXPECT_TRUE(sender_.anything_to_say(now_)) << "an eighth of the window";
}

TEST_F(LinkSenderTest, a_site_that_claims_more_than_it_was_sent_acknowledges_nothing) {
  push(kPeer, TrafficClass::bounded, item(10));
  (void)pack();
  EXPECT_FALSE(sender_.acknowledged(now_, kPeer, SeqNum(2)));
  EXPECT_EQ(sender_.unacknowledged(kPeer), 1U);
  EXPECT_TRUE(sender_.acknowledged(now_, kPeer, SeqNum(1)));
  EXPECT_FALSE(sender_.acknowledged(now_, kPeer, SeqNum(1))) << "no news";
}

TEST_F(LinkSenderTest, what_is_not_acknowledged_is_repeated_with_growing_pauses_until_it_is) {
  push(kPeer, TrafficClass::bounded, item(10));
  (void)pack();
  EXPECT_TRUE(sender_.due_again(Instant(milliseconds(999).ns())).empty());
  std::vector<std::int64_t> at;
  for (std::int64_t ms = 1000; ms < 40'000; ms += 10) {
    if (!sender_.due_again(Instant(milliseconds(ms).ns())).empty()) at.push_back(ms);
  }
  EXPECT_EQ(at, (std::vector<std::int64_t>{1000, 3000, 7000, 15000, 23000, 31000, 39000}));
  EXPECT_EQ(sender_.next_wakeup(), Instant(seconds(47).ns()));
  EXPECT_TRUE(sender_.acknowledged(Instant(seconds(40).ns()), kPeer, SeqNum(1)));
  EXPECT_EQ(sender_.next_wakeup(), Instant::never());
  EXPECT_TRUE(sender_.due_again(Instant(seconds(100).ns())).empty());
}

TEST_F(LinkSenderTest, a_site_that_takes_nothing_loses_what_waits_and_no_other_site_notices) {
  push(kOther, TrafficClass::bounded, item(10));
  for (int i = 0; i < 4; ++i) push(kPeer, TrafficClass::bounded, item(20 * 1024));
  EXPECT_EQ(drops_, (std::vector<DropReason>{DropReason::site_lagging}));
  const auto links = pack();
  ASSERT_EQ(links.size(), 1U);
  EXPECT_EQ(links[0].to, kOther);
}

TEST_F(LinkSenderTest, a_message_too_large_for_any_link_message_is_refused_by_name) {
  push(kPeer, TrafficClass::bounded, item(message::kMaxSiteMessageBytes));
  EXPECT_EQ(drops_, (std::vector<DropReason>{DropReason::message_oversized}));
}

TEST_F(LinkSenderTest, it_knows_the_oldest_batch_that_an_item_needs) {
  EXPECT_EQ(sender_.oldest_needed(9), 9U);
  push(kPeer, TrafficClass::bounded, item(10, 1, 6, 1));
  push(kOther, TrafficClass::timely, item(10, 1, 5, 1));
  EXPECT_EQ(sender_.oldest_needed(9), 5U);
}

TEST_F(LinkSenderTest, all_communication_with_a_site_that_is_cut_off_ends) {
  push(kPeer, TrafficClass::bounded, item(10));
  push(kPeer, TrafficClass::timely, item(10));
  sender_.owe_acknowledgement(now_, kPeer);
  (void)pack();
  push(kPeer, TrafficClass::bounded, item(10));
  push(kOther, TrafficClass::bounded, item(10));
  sender_.cut_off(kPeer);
  push(kPeer, TrafficClass::bounded, item(10));
  EXPECT_EQ(drops_, std::vector<DropReason>{DropReason::link_blacklisted});
  sender_.owe_acknowledgement(now_, kPeer);
  const auto links = pack();
  ASSERT_EQ(links.size(), 1U);
  EXPECT_EQ(links.front().to, kOther);
  EXPECT_FALSE(sender_.anything_to_say(now_ + seconds(10)));
  for (const SiteId due : sender_.due_again(Instant(seconds(100).ns()))) EXPECT_EQ(due, kOther);
}

TEST_F(LinkSenderTest, what_goes_over_forwarders_has_numbers_of_its_own_without_a_gap) {
  LinkSenderConfig with = config();
  with.over_forwarders = ServerSet::only(ServerId(kOther.value()));
  LinkSender sender(with);
  for (const SiteId to : {kPeer, kOther}) {
    for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
      sender.push(to, traffic, item(10), drops_);
    }
  }
  std::vector<SeqNum> numbers;
  for (const LinkOut& link : sender.pack({now_, 1, 0}, {SeqNum(0), SeqNum(0), SeqNum(0)}, {})) {
    if (link.to == kPeer) {
      EXPECT_EQ(link.df_sequence, SeqNum());
    } else {
      numbers.push_back(link.df_sequence);
    }
  }
  EXPECT_EQ(numbers, (std::vector{SeqNum(1), SeqNum(2)}));
  EXPECT_EQ(sender.next_df_sequence(), SeqNum(3)) << "what is repeated goes on where the batch ended";
}

}  // namespace
}  // namespace garrison::site
