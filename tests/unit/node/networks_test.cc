#include "apps/node/networks.h"

#include <gtest/gtest.h>

#include <string>

#include "apps/node/worker_table.h"
#include "control/config/topology_text.h"

namespace garrison::node {
namespace {

constexpr SiteId kA(0);
constexpr SiteId kB(1);

config::Topology topology(std::size_t sites, const std::string& port, const std::string& wan_port) {
  config::NewTopology wishes;
  wishes.system = SystemId(1);
  wishes.sites = sites;
  wishes.ports = {port};
  if (sites > 1) wishes.wan_ports = {wan_port};
  return config::parse_topology(config::new_topology_text(wishes).value(), "test").value();
}

std::vector<SiteServer> servers_of(const config::Topology& topology) {
  std::vector<SiteServer> all;
  for (const config::SiteSettings& site : topology.sites) {
    for (const config::ServerSettings& server : site.servers) all.push_back({site.id, server.id});
  }
  return all;
}

std::string refusal(const config::Topology& topology, const std::vector<SiteServer>& hosted) {
  const Result<Networks> networks = networks_of(topology, hosted);
  return networks.ok() ? "" : networks.error().message;
}

// How often a stage of this kind stands in the table, wherever.
std::size_t stages(const std::vector<WorkerRow>& table, StageKind kind) {
  std::size_t count = 0;
  for (const WorkerRow& row : table) {
    for (const StageRow& stage : row.stages) count += stage.kind == kind ? 1 : 0;
  }
  return count;
}

std::vector<WorkerRow> plan(const config::Topology& topology, const std::vector<SiteServer>& hosted) {
  return plan_workers({.cores = {{.cpu = 0}, {.cpu = 1}}}, hosted, networks_of(topology, hosted).value(), false);
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

TEST(WorkerTableTest, one_server_of_several_sites_has_a_stage_for_each_port) {
  const std::vector<WorkerRow> table =
      plan(topology(2, "af_packet:lan0", "af_packet:wan0"), {SiteServer{kB, ServerId(2)}});
  for (const StageKind kind : {StageKind::lan, StageKind::wan, StageKind::control, StageKind::crypto}) {
    EXPECT_EQ(stages(table, kind), 1U);
  }
  EXPECT_EQ(stages(table, StageKind::segment), 0U);
  EXPECT_EQ(stages(table, StageKind::wide_area), 0U);
}

TEST(WorkerTableTest, networks_inside_the_process_have_stages_of_their_own) {
  const config::Topology alone = topology(1, "inproc", "");
  const std::vector<WorkerRow> one = plan(alone, servers_of(alone));
  EXPECT_EQ(stages(one, StageKind::segment), 1U);
  EXPECT_EQ(stages(one, StageKind::wan), 0U);
  EXPECT_EQ(stages(one, StageKind::wide_area), 0U);
  const config::Topology sites = topology(3, "inproc", "inproc");
  const std::vector<WorkerRow> several = plan(sites, servers_of(sites));
  EXPECT_EQ(stages(several, StageKind::segment), 3U);
  EXPECT_EQ(stages(several, StageKind::wan), 12U);
  EXPECT_EQ(stages(several, StageKind::wide_area), 1U);
}

}  // namespace
}  // namespace garrison::node
