#include "apps/node/networks.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/node/node_topology.h"

namespace garrison::node {
namespace {

std::string refusal(const config::Topology& topology, const std::vector<SiteServer>& hosted) {
  const Result<Networks> networks = networks_of(topology, hosted);
  return networks.ok() ? "" : networks.error().message;
}

TEST(NetworksTest, servers_with_ports_of_their_own_run_in_any_company) {
  const config::Topology sites = topology(2, "af_packet:lan0", "af_packet:wan0");
  for (const std::vector<SiteServer>& hosted :
       {std::vector<SiteServer>{{kB, ServerId(2)}}, {{kA, ServerId(0)}, {kB, ServerId(3)}}, servers_of(sites)}) {
    const Networks networks = networks_of(sites, hosted).value();
    EXPECT_TRUE(networks.lans_inside.empty());
    EXPECT_TRUE(networks.several_sites);
    EXPECT_FALSE(networks.wan_inside);
    EXPECT_FALSE(networks.all_inside(kB));
  }
}

TEST(NetworksTest, a_lan_inside_a_process_needs_all_servers_of_its_site_there) {
  const config::Topology alone = topology(1, "inproc", "");
  EXPECT_NE(refusal(alone, {{kA, ServerId(0)}}).find("every server of site A"), std::string::npos);
  EXPECT_TRUE(networks_of(alone, servers_of(alone)).value().all_inside(kA));
  // Of several sites, those that are hosted here.
  const config::Topology sites = topology(2, "inproc", "af_packet:wan0");
  EXPECT_NE(refusal(sites, {{kB, ServerId(0)}}).find("every server of site B"), std::string::npos);
  const std::vector<SiteServer> all = servers_of(sites);
  const Networks networks = networks_of(sites, {all.begin() + 4, all.end()}).value();
  EXPECT_TRUE(networks.lan_inside(kB));
  EXPECT_FALSE(networks.lan_inside(kA));
  EXPECT_FALSE(networks.all_inside(kB));
}

TEST(NetworksTest, a_network_between_sites_inside_a_process_needs_all_servers_there) {
  const config::Topology sites = topology(2, "af_packet:lan0", "inproc");
  const std::vector<SiteServer> all = servers_of(sites);
  EXPECT_NE(refusal(sites, {all.begin() + 1, all.end()}).find("all servers of all sites"), std::string::npos);
  EXPECT_TRUE(networks_of(sites, all).value().wan_inside);
}

TEST(NetworksTest, the_rate_of_a_pair_is_of_real_networks) {
  config::Topology sites = topology(2, "inproc", "inproc");
  sites.wan.pairs.front().rate = config::BitRate{1'000'000};
  EXPECT_NE(refusal(sites, servers_of(sites)).find("no rate of a pair"), std::string::npos);
  config::Topology real = topology(2, "af_packet:lan0", "af_packet:wan0");
  real.wan.pairs.front().rate = config::BitRate{1'000'000};
  EXPECT_EQ(refusal(real, {{kA, ServerId(0)}}), "");
}

}  // namespace
}  // namespace garrison::node
