#include "apps/lab/lab_keys.h"

#include <gtest/gtest.h>

#include <set>

namespace garrison::lab {
namespace {

TEST(LabKeysTest, every_server_of_every_site_has_keys_of_its_own) {
  const auto keys = make_lab_keys({.sites = 3, .servers = 4, .clients = 5});
  ASSERT_EQ(keys->servers.size(), 12U);
  ASSERT_EQ(keys->clients.size(), 5U);
  std::set<Bytes> signing;
  std::set<Bytes> agreement;
  for (const auto& [principal, published] : keys->directory.all()) {
    signing.insert(published.signing);
    agreement.insert(published.agreement);
  }
  EXPECT_EQ(signing.size(), 17U);
  EXPECT_EQ(agreement.size(), 17U);
}

TEST(LabKeysTest, servers_are_found_by_their_site) {
  const auto keys = make_lab_keys({.sites = 3, .servers = 7});
  for (const config::SiteSettings& site : keys->topology.sites) {
    const auto servers = keys->servers_of(site.id);
    ASSERT_EQ(servers.size(), 7U);
    for (std::uint16_t i = 0; i < 7; ++i) {
      EXPECT_EQ(servers[i].self, crypto::Principal::server(site.id, ServerId(i)));
      EXPECT_TRUE(crypto::check_belongs(servers[i], keys->directory).ok());
    }
  }
}

TEST(LabKeysTest, the_sites_are_as_they_were_wished) {
  config::GlobalSettings global;
  global.site_clock_tick = milliseconds(3);
  const auto keys =
      make_lab_keys({.sites = 5, .f_global = 0, .link = config::LinkKind::naive, .global = global, .servers = 4});
  EXPECT_EQ(keys->topology.sites.size(), 5U);
  EXPECT_EQ(keys->topology.global.f, 0U);
  EXPECT_EQ(keys->topology.global.site_clock_tick, milliseconds(3));
  EXPECT_EQ(keys->topology.wan_pair(SiteId(0), SiteId(4)).kind, config::LinkKind::naive);
  EXPECT_EQ(make_lab_keys({.sites = 4})->topology.global.f, 1U);
}

}  // namespace
}  // namespace garrison::lab
