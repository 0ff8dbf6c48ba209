#include "control/site/pair_election.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "control/config/link_pairs.h"
#include "control/ordering/state_reader.h"
#include "control/ordering/state_writer.h"
#include "tests/support/site_keys.h"

namespace garrison::site {
namespace {

constexpr SiteId kPeer(1);
constexpr SiteId kOther(2);
constexpr Duration kTimeout = seconds(2);
constexpr TrafficClass kBounded = TrafficClass::bounded;
constexpr TrafficClass kTimely = TrafficClass::timely;

PairElectionConfig config(std::size_t pairs) { return {.pairs = {0, pairs, pairs}, .timeout = kTimeout}; }

class PairElectionTest : public ::testing::Test {
 protected:
  void sent(std::uint64_t sequence, TrafficClass traffic = kBounded, SiteId to = kPeer) {
    election_.sent(now_, to, traffic, SeqNum(sequence));
  }
  bool acknowledged(std::uint64_t through, TrafficClass traffic = kBounded) {
    return election_.acknowledged(now_, kPeer, traffic, SeqNum(through));
  }
  std::vector<SiteId> after(Duration duration) { return election_.expire(now_ = now_ + duration); }

  PairElection election_{config(4)};
  Instant now_;
};

TEST_F(PairElectionTest, the_next_pair_is_in_office_when_the_first_message_is_not_acknowledged_in_time) {
  sent(1);
  EXPECT_TRUE(after(kTimeout - nanoseconds(1)).empty());
  EXPECT_EQ(election_.in_office(kPeer), 0U);
  EXPECT_EQ(after(nanoseconds(1)), std::vector{kPeer});
  EXPECT_EQ(election_.in_office(kPeer), 1U);
}

TEST_F(PairElectionTest, nothing_is_expected_where_nothing_was_sent) {
  EXPECT_EQ(election_.next_wakeup(), Instant::never());
  EXPECT_TRUE(after(kTimeout * 10).empty());
}

TEST_F(PairElectionTest, an_acknowledgement_sets_the_timeout_anew_for_the_next_message) {
  sent(1);
  sent(2);
  EXPECT_TRUE(after(seconds(1)).empty());
  EXPECT_TRUE(acknowledged(1));
  EXPECT_TRUE(after(kTimeout - nanoseconds(1)).empty());
  EXPECT_EQ(after(nanoseconds(1)).size(), 1U);
}

TEST_F(PairElectionTest, an_acknowledgement_of_all_cancels_it) {
  sent(1);
  sent(2);
  EXPECT_TRUE(acknowledged(2));
  EXPECT_TRUE(after(kTimeout * 2).empty());
}

TEST_F(PairElectionTest, a_second_message_does_not_give_the_first_one_more_time) {
  sent(1);
  EXPECT_TRUE(after(seconds(1)).empty());
  sent(2);
  EXPECT_EQ(after(seconds(1)).size(), 1U);
}

TEST_F(PairElectionTest, what_is_no_news_or_was_not_sent_gives_no_time) {
  sent(1);
  sent(2);
  EXPECT_TRUE(acknowledged(1));
  EXPECT_TRUE(after(seconds(1)).empty());
  EXPECT_FALSE(acknowledged(1));
  EXPECT_FALSE(acknowledged(3));
  EXPECT_EQ(after(seconds(1)).size(), 1U);
}

TEST_F(PairElectionTest, links_do_not_share_their_offices) {
  sent(1);
  EXPECT_TRUE(after(seconds(1)).empty());
  sent(1, kBounded, kOther);
  EXPECT_EQ(after(seconds(1)), std::vector{kPeer});
  EXPECT_EQ(election_.in_office(kOther), 0U);
  EXPECT_EQ(election_.in_office(kPeer), 1U);
}

TEST_F(PairElectionTest, pairs_follow_each_other_and_begin_again_behind_the_last) {
  sent(1);
  for (const std::size_t pair : {1, 2, 3, 0}) {
    EXPECT_EQ(after(kTimeout).size(), 1U);
    EXPECT_EQ(election_.in_office(kPeer), pair);
  }
}

TEST_F(PairElectionTest, a_forwarder_that_drops_only_timely_messages_is_found) {
  sent(1);
  sent(1, kTimely);
  EXPECT_TRUE(acknowledged(1));
  EXPECT_EQ(after(kTimeout).size(), 1U);
}

TEST_F(PairElectionTest, a_timely_message_behind_a_lost_one_is_enough) {
  sent(1, kTimely);
  sent(2, kTimely);
  EXPECT_TRUE(acknowledged(2, kTimely));
  EXPECT_TRUE(after(kTimeout * 2).empty());
}

// They are not sent again.
TEST_F(PairElectionTest, the_next_pair_is_not_asked_for_timely_messages_of_the_one_before) {
  sent(1, kTimely);
  EXPECT_EQ(after(kTimeout).size(), 1U);
  EXPECT_TRUE(after(kTimeout * 2).empty());
  EXPECT_FALSE(acknowledged(1, kTimely));
  sent(2, kTimely);
  EXPECT_EQ(after(kTimeout).size(), 1U);
}

TEST_F(PairElectionTest, when_all_pairs_have_failed_the_timeout_doubles_until_something_arrives) {
  sent(1);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(after(kTimeout).size(), 1U);
  EXPECT_TRUE(after(kTimeout).empty());
  EXPECT_EQ(after(kTimeout).size(), 1U);
  sent(2);
  EXPECT_TRUE(acknowledged(1));
  EXPECT_EQ(after(kTimeout).size(), 1U);
}

TEST_F(PairElectionTest, a_site_that_is_cut_off_is_expected_to_do_nothing) {
  sent(1);
  election_.cut_off(kPeer);
  EXPECT_TRUE(after(kTimeout * 2).empty());
  sent(2);
  EXPECT_EQ(election_.next_wakeup(), Instant::never());
}

TEST_F(PairElectionTest, goes_on_from_its_state) {
  sent(1);
  EXPECT_EQ(after(kTimeout).size(), 1U);
  EXPECT_TRUE(after(seconds(1)).empty());
  ordering::StateWriter writer;
  writer.put(election_);
  const Bytes state = writer.take();
  testing::SiteKeys keys(1);
  message::Validator validator = message::Validator::of_sites(keys.system(), 3, keys.directory());
  ordering::StateReader reader(state, validator, 3);
  PairElection other(config(4));
  reader.get(other);
  ASSERT_TRUE(reader.done());
  EXPECT_EQ(other.in_office(kPeer), 1U);
  EXPECT_EQ(other.next_wakeup(), election_.next_wakeup());
  EXPECT_EQ(other.expire(now_ + seconds(1)), std::vector{kPeer});
}

// How many pairs are in office before one that carries a message, whoever is faulty.
std::size_t most_pairs(config::LinkEnd sender, config::LinkEnd receiver) {
  const config::LinkPairs pairs(sender, receiver);
  std::size_t most = 0;
  for (std::uint32_t forwarders = 0; forwarders < 1U << sender.n; ++forwarders) {
    if (std::popcount(forwarders) != static_cast<int>(sender.f)) continue;
    for (std::uint32_t peers = 0; peers < 1U << receiver.n; ++peers) {
      if (std::popcount(peers) != static_cast<int>(receiver.f)) continue;
      PairElection election({.pairs = {0, pairs.count()}, .timeout = kTimeout});
      Instant now;
      election.sent(now, kPeer, kBounded, SeqNum(1));
      const auto spoilt = [&](std::size_t pair) {
        return (forwarders >> pairs.sender(pair).index() & 1U) != 0 ||
               (peers >> pairs.receiver(pair).index() & 1U) != 0;
      };
      std::size_t tried = 1;
      for (; spoilt(election.in_office(kPeer)) && tried <= pairs.count(); ++tried) {
        now = election.next_wakeup();
        EXPECT_EQ(election.expire(now).size(), 1U);
      }
      most = std::max(most, tried);
    }
  }
  return most;
}

TEST(PairElectionPlacements, of_2f_plus_1_pairs_one_is_correct) {
  EXPECT_EQ(most_pairs({4, 1}, {4, 1}), 3U);
  EXPECT_EQ(most_pairs({7, 2}, {7, 2}), 5U);
}

// A server of the smaller site stands in several pairs.
TEST(PairElectionPlacements, of_sites_of_unequal_size_a_correct_pair_is_reached_before_all_have_been_tried) {
  EXPECT_LE(most_pairs({4, 1}, {7, 2}), 5U);
  EXPECT_LE(most_pairs({7, 2}, {4, 1}), 5U);
  EXPECT_LE(most_pairs({4, 1}, {10, 3}), 7U);
  EXPECT_LE(most_pairs({10, 3}, {4, 1}), 7U);
}

}  // namespace
}  // namespace garrison::site
