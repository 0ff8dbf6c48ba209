#include "control/site/sent_messages.h"

#include <gtest/gtest.h>

#include "tests/unit/site/source_site.h"

namespace garrison::site {
namespace {

using Fate = SentMessages::Fate;

class SentMessagesTest : public SourceSiteTest {
 protected:
  OutgoingBatch close(std::uint64_t sequence, TrafficClass traffic = TrafficClass::bounded) {
    OutgoingBatch out = batch(1, SeqNum(sequence), traffic);
    sent_.closed(out.links);
    return out;
  }
  Fate fate(std::uint64_t sequence, TrafficClass traffic = TrafficClass::bounded, SiteId to = kDestination) const {
    return sent_.fate(to, traffic, SeqNum(sequence));
  }

  SentMessages sent_{4, 3};
};

TEST_F(SentMessagesTest, a_link_message_is_known_as_it_is_coded_once_it_is_signed) {
  EXPECT_EQ(fate(1), Fate::never_sent);
  const OutgoingBatch out = close(1);
  EXPECT_EQ(fate(1), Fate::unsigned_yet);
  EXPECT_EQ(fate(2), Fate::never_sent);
  EXPECT_EQ(fate(1, TrafficClass::timely), Fate::never_sent);
  EXPECT_EQ(fate(1, TrafficClass::bounded, SiteId(3)), Fate::never_sent);
  sent_.settled(out, sign(out));
  ASSERT_EQ(fate(1), Fate::kept);
  EXPECT_EQ(to_bytes(sent_.bundle_of(kDestination, TrafficClass::bounded, SeqNum(1))),
            bundle(out, out.links.front(), sign(out)));
}

TEST_F(SentMessagesTest, bounded_ones_are_kept_until_they_are_acknowledged) {
  for (std::uint64_t i = 1; i <= 10; ++i) {
    const OutgoingBatch out = close(i);
    sent_.settled(out, sign(out));
  }
  sent_.acknowledged(kDestination, SeqNum(4));
  EXPECT_EQ(fate(4), Fate::over);
  for (std::uint64_t i = 5; i <= 10; ++i) EXPECT_EQ(fate(i), Fate::kept);
}

TEST_F(SentMessagesTest, of_timely_ones_the_last_few_are_kept) {
  const auto timely = TrafficClass::timely;
  const OutgoingBatch first = close(1, timely);
  for (std::uint64_t i = 2; i <= 5; ++i) {
    const OutgoingBatch out = close(i, timely);
    sent_.settled(out, sign(out));
  }
  sent_.settled(first, sign(first));  // too late
  EXPECT_EQ(fate(1, timely), Fate::over);
  EXPECT_EQ(fate(2, timely), Fate::over);
  for (std::uint64_t i = 3; i <= 5; ++i) EXPECT_EQ(fate(i, timely), Fate::kept);
}

TEST_F(SentMessagesTest, nothing_is_kept_for_a_site_that_is_answered_no_more) {
  const OutgoingBatch out = close(1);
  sent_.settled(out, sign(out));
  sent_.forget(kDestination);
  EXPECT_EQ(fate(1), Fate::over);
}

}  // namespace
}  // namespace garrison::site
