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

TEST(LabKeysTest, forwarders_have_keys_to_agree_and_none_to_sign) {
  const auto keys = make_lab_keys({.sites = 2, .link = config::LinkKind::forwarder, .backup_forwarders = true});
  ASSERT_EQ(keys->forwarders.size(), 4U);
  for (const crypto::PrivateBundle& forwarder : keys->forwarders) {
    EXPECT_TRUE(forwarder.signing.view().empty());
    EXPECT_TRUE(crypto::check_belongs(forwarder, keys->directory).ok());
  }
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

void enough_servers_sign_for_their_site_alone(const LabKeys& keys) {
  const Bytes message = {1, 2, 3};
  ASSERT_EQ(keys.directory.site_keys().size(), 4U);
  for (const config::SiteSettings& site : keys.topology.sites) {
    for (const crypto::SiteKeyKind kind : crypto::kSiteKeyKinds) {
      const crypto::ThresholdPublicKey& key = *keys.directory.find_site_key({site.id, kind});
      EXPECT_EQ(key.k, crypto::threshold_of(kind, site.f));
      EXPECT_EQ(key.n, site.n());
      std::vector<Bytes> shares;
      std::vector<crypto::SignatureShare> chosen;
      for (const crypto::PrivateBundle& server : keys.servers_of(site.id)) {
        const ServerId id(static_cast<std::uint16_t>(server.self.index));
        shares.push_back(crypto::make_signer(key, id, server.site_secrets.at(kind)).value()->share(message));
      }
      for (std::uint16_t i = 0; i < key.k; ++i) chosen.push_back({ServerId(i), shares[i]});
      const auto signature = crypto::make_combiner(key).value()->combine(message, chosen);
      ASSERT_TRUE(signature.has_value());
      EXPECT_TRUE(crypto::make_verifier(key).value()->verify(message, *signature));
      const crypto::ThresholdPublicKey& other =
          *keys.directory.find_site_key({SiteId(static_cast<std::uint16_t>(1 - site.id.value())), kind});
      EXPECT_FALSE(crypto::make_verifier(other).value()->verify(message, *signature));
    }
  }
}

TEST(LabKeysTest, enough_servers_of_a_site_sign_for_it_and_nobody_for_another) {
  enough_servers_sign_for_their_site_alone(*make_lab_keys({.sites = 2, .servers = 7}));
}

const LabTopology kOfRealSchemes{.sites = 2,
                                 .servers = 4,
                                 .clients = 2,
                                 .server_scheme = crypto::Scheme::ed25519,
                                 .client_scheme = crypto::Scheme::ed25519,
                                 .site_scheme = crypto::ThresholdScheme::shoup_rsa1024};

TEST(LabKeysTest, so_they_do_with_keys_of_real_schemes) {
  enough_servers_sign_for_their_site_alone(*make_lab_keys(kOfRealSchemes));
}

TEST(LabKeysTest, keys_of_real_schemes_are_the_same_every_time) {
  const auto keys = make_lab_keys(kOfRealSchemes);
  const auto again = make_lab_keys(kOfRealSchemes);
  for (const auto& [principal, published] : keys->directory.all()) {
    EXPECT_EQ(published.scheme, crypto::Scheme::ed25519);
    EXPECT_EQ(published.signing, again->directory.find(principal)->signing);
  }
  EXPECT_EQ(keys->directory.site_keys(), again->directory.site_keys());
}

TEST(LabKeysTest, a_site_alone_has_no_site_keys) {
  const auto keys = make_lab_keys({.servers = 4});
  EXPECT_TRUE(keys->directory.site_keys().empty());
  EXPECT_FALSE(keys->topology.site_scheme().has_value());
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
