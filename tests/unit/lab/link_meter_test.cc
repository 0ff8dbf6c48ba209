#include "apps/lab/link_meter.h"

#include <gtest/gtest.h>

namespace garrison::lab {
namespace {

using config::LinkKind;

constexpr SiteId kHere(0);
constexpr SiteId kThere(1);

site::LinkName name(std::uint64_t sequence, TrafficClass traffic = TrafficClass::bounded, SiteId to = kThere) {
  return {kHere, to, traffic, Incarnation(1), SeqNum(sequence)};
}

TEST(LinkMeterTest, the_formulas_are_those_of_the_paper) {
  const LinkTable erasure = *link_table(LinkKind::erasure, 2);
  EXPECT_DOUBLE_EQ(erasure.least_overhead, 7.0 / 3);
  EXPECT_DOUBLE_EQ(erasure.most_overhead, 7.0 / 3);
  EXPECT_EQ(erasure.least_orderings, 7U);
  EXPECT_EQ(erasure.most_orderings, 7U);
  const LinkTable optimistic = *link_table(LinkKind::hub_optimistic, 2);
  EXPECT_DOUBLE_EQ(optimistic.least_overhead, 1);
  EXPECT_DOUBLE_EQ(optimistic.most_overhead, 7.0 / 5);
  EXPECT_EQ(optimistic.least_orderings, 15U);
  EXPECT_EQ(optimistic.most_orderings, 21U);
  const LinkTable immediate = *link_table(LinkKind::hub_immediate, 2);
  EXPECT_DOUBLE_EQ(immediate.least_overhead, 7.0 / 5);
  EXPECT_EQ(immediate.least_orderings, 21U);
  EXPECT_EQ(immediate.most_orderings, 21U);
  const LinkTable forwarder = *link_table(LinkKind::forwarder, 2);
  EXPECT_DOUBLE_EQ(forwarder.most_overhead, 1);
  EXPECT_EQ(forwarder.most_orderings, 3U);
  EXPECT_FALSE(link_table(LinkKind::naive, 2).has_value());
}

TEST(LinkMeterTest, a_link_message_takes_from_when_it_was_said_to_when_it_is_executed) {
  LinkMeter meter;
  const Instant start;
  meter.on_said(start, name(1));
  meter.on_said(start + milliseconds(10), name(1, TrafficClass::timely));
  meter.on_executed(start + milliseconds(60), name(1));
  meter.on_executed(start + milliseconds(60), name(7));
  meter.on_executed(start + milliseconds(60), name(1, TrafficClass::timely, SiteId(2)));
  meter.on_executed(start + milliseconds(90), name(1, TrafficClass::timely));
  meter.on_executed(start + milliseconds(95), name(1));
  EXPECT_EQ(meter.totals().said, 2U);
  EXPECT_EQ(meter.totals().executed, 2U) << "what nobody was seen to say does not count, and nothing counts twice";
  EXPECT_EQ(meter.totals().delay, milliseconds(60 + 80));
}

TEST(LinkMeterTest, parts_and_bundles_are_what_a_site_orders_for_its_links) {
  LinkMeter meter;
  for (const auto type : {message::MessageType::LinkPart, message::MessageType::LinkBundle, message::MessageType::Tick,
                          message::MessageType::SiteBatch}) {
    meter.on_event(type);
  }
  EXPECT_EQ(meter.totals().ordered, 2U);
}

}  // namespace
}  // namespace garrison::lab
