#include "control/config/topology_text.h"

#include <gtest/gtest.h>

namespace garrison::config {
namespace {

NewTopology wishes_for(std::size_t servers) {
  NewTopology wishes;
  wishes.system = SystemId(0x7fffffffffffffff);
  wishes.servers = servers;
  return wishes;
}

TEST(TopologyTextTest, every_size_reads_back) {
  for (const std::size_t servers : {4U, 7U, 10U, 13U, 16U}) {
    const auto text = new_topology_text(wishes_for(servers));
    ASSERT_TRUE(text.ok()) << text.error().message;
    const auto topology = parse_topology(text.value(), "new");
    ASSERT_TRUE(topology.ok()) << topology.error().message;
    EXPECT_EQ(topology.value().sites.front().n(), servers);
    EXPECT_EQ(topology.value().sites.front().f, (servers - 1) / 3);
    EXPECT_EQ(topology.value().system, SystemId(0x7fffffffffffffff));
  }
}

TEST(TopologyTextTest, wishes_read_back) {
  NewTopology wishes = wishes_for(4);
  wishes.name = "plant-7";
  wishes.clients = 33;
  wishes.service = ServiceKind::null;
  wishes.server_scheme = crypto::Scheme::rsa3072;
  wishes.client_scheme = crypto::Scheme::rsa2048;
  wishes.ports = {"af_packet:eth1"};
  wishes.hosts = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"};
  const auto topology = parse_topology(new_topology_text(wishes).value(), "new").value();
  EXPECT_EQ(topology.name, "plant-7");
  EXPECT_EQ(topology.client.count, 33U);
  EXPECT_EQ(topology.service, ServiceKind::null);
  EXPECT_EQ(topology.crypto.server_scheme, crypto::Scheme::rsa3072);
  EXPECT_EQ(topology.crypto.client_scheme, crypto::Scheme::rsa2048);
  for (const ServerSettings& server : topology.sites.front().servers) {
    EXPECT_EQ(server.lan.port, PortSettings::Port::af_packet);
    EXPECT_EQ(server.lan.device, "eth1");
    EXPECT_EQ(to_string(server.client.ip), "10.0.0." + std::to_string(server.id.value() + 1));
    EXPECT_EQ(server.client.ip, server.admin.ip);
  }
}

TEST(TopologyTextTest, one_port_each_goes_to_its_server) {
  NewTopology wishes = wishes_for(4);
  wishes.ports = {"af_packet:v1", "af_packet:v2", "af_packet:v3", "af_packet:v4"};
  const auto topology = parse_topology(new_topology_text(wishes).value(), "new").value();
  EXPECT_EQ(topology.sites.front().servers[2].lan.device, "v3");
}

TEST(TopologyTextTest, wishes_of_several_sites_read_back) {
  NewTopology wishes = wishes_for(4);
  wishes.sites = 7;
  wishes.f_global = 1;
  wishes.link = LinkKind::naive;
  wishes.ports.clear();
  wishes.wan_ports.clear();
  wishes.hosts.clear();
  for (std::size_t i = 0; i < 28; ++i) {
    wishes.ports.push_back("af_packet:lan" + std::to_string(i));
    wishes.wan_ports.push_back("af_packet:wan" + std::to_string(i));
    wishes.hosts.push_back("10.0.1." + std::to_string(i));
  }
  const auto topology = parse_topology(new_topology_text(wishes).value(), "new").value();
  EXPECT_EQ(topology.sites.size(), 7U);
  EXPECT_EQ(topology.global.f, 1U);
  EXPECT_EQ(topology.wan_pair(SiteId(2), SiteId(6)).kind, LinkKind::naive);
  const ServerSettings& b3 = *topology.find_server("B3");
  EXPECT_EQ(b3.lan.device, "lan6");
  EXPECT_EQ(b3.wan->device, "wan6");
  EXPECT_EQ(b3.client, (Endpoint{{10, 0, 1, 6}, 7103}));
  EXPECT_EQ(topology.crypto.site_scheme, crypto::ThresholdScheme::shoup_rsa2048);
}

TEST(TopologyTextTest, the_text_of_several_sites_spells_out_the_defaults) {
  const GlobalSettings defaults;
  NewTopology wishes = wishes_for(4);
  wishes.sites = 2;
  const auto topology = parse_topology(new_topology_text(wishes).value(), "new").value();
  const GlobalSettings& global = topology.global;
  EXPECT_EQ(global.site_clock_tick, defaults.site_clock_tick);
  EXPECT_EQ(global.sign_period, defaults.sign_period);
  EXPECT_EQ(global.hurry_rate, defaults.hurry_rate);
  EXPECT_EQ(global.clock_bound, defaults.clock_bound);
  EXPECT_EQ(global.prime.eager, defaults.prime.eager);
  EXPECT_EQ(global.prime.flood_on_request, defaults.prime.flood_on_request);
  EXPECT_EQ(global.prime.po_request_period, defaults.prime.po_request_period);
  EXPECT_EQ(global.prime.delta_pp, defaults.prime.delta_pp);
  EXPECT_EQ(global.prime.rtt_ping_period, defaults.prime.rtt_ping_period);
  EXPECT_EQ(topology.wan.link.ip_mtu, kDefaultPathIpBytes);
  EXPECT_GT(topology.wan_pair(SiteId(0), SiteId(1)).delay, Duration());
}

TEST(TopologyTextTest, wishes_for_sites_that_cannot_be_met_are_refused) {
  const auto refusal = [](auto change) {
    NewTopology wishes = wishes_for(4);
    change(wishes);
    const auto text = new_topology_text(wishes);
    return text.ok() ? "" : text.error().message;
  };
  EXPECT_EQ(refusal([](auto& wishes) { wishes.sites = 0; }), "there cannot be 0 sites; write 1 to 16");
  EXPECT_EQ(refusal([](auto& wishes) { wishes.sites = 17; }), "there cannot be 17 sites; write 1 to 16");
  EXPECT_NE(refusal([](auto& wishes) { wishes.f_global = 0; }).find("one site alone has no F"), std::string::npos);
  EXPECT_EQ(refusal([](auto& wishes) { wishes.link = LinkKind::erasure; }),
            "one site alone has no link to others; ask for several sites, or leave it out");
  EXPECT_EQ(refusal([](auto& wishes) { wishes.wan_ports = {"inproc"}; }),
            "one site alone has no wan port towards others; ask for several sites, or leave it out");
  const std::string too_many = refusal([](auto& wishes) {
    wishes.sites = 4;
    wishes.f_global = 2;
  });
  EXPECT_EQ(too_many.rfind("there are 4 sites, too few for f = 2 in [global]; make it 7 sites", 0), 0U) << too_many;
  const std::string ports = refusal([](auto& wishes) {
    wishes.sites = 2;
    wishes.wan_ports = {"af_packet:a", "af_packet:b", "af_packet:c", "af_packet:d"};
  });
  EXPECT_EQ(ports, "4 wan ports for 8 servers; give one for all or one for each");
}

TEST(TopologyTextTest, the_text_spells_out_the_defaults) {
  const Topology defaults;
  const auto topology = parse_topology(new_topology_text(wishes_for(4)).value(), "new").value();
  EXPECT_EQ(topology.prime.eager, defaults.prime.eager);
  EXPECT_EQ(topology.prime.flood_on_request, defaults.prime.flood_on_request);
  EXPECT_EQ(topology.prime.po_request_period, defaults.prime.po_request_period);
  EXPECT_EQ(topology.prime.po_summary_period, defaults.prime.po_summary_period);
  EXPECT_EQ(topology.prime.summary_matrix_period, defaults.prime.summary_matrix_period);
  EXPECT_EQ(topology.prime.pre_prepare_period, defaults.prime.pre_prepare_period);
  EXPECT_EQ(topology.prime.retransmit_period, defaults.prime.retransmit_period);
  EXPECT_EQ(topology.prime.k_lat, defaults.prime.k_lat);
  EXPECT_EQ(topology.prime.delta_pp, defaults.prime.delta_pp);
  EXPECT_EQ(topology.prime.reconciliation_delay, defaults.prime.reconciliation_delay);
  EXPECT_EQ(topology.prime.max_updates_per_request, defaults.prime.max_updates_per_request);
  EXPECT_EQ(topology.prime.preorder_window, defaults.prime.preorder_window);
  EXPECT_EQ(topology.prime.ordering_window, defaults.prime.ordering_window);
  EXPECT_EQ(topology.prime.kept_window, defaults.prime.kept_window);
  EXPECT_EQ(topology.prime.checkpoint_interval, defaults.prime.checkpoint_interval);
  EXPECT_EQ(topology.client.timeout, defaults.client.timeout);
  EXPECT_EQ(topology.link.ip_mtu, defaults.link.ip_mtu);
}

TEST(TopologyTextTest, wishes_that_cannot_be_met_are_refused) {
  for (const std::size_t servers : {0U, 1U, 3U, 5U, 17U, 19U}) {
    const auto text = new_topology_text(wishes_for(servers));
    ASSERT_FALSE(text.ok()) << servers;
    EXPECT_NE(text.error().message.find("a site has 3f + 1: 4, 7, 10, 13 or 16"), std::string::npos);
  }
  NewTopology two_ports = wishes_for(4);
  two_ports.ports = {"af_packet:a", "af_packet:b"};
  EXPECT_EQ(new_topology_text(two_ports).error().message, "2 ports for 4 servers; give one for all or one for each");
  NewTopology no_host = wishes_for(4);
  no_host.hosts.clear();
  EXPECT_EQ(new_topology_text(no_host).error().message, "0 hosts for 4 servers; give one for all or one for each");
}

TEST(TopologyTextTest, a_faulty_wish_is_reported_without_a_place_in_the_text) {
  NewTopology wishes = wishes_for(4);
  wishes.name = "a \"quoted\\ name\n";
  EXPECT_EQ(new_topology_text(wishes).error().message.rfind("system name \"a \"quoted\\ name?\" is not plain", 0), 0U)
      << new_topology_text(wishes).error().message;
  NewTopology port = wishes_for(4);
  port.ports = {"eth0"};
  EXPECT_EQ(new_topology_text(port).error().message.rfind("port \"eth0\" is not known", 0), 0U);
}

}  // namespace
}  // namespace garrison::config
