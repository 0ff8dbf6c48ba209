#include "apps/adversary/site_liar.h"

#include <gtest/gtest.h>

#include "control/message/messages.h"

namespace garrison::adversary {
namespace {

const message::Envelope kServer{SystemId(1), crypto::Principal::server(SiteId(0), ServerId(1)), KeyEpoch(1)};

site::Member::Outputs outputs() {
  site::Member::Outputs made;
  made.present.push_back({SeqNum(5), SiteId(2), TrafficClass::bounded, Bytes(20, 1)});
  made.present.push_back({SeqNum(6), SiteId(3), TrafficClass::timely, Bytes(20, 2)});
  const Bytes bundle(30, 3);
  for (int i = 0; i < 2; ++i) made.introduce.push_back(message::encode(kServer, message::LinkBundle{bundle}));
  return made;
}

TEST(SiteLiarTest, presents_other_contents_to_all_sites_or_to_some_or_nothing) {
  site::Member::Outputs wrong = outputs();
  SiteLiar({SiteLie::wrong_parts}).tamper(Instant(), wrong);
  ASSERT_EQ(wrong.present.size(), 2U);
  EXPECT_NE(wrong.present[0].bundle, Bytes(20, 1));
  EXPECT_NE(wrong.present[1].bundle, Bytes(20, 2));

  site::Member::Outputs some = outputs();
  SiteLiar({SiteLie::some_wrong_parts}).tamper(Instant(), some);
  EXPECT_NE(some.present[0].bundle, Bytes(20, 1));
  EXPECT_EQ(some.present[1].bundle, Bytes(20, 2));

  site::Member::Outputs none = outputs();
  SiteLiar({SiteLie::no_parts}).tamper(Instant(), none);
  EXPECT_TRUE(none.present.empty());
}

TEST(SiteLiarTest, jumps_ahead_in_the_numbers) {
  site::Member::Outputs jumped = outputs();
  SiteLiar({SiteLie::jumped_numbers}).tamper(Instant(), jumped);
  EXPECT_GT(jumped.present[0].df_sequence, SeqNum(6));
  EXPECT_EQ(jumped.present[0].bundle, Bytes(20, 1));
}

TEST(SiteLiarTest, introduces_bundles_that_nobody_signed_and_others_twice) {
  site::Member::Outputs false_ones = outputs();
  const Bytes said = false_ones.introduce.front();
  SiteLiar liar({SiteLie::false_bundles});
  liar.tamper(Instant(), false_ones);
  ASSERT_EQ(false_ones.introduce.size(), 3U);
  EXPECT_NE(false_ones.introduce[0], said);
  EXPECT_EQ(message::decode<message::LinkBundle>(false_ones.introduce[0])->bundle.size(), 30U);
  EXPECT_EQ(false_ones.introduce[1], said);
  EXPECT_EQ(false_ones.introduce[2], said);
  EXPECT_EQ(liar.acted(), 2U);
}

}  // namespace
}  // namespace garrison::adversary
