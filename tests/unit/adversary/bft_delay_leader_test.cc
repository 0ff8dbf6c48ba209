// The slow leader of BFT, at a server of a real site.
#include "apps/adversary/bft_delay_leader.h"

#include <gtest/gtest.h>

#include "tests/scenario/site.h"

namespace garrison::adversary {
namespace {

using scenario::Site;

constexpr ServerId kA1(0);
constexpr Duration kTimeout = milliseconds(300);
constexpr Duration kWay = milliseconds(20);  // of every message

class BftDelayLeaderTest : public ::testing::Test {
 protected:
  // A1 leads; `specs` are its adversaries.
  void make_site(std::size_t n, const char* specs) {
    const scenario::Cores cores{.protocol = config::LocalProtocol::bft, .bft = [n](bft::BftConfig& config) {
                                  config.timeout = kTimeout;
                                  config.pipeline = n;
                                }};
    site_ = std::make_unique<Site>(n, (n - 1) / 3, ServerSet::only(kA1), cores);
    site_->set_delay(kWay);
    auto parsed = parse_specs(specs);
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    site_->corrupt(kA1, parsed.value());
  }
  void submit_at_each(int count) {
    for (std::size_t i = 0; i < site_->n(); ++i) {
      for (int k = 0; k < count; ++k) site_->submit(ServerId(static_cast<std::uint16_t>(i)));
    }
  }
  void expect_all_in_view(std::uint64_t view) const {
    site_->correct().for_each([&](ServerId id) {
      EXPECT_EQ(site_->status(id).view, View(view));
      EXPECT_TRUE(site_->status(id).view_installed);
    });
  }

  std::unique_ptr<Site> site_;
};

TEST_F(BftDelayLeaderTest, orders_one_update_of_each_server_per_timeout_and_stays) {
  for (const std::size_t n : {4U, 7U}) {
    make_site(n, "delay-leader");
    submit_at_each(60);
    constexpr std::uint64_t kTimeouts = 30;
    site_->advance(kTimeout * kTimeouts);
    const std::size_t executed = site_->executed(ServerId(1)).size();
    EXPECT_GE(executed, n * (kTimeouts - 1));
    EXPECT_LE(executed, n * (kTimeouts + 2));
    expect_all_in_view(0);
    EXPECT_EQ(site_->violation(), std::nullopt);
  }
}

// Every update comes when nothing waits, so its own arrival is what starts the timers.
TEST_F(BftDelayLeaderTest, delays_single_updates_almost_by_a_timeout_and_stays) {
  make_site(4, "delay-leader");
  site_->submit(ServerId(2));
  site_->advance(seconds(1));
  for (std::size_t i = 1; i <= 20; ++i) {
    SCOPED_TRACE(i);
    const ServerId from(static_cast<std::uint16_t>(1 + i % 3));
    site_->submit(from);
    site_->advance(kTimeout * 3 / 4);
    EXPECT_EQ(site_->executed(from).size(), i) << "late";
    site_->advance(kTimeout / 4);
    EXPECT_EQ(site_->executed(from).size(), i + 1) << "but in time";
  }
  expect_all_in_view(0);
}

TEST_F(BftDelayLeaderTest, clients_that_come_one_after_the_other_do_not_surprise_it) {
  make_site(7, "delay-leader");
  for (int i = 0; i < 300; ++i) {
    site_->submit(ServerId(static_cast<std::uint16_t>(i * 5 % 7)));
    site_->advance(milliseconds(3 + i * 37 % 50));
  }
  site_->advance(seconds(1));
  expect_all_in_view(0);
}

TEST_F(BftDelayLeaderTest, dares_nothing_before_it_knows_how_long_ordering_takes) {
  make_site(4, "delay-leader");
  site_->set_delay(milliseconds(60));
  site_->submit(kA1);
  submit_at_each(10);
  site_->advance(seconds(1));
  EXPECT_GE(site_->executed(ServerId(1)).size(), 4U);
  expect_all_in_view(0);
}

TEST_F(BftDelayLeaderTest, grants_itself_no_more_than_it_is_told_to) {
  make_site(4, "delay-leader:by=100ms");
  submit_at_each(60);
  site_->advance(seconds(3));
  EXPECT_GE(site_->executed(ServerId(1)).size(), 4U * 29);
  EXPECT_LE(site_->executed(ServerId(1)).size(), 4U * 33);
}

TEST_F(BftDelayLeaderTest, lets_go_of_everything_once_it_is_replaced) {
  make_site(4, "delay-leader:by=400ms");
  submit_at_each(20);
  site_->advance(seconds(2));
  expect_all_in_view(1);
  EXPECT_EQ(site_->executed(ServerId(1)).size(), 80U);
  EXPECT_EQ(site_->executed(kA1).size(), 80U);
}

}  // namespace
}  // namespace garrison::adversary
