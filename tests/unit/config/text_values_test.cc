#include "control/config/text_values.h"

#include <gtest/gtest.h>

namespace garrison::config {
namespace {

TEST(TextValuesTest, addresses_read_back_as_written) {
  EXPECT_EQ(to_string(parse_mac("02:0a:ff:00:10:01").value()), "02:0a:ff:00:10:01");
  EXPECT_EQ(parse_mac("02:0A:FF:00:10:01"), parse_mac("02:0a:ff:00:10:01"));
  EXPECT_EQ(to_string(parse_ipv4("255.0.10.1").value()), "255.0.10.1");
  EXPECT_EQ(to_string(parse_endpoint("127.0.0.1:65535").value()), "127.0.0.1:65535");
}

TEST(TextValuesTest, octets_stand_in_the_order_of_the_text) {
  EXPECT_EQ(parse_ipv4("10.1.2.3"), (Ipv4Address{10, 1, 2, 3}));
  EXPECT_EQ(parse_mac("02:01:02:03:04:05"), (MacAddress{2, 1, 2, 3, 4, 5}));
}

TEST(TextValuesTest, malformed_addresses_are_refused) {
  for (const char* text : {"", "02:00:00:00:00", "02:00:00:00:00:00:01", "02-00-00-00-00-01", "02:00:00:00:00:0g",
                           "2:00:00:00:00:001", "02:00:00:00:00:0 ", "+2:00:00:00:00:01", "02:00:00:00:00:-1"}) {
    EXPECT_EQ(parse_mac(text), std::nullopt) << text;
  }
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.", "1..3.4", " 1.2.3.4",
                           "1.2.3.4 ", "-1.2.3.4", "a.b.c.d"}) {
    EXPECT_EQ(parse_ipv4(text), std::nullopt) << text;
  }
  for (const char* text :
       {"", "1.2.3.4", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:080", "1.2.3.4:80x", "localhost:80", ":80"}) {
    EXPECT_EQ(parse_endpoint(text), std::nullopt) << text;
  }
}

TEST(TextValuesTest, durations_carry_their_unit) {
  EXPECT_EQ(parse_duration("7ns"), nanoseconds(7));
  EXPECT_EQ(parse_duration("500us"), microseconds(500));
  EXPECT_EQ(parse_duration("3ms"), milliseconds(3));
  EXPECT_EQ(parse_duration("2s"), seconds(2));
  EXPECT_EQ(parse_duration("0ms"), Duration());
  for (const char* text :
       {"", "3", "ms", "3 ms", "-3ms", "1.5ms", "03ms", "3m", "3msx", "9223372037s", "99999999999999999999ns"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(TextValuesTest, durations_are_written_exactly_in_the_largest_unit) {
  EXPECT_EQ(to_string(seconds(2)), "2s");
  EXPECT_EQ(to_string(milliseconds(1500)), "1500ms");
  EXPECT_EQ(to_string(nanoseconds(1'000'001)), "1000001ns");
  EXPECT_EQ(to_string(Duration()), "0ns");
}

TEST(TextValuesTest, rates_carry_their_unit_and_are_above_zero) {
  EXPECT_EQ(parse_rate("7bit/s"), BitRate{7});
  EXPECT_EQ(parse_rate("56kbit/s"), BitRate{56'000});
  EXPECT_EQ(parse_rate("10Mbit/s"), BitRate{10'000'000});
  EXPECT_EQ(parse_rate("100Gbit/s"), BitRate{100'000'000'000});
  for (const char* text : {"", "10", "Mbit/s", "10 Mbit/s", "10Mbit", "10mbit/s", "1.5Mbit/s", "0kbit/s",
                           "99999999999Gbit/s", "99999999999999999999bit/s"}) {
    EXPECT_EQ(parse_rate(text), std::nullopt) << text;
  }
}

TEST(TextValuesTest, rates_are_written_exactly_in_the_largest_unit) {
  EXPECT_EQ(to_string(BitRate{2'000'000'000}), "2Gbit/s");
  EXPECT_EQ(to_string(BitRate{1'500'000}), "1500kbit/s");
  EXPECT_EQ(to_string(BitRate{1'000'001}), "1000001bit/s");
  EXPECT_EQ(to_string(BitRate{}), "0bit/s");
}

}  // namespace
}  // namespace garrison::config
