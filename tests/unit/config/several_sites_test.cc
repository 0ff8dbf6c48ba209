#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "control/config/topology_text.h"
#include "tests/unit/config/edited_text.h"

namespace garrison::config {
namespace {

using crypto::Principal;

std::string text_of(std::size_t sites, std::size_t servers = 4) {
  NewTopology wishes;
  wishes.system = SystemId(7);
  wishes.sites = sites;
  wishes.servers = servers;
  auto text = new_topology_text(wishes);
  EXPECT_TRUE(text.ok()) << text.error().message;
  return text.value();
}

Topology parsed(const std::string& text) {
  auto topology = parse_topology(text, "t.toml");
  EXPECT_TRUE(topology.ok()) << topology.error().message;
  return std::move(topology).value();
}

// `text` from the line "[global]" on, edited there.
std::string in_global(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find("[global]\n");
  EXPECT_NE(at, std::string::npos);
  return text.substr(0, at) + replaced(text.substr(at), from, to);
}

void expect_global_fault(std::string_view from, const std::string& to, std::string_view what, std::size_t sites = 4) {
  expect_fault_in(text_of(sites), from, to, what, "[global]\n");
}

std::string with_pair(const std::string& pair, std::size_t sites = 3) {
  return replaced(text_of(sites), "# [[wan.pair]]", "[[wan.pair]]\n" + pair + "\n# [[wan.pair]]");
}

TEST(SeveralSitesTest, each_site_has_its_servers_with_ports_to_both_networks) {
  const Topology topology = parsed(text_of(3, 7));
  ASSERT_EQ(topology.sites.size(), 3U);
  const ServerSettings* b7 = topology.find_server("B7");
  ASSERT_NE(b7, nullptr);
  EXPECT_EQ(topology.sites[1].id, SiteId(1));
  EXPECT_EQ(topology.sites[1].name, "B");
  EXPECT_EQ(b7->lan.ip, (Ipv4Address{10, 1, 1, 7}));
  EXPECT_EQ(b7->lan.mac, (MacAddress{2, 0, 0, 0, 1, 7}));
  ASSERT_TRUE(b7->wan.has_value());
  EXPECT_EQ(b7->wan->ip, (Ipv4Address{10, 2, 1, 7}));
  EXPECT_EQ(b7->wan->mac, (MacAddress{2, 0, 0, 1, 1, 7}));
  EXPECT_EQ(b7->wan->udp_port, 7701);
  EXPECT_FALSE(b7->wan->gateway.has_value());
  EXPECT_EQ(b7->client, (Endpoint{{127, 0, 0, 1}, 7107}));
  EXPECT_EQ(b7->admin, (Endpoint{{127, 0, 0, 1}, 9207}));
  EXPECT_EQ(topology.find_server("D1"), nullptr);
}

TEST(SeveralSitesTest, every_number_of_sites_reads_back_with_the_highest_f) {
  for (std::size_t sites = 2; sites <= kMaxSitesPerTopology; ++sites) {
    const Topology topology = parsed(text_of(sites, 16));
    EXPECT_EQ(topology.sites.size(), sites);
    EXPECT_EQ(topology.global.f, (sites - 1) / 3);
    EXPECT_EQ(topology.wan.pairs.size(), sites * (sites - 1) / 2);
  }
}

TEST(SeveralSitesTest, tables_that_are_absent_have_defaults_that_fit) {
  std::string text = text_of(4);
  const std::size_t from = text.find("[global]\n");
  text.erase(from, text.find("[[site]]") - from);
  const Topology topology = parsed(text);
  EXPECT_EQ(topology.global.f, 1U);
  EXPECT_EQ(topology.global.site_clock_tick, milliseconds(10));
  EXPECT_EQ(topology.global.sign_period, milliseconds(20));
  EXPECT_FALSE(topology.global.hurry_rate.has_value());
  EXPECT_EQ(topology.global.prime.delta_pp, wide_area_prime().delta_pp);
  EXPECT_EQ(topology.wan.pairs.size(), 6U);
  EXPECT_EQ(topology.wan.link.ip_mtu, kDefaultPathIpBytes);
  EXPECT_FALSE(topology.wan.rate.has_value());
  for (const WanPair& pair : topology.wan.pairs) {
    EXPECT_EQ(pair.kind, LinkKind::erasure);
    EXPECT_EQ(pair.delay, Duration());
    EXPECT_FALSE(pair.rate.has_value());
  }
}

TEST(SeveralSitesTest, every_setting_of_the_global_protocol_is_read) {
  std::string text = text_of(4);
  const std::pair<const char*, const char*> edits[] = {
      {"f = 1", "f = 0"},
      {"site_clock_tick = \"10ms\"", "site_clock_tick = \"5ms\""},
      {"site_clock_rest = \"30ms\"", "site_clock_rest = \"25ms\""},
      {"sign_period = \"20ms\"", "sign_period = \"15ms\""},
      {"# hurry_rate = \"5Mbit/s\"", "hurry_rate = \"3Mbit/s\""},
      {"clock_bound = \"400ms\"", "clock_bound = \"401ms\""},
      {"eager = false", "eager = true"},
      {"flood_on_request = true", "flood_on_request = false"},
      {"po_request_period = \"50ms\"", "po_request_period = \"51ms\""},
      {"po_summary_period = \"50ms\"", "po_summary_period = \"52ms\""},
      {"summary_matrix_period = \"50ms\"", "summary_matrix_period = \"53ms\""},
      {"pre_prepare_period = \"50ms\"", "pre_prepare_period = \"54ms\""},
      {"retransmit_period = \"2s\"", "retransmit_period = \"3s\""},
      {"k_lat = 2", "k_lat = 3"},
      {"delta_pp = \"250ms\"", "delta_pp = \"251ms\""},
      {"checkpoint_interval = 64", "checkpoint_interval = 32"},
  };
  for (const auto& [from, to] : edits) text = in_global(text, from, to);
  const Topology topology = parsed(text);
  const GlobalSettings& global = topology.global;
  EXPECT_EQ(global.protocol, GlobalProtocol::prime);
  EXPECT_EQ(global.f, 0U);
  EXPECT_EQ(global.site_clock_tick, milliseconds(5));
  EXPECT_EQ(global.site_clock_rest, milliseconds(25));
  EXPECT_EQ(global.sign_period, milliseconds(15));
  EXPECT_EQ(global.hurry_rate, BitRate{3'000'000});
  EXPECT_EQ(global.clock_bound, milliseconds(401));
  EXPECT_TRUE(global.prime.eager);
  EXPECT_FALSE(global.prime.flood_on_request);
  EXPECT_EQ(global.prime.po_request_period, milliseconds(51));
  EXPECT_EQ(global.prime.po_summary_period, milliseconds(52));
  EXPECT_EQ(global.prime.summary_matrix_period, milliseconds(53));
  EXPECT_EQ(global.prime.pre_prepare_period, milliseconds(54));
  EXPECT_EQ(global.prime.retransmit_period, seconds(3));
  EXPECT_EQ(global.prime.k_lat, 3U);
  EXPECT_EQ(global.prime.delta_pp, milliseconds(251));
  EXPECT_EQ(global.prime.checkpoint_interval, 32U);
  // The table of the sites themselves has the same keys.
  EXPECT_EQ(topology.prime.po_request_period, PrimeSettings{}.po_request_period);
}

TEST(SeveralSitesTest, every_setting_of_the_wide_area_is_read) {
  std::string text = with_pair("between = [\"C\", \"A\"]\nkind = \"erasure\"\ndelay = \"7ms\"\nrate = \"1500kbit/s\"");
  text = replaced(text, "kind = \"erasure\"  #", "kind = \"naive\"  #");
  text = replaced(text, "# rate = \"10Mbit/s\"", "rate = \"10Mbit/s\"");
  text = replaced(text, "delay = \"20ms\"", "delay = \"30ms\"");
  const std::size_t wan = text.find("[wan]");
  text = text.substr(0, wan) +
         replaced(replaced(text.substr(wan), "ip_mtu = 1400", "ip_mtu = 1280"), "lossy = false", "lossy = true");
  const Topology topology = parsed(text);
  EXPECT_EQ(topology.wan.link.ip_mtu, 1280U);
  EXPECT_TRUE(topology.wan.link.lossy);
  EXPECT_EQ(topology.link.ip_mtu, 1400U);
  EXPECT_EQ(topology.wan.rate, BitRate{10'000'000});
  const WanPair& ac = topology.wan_pair(SiteId(2), SiteId(0));
  EXPECT_EQ(ac.first, SiteId(0));
  EXPECT_EQ(ac.second, SiteId(2));
  EXPECT_EQ(ac.kind, LinkKind::erasure);
  EXPECT_EQ(ac.delay, milliseconds(7));
  EXPECT_EQ(ac.rate, BitRate{1'500'000});
  for (const SiteId other : {SiteId(0), SiteId(2)}) {
    const WanPair& pair = topology.wan_pair(SiteId(1), other);
    EXPECT_EQ(pair.kind, LinkKind::naive);
    EXPECT_EQ(pair.delay, milliseconds(30));
    EXPECT_FALSE(pair.rate.has_value());
  }
}

TEST(SeveralSitesTest, a_port_to_the_wide_area_may_have_a_gateway) {
  std::string text = text_of(2);
  for (std::size_t at = 0; (at = text.find("wan = { port = \"inproc\"", at)) != std::string::npos; ++at) {
    text.replace(at, 23, "wan = { port = \"af_packet:wan0\"");
  }
  text = replaced(text, "delay = \"20ms\"", "# delay");
  text = replaced(text, "udp_port = 7701 }", "udp_port = 7701, gateway = \"02:00:00:00:00:fe\" }");
  const Topology topology = parsed(text);
  const WanPortSettings& port = *topology.find_server("A1")->wan;
  EXPECT_EQ(port.port, PortSettings::Port::af_packet);
  EXPECT_EQ(port.device, "wan0");
  EXPECT_EQ(port.gateway, (MacAddress{2, 0, 0, 0, 0, 0xfe}));
  EXPECT_FALSE(topology.find_server("B4")->wan->gateway.has_value());
  EXPECT_EQ(topology.find_server("A1")->lan.port, PortSettings::Port::inproc);
}

TEST(SeveralSitesTest, sites_may_differ_in_size) {
  // The last three servers of B go, and their f with them.
  std::string text = text_of(2, 7);
  const std::size_t b = text.find("[[site]]\nname = \"B\"");
  std::string site = replaced(text.substr(b), "f = 2", "f = 1");
  site.erase(site.find("[[site.server]]\nname = \"B5\""));
  const Topology topology = parsed(text.substr(0, b) + site);
  EXPECT_EQ(topology.sites[0].n(), 7U);
  EXPECT_EQ(topology.sites[0].f, 2U);
  EXPECT_EQ(topology.sites[1].n(), 4U);
  EXPECT_EQ(topology.sites[1].f, 1U);
  EXPECT_EQ(topology.principals().size(), 7U + 4U + topology.client.count);
  EXPECT_TRUE(topology.has(Principal::server(SiteId(0), ServerId(6))));
  EXPECT_FALSE(topology.has(Principal::server(SiteId(1), ServerId(4))));
  EXPECT_FALSE(topology.has(Principal::server(SiteId(2), ServerId(0))));
  EXPECT_FALSE(topology.has(Principal::of_site(SiteId(0)))) << "its keys are its servers' parts";
}

TEST(SeveralSitesTest, clients_belong_to_sites_in_turn) {
  const Topology topology = parsed(text_of(3));
  EXPECT_EQ(topology.home_of(ClientId(0)).name, "A");
  EXPECT_EQ(topology.home_of(ClientId(1)).name, "B");
  EXPECT_EQ(topology.home_of(ClientId(2)).name, "C");
  EXPECT_EQ(topology.home_of(ClientId(3)).name, "A");
  NewTopology one;
  one.system = SystemId(7);
  EXPECT_EQ(parsed(new_topology_text(one).value()).home_of(ClientId(3)).name, "A");
}

TEST(SeveralSitesTest, names_follow_the_order) {
  expect_fault_in(text_of(2), "name = \"B\"", "name = \"C\"", "this site is B by its place in the file");
  expect_fault_in(text_of(2), "name = \"B1\"", "name = \"A1\"", "this server is B1 by its place in the file");
}

TEST(SeveralSitesTest, there_are_at_most_sixteen_sites) {
  const std::string text = text_of(16) + "[[site]]\n";
  const std::size_t last = text.rfind("[[site]]");
  expect_fault_at(text, place_of(text, last), "there are 17 sites; a deployment has at most 16");
}

TEST(SeveralSitesTest, a_port_to_the_wide_area_is_there_exactly_when_there_are_several_sites) {
  std::string text = text_of(2);
  const std::size_t wan = text.find("wan = {");
  text.erase(wan, text.find('\n', wan) - wan);
  expect_fault_at(text, position(text, "[[site.server]]"), "\"wan\" is missing in [[site.server]] A1");
  NewTopology one;
  one.system = SystemId(7);
  expect_fault_in(new_topology_text(one).value(), "client = \"127.0.0.1:7001\"",
                  "wan = { port = \"inproc\", mac = \"02:00:00:01:00:01\", ip = \"10.2.0.1\", udp_port = 7701 }\n"
                  "client = \"127.0.0.1:7001\"",
                  "one site has no other to talk to");
}

TEST(SeveralSitesTest, what_is_of_several_sites_is_a_fault_where_there_is_one) {
  NewTopology one;
  one.system = SystemId(7);
  for (const std::string table : {"global", "wan"}) {
    const std::string text = new_topology_text(one).value() + "[" + table + "]\n";
    const std::size_t at = text.rfind("[");
    expect_fault_at(text, place_of(text, at), "[" + table + "] is for several sites");
  }
}

TEST(SeveralSitesTest, addresses_are_not_shared_between_networks_and_sites) {
  expect_fault_in(text_of(2), "mac = \"02:00:00:01:00:01\"", "mac = \"02:00:00:00:00:01\"",
                  "mac 02:00:00:00:00:01 is that of server A1 already; give the wan port of server A1 another");
  expect_fault_in(text_of(2), "ip = \"10.2.1.1\"", "ip = \"10.2.0.2\"",
                  "ip 10.2.0.2 is that of the wan port of server A2 already; give the wan port of server B1");
  expect_fault_in(text_of(2), "ip = \"10.1.1.3\"", "ip = \"10.1.0.3\"",
                  "ip 10.1.0.3 is that of server A3 already; give server B3 another");
  expect_fault_in(text_of(2), "client = \"127.0.0.1:7101\"", "client = \"127.0.0.1:7001\"",
                  "TCP address 127.0.0.1:7001 is that of server A1 already; give server B1 another");
}

TEST(SeveralSitesTest, inproc_ports_reach_no_others_on_either_network) {
  const std::string text = text_of(2);
  expect_fault_in(text, "port = \"inproc\", mac = \"02:00:00:01:01:04\"",
                  "port = \"net_null0\", mac = \"02:00:00:01:01:04\"",
                  "give the wan of every server and forwarder \"inproc\"");
  expect_fault_in(text, "port = \"inproc\", mac = \"02:00:00:00:01:02\"",
                  "port = \"net_null0\", mac = \"02:00:00:00:01:02\"", "give every server of site B \"inproc\"");
}

TEST(SeveralSitesTest, a_port_to_the_wide_area_is_checked_as_the_other_one_is) {
  const std::string text = text_of(2);
  expect_fault_in(text, "mac = \"02:00:00:01:00:01\"", "mac = \"03:00:00:01:00:01\"", "not the address of one");
  expect_fault_in(text, "ip = \"10.2.0.1\"", "ip = \"10.2.0\"", "is not an IPv4 address");
  expect_fault_in(text, "udp_port = 7701", "udp_port = 0", "is out of range");
  EXPECT_NE(
      fault(replaced(text, "udp_port = 7701", "udp_prt = 7701")).find("unknown key \"udp_prt\" in wan of server A1"),
      std::string::npos);
  const std::string with = "udp_port = 7701, gateway = ";
  for (const auto& [gateway, what] : {std::pair("\"02:00:00:00:00:fe\"", "without a gateway; take it away"),
                                      std::pair("\"01:00:00:00:00:fe\"", "not the address of one station"),
                                      std::pair("\"router\"", "is not a MAC address")}) {
    const std::string edited = replaced(text, "udp_port = 7701", with + gateway);
    expect_fault_at(edited, position(edited, with, with.size()), what);
  }
}

TEST(SeveralSitesTest, a_blink_timeout_leaves_time_for_an_acknowledgement) {
  // Twice 20 ms for the way and 100 ms for what a site says, 250 ms of the acknowledgement timer, f + 2 orderings.
  const auto with = [](const char* timeout) {
    return replaced(text_of(2), "kind = \"erasure\"",
                    "kind = \"blink\"\nblink_timeout = \"" + std::string(timeout) + "\"");
  };
  EXPECT_NE(fault(with("699ms")).find("an acknowledgement between A and B may take 700ms; raise it"),
            std::string::npos);
  EXPECT_EQ(parsed(with("700ms")).wan.blink_timeout, milliseconds(700));
  EXPECT_EQ(parsed(replaced(text_of(2), "kind = \"erasure\"", "kind = \"blink\"")).wan.blink_timeout, seconds(2));
}

TEST(SeveralSitesTest, a_hub_timeout_is_fixed_or_has_a_longest_one) {
  const auto with = [](const std::string& longest) {
    return replaced(text_of(2), "kind = \"erasure\"", "kind = \"hub-optimistic\"\nhub_timeout = \"30ms\"" + longest);
  };
  EXPECT_EQ(parsed(with("")).wan.longest_hub_timeout, std::nullopt);
  EXPECT_EQ(parsed(with("\nlongest_hub_timeout = \"90ms\"")).wan.longest_hub_timeout, milliseconds(90));
  EXPECT_NE(fault(with("\nlongest_hub_timeout = \"29ms\"")).find("longest_hub_timeout = \"29ms\" is out of range"),
            std::string::npos);
}

TEST(SeveralSitesTest, f_of_the_sites_fits_their_number) {
  expect_global_fault("f = 1", "f = 2", "there are 4 sites, too few for f = 2 in [global]; make it 7 sites or f = 1");
  expect_global_fault("f = 1", "f = 6", "f = 6 is out of range; write an integer of 0..5");
  expect_global_fault("f = 0", "f = 1", "make it 4 sites or f = 0", 2);
  EXPECT_EQ(parsed(in_global(text_of(7), "f = 2", "f = 1")).global.f, 1U);
}

TEST(SeveralSitesTest, durations_that_the_site_clock_cannot_keep_are_faults) {
  expect_global_fault("clock_bound = \"400ms\"", "clock_bound = \"399ms\"", "raise it to 400ms");
  expect_global_fault("site_clock_rest = \"30ms\"", "site_clock_rest = \"9ms\"",
                      "site_clock_rest is 9ms, less than site_clock_tick = 10ms");
  expect_global_fault("delta_pp = \"250ms\"", "delta_pp = \"229ms\"",
                      "a correct leader site would be suspected; raise");
  expect_global_fault("delta_pp = \"250ms\"", "delta_pp = \"49ms\"", "is out of range");
  for (const char* period : {"po_request_period", "po_summary_period", "summary_matrix_period", "pre_prepare_period",
                             "tat_measure_period"}) {
    expect_global_fault(std::string(period) + " = \"50ms\"", std::string(period) + " = \"9ms\"",
                        "moves once per tick of 10ms; raise it, or lower site_clock_tick");
  }
  expect_global_fault("rtt_ping_period = \"1s\"", "rtt_ping_period = \"9ms\"", "moves once per tick of 10ms");
  expect_global_fault("sign_period = \"20ms\"", "sign_period = \"9ms\"", "moves once per tick of 10ms");
  expect_global_fault("site_clock_tick = \"10ms\"", "site_clock_tick = \"100us\"", "is out of range");
  for (const auto& [from, to] : {std::pair("site_clock_rest = \"30ms\"", "site_clock_rest = \"10ms\""),
                                 std::pair("delta_pp = \"250ms\"", "delta_pp = \"230ms\"")}) {
    parsed(in_global(text_of(4), from, to));
  }
}

TEST(SeveralSitesTest, slower_local_ordering_wants_a_wider_clock_bound_also_when_only_it_is_written) {
  std::string text = replaced(text_of(2), "delta_pp = \"20ms\"", "delta_pp = \"120ms\"");
  EXPECT_NE(fault(text).find("clock_bound is 400ms, less than four times a tick of 30ms and the 170ms"),
            std::string::npos)
      << fault(text);
  const std::size_t from = text.find("[global]\n");
  text.erase(from, text.find("[[site]]") - from);
  EXPECT_NE(fault(text).find("raise it to 800ms"), std::string::npos) << fault(text);
}

TEST(SeveralSitesTest, keys_and_words_of_the_tables_are_checked) {
  expect_global_fault("protocol = \"prime\"", "protocol = \"paxos\"", "use one of prime");
  const std::string text = text_of(2);
  EXPECT_NE(fault(in_global(text, "clock_bound =", "clock_bund =")).find("did you mean \"clock_bound\"?"),
            std::string::npos);
  EXPECT_NE(fault(in_global(text, "k_lat =", "klat =")).find("unknown key \"klat\" in [global]"), std::string::npos);
  expect_fault_in(text, "kind = \"erasure\"", "kind = \"hub\"", "use one of erasure, naive");
  expect_fault_in(text, "delay = \"20ms\"", "delay = \"11s\"", "is out of range");
  for (const char* rate : {"10", "10Mbps", "0bit/s", "1.5Mbit/s", "-1bit/s", "10Gbit"}) {
    expect_fault_in(text, "# rate = \"10Mbit/s\"", std::string("rate = \"") + rate + '"', "is not a rate; write");
  }
}

TEST(SeveralSitesTest, a_pair_names_two_sites_once) {
  const auto expect = [](const std::string& between, std::string_view what) {
    const std::string text = with_pair("between = " + between);
    expect_fault_at(text, position(text, "between = " + between, 10), what);
  };
  for (const char* between : {"[]", "[\"A\"]", "[\"A\", \"A\"]", "[\"A\", \"D\"]", "[\"A\", \"B\", \"C\"]",
                              "[\"A\", \"B1\"]", "[\"A\", \"B\", \"X\"]"}) {
    expect(between, "between names no two sites of this file; write two of A to C");
  }
  expect("\"A\"", "between is text");
  const std::string twice = with_pair("between = [\"A\", \"C\"]\n[[wan.pair]]\nbetween = [\"C\", \"A\"]");
  expect_fault_at(twice, position(twice, "[\"C\", \"A\"]"), "A and C have a [[wan.pair]] already");
  const std::string nobody = with_pair("kind = \"naive\"");
  expect_fault_at(nobody, position(nobody, "[[wan.pair]]"), "\"between\" is missing in [[wan.pair]]");
}

TEST(SeveralSitesTest, a_pair_gets_no_more_than_its_sites_may_send) {
  const std::string pair = "between = [\"A\", \"B\"]\nrate = \"11Mbit/s\"";
  const std::string text = replaced(with_pair(pair), "# rate =", "rate =");
  expect_fault_at(text, position(text, "\"11Mbit/s\""), "at most 10Mbit/s in all ([wan] rate), so not 11Mbit/s");
  EXPECT_EQ(parsed(with_pair(pair)).wan_pair(SiteId(0), SiteId(1)).rate, BitRate{11'000'000});
}

TEST(SeveralSitesTest, delay_is_of_inproc_ports_alone) {
  std::string text = text_of(2);
  for (std::size_t at = 0; (at = text.find("wan = { port = \"inproc\"", at)) != std::string::npos; ++at) {
    text.replace(at, 23, "wan = { port = \"net_null0\"");
  }
  expect_fault_at(text, position(text, "\"20ms\"  # one way"), "delay is of the network inside one process");
}

TEST(SeveralSitesTest, a_naive_link_has_no_more_copies_than_can_be_told_apart) {
  const auto naive = [](std::size_t servers) {
    return replaced(text_of(2, servers), "kind = \"erasure\"", "kind = \"naive\"");
  };
  EXPECT_EQ(parsed(naive(13)).wan.pairs.front().kind, LinkKind::naive) << "25 copies";
  EXPECT_NE(fault(naive(16)).find("36 copies"), std::string::npos);
}

std::string with_forwarders(bool backups) {
  NewTopology wishes;
  wishes.system = SystemId(7);
  wishes.sites = 2;
  wishes.link = LinkKind::forwarder;
  wishes.backup_forwarders = backups;
  return new_topology_text(wishes).value();
}

TEST(SeveralSitesTest, each_site_has_a_forwarder_and_may_have_a_backup) {
  const Topology one = parsed(with_forwarders(false));
  EXPECT_EQ(one.wan.pairs.front().kind, LinkKind::forwarder);
  EXPECT_EQ(one.sites[0].forwarders.size(), 1U);
  const Topology both = parsed(with_forwarders(true));
  ASSERT_EQ(both.sites[1].forwarders.size(), 2U);
  EXPECT_EQ(both.sites[1].forwarders[1].local, (Endpoint{{127, 0, 0, 1}, 7152}));
  EXPECT_EQ(both.sites[1].forwarders[1].wan, (Endpoint{{127, 0, 0, 1}, 7152}));
  EXPECT_EQ(both.sites[1].forwarders[1].admin, (Endpoint{{127, 0, 0, 1}, 9252}));
  EXPECT_EQ(both.principals().back(), Principal::forwarder(SiteId(1), 1));
  EXPECT_TRUE(both.has(Principal::forwarder(SiteId(1), 1)));
  EXPECT_FALSE(one.has(Principal::forwarder(SiteId(1), 1)));
}

TEST(SeveralSitesTest, a_forwarder_may_have_a_port_of_its_own) {
  NewTopology wishes;
  wishes.system = SystemId(7);
  wishes.sites = 2;
  wishes.link = LinkKind::forwarder;
  wishes.forwarders_inside = true;
  const std::string inside = new_topology_text(wishes).value();
  const Topology topology = parsed(inside);
  ASSERT_TRUE(topology.sites[1].forwarders[0].wan_port.has_value());
  EXPECT_EQ(topology.sites[1].forwarders[0].wan_port->mac, (MacAddress{2, 0, 0, 1, 1, 50}));
  EXPECT_EQ(topology.sites[1].forwarders[0].wan, (Endpoint{{10, 2, 1, 50}, 7701}));
  EXPECT_FALSE(parsed(with_forwarders(false)).sites[1].forwarders[0].wan_port.has_value());

  const auto edited = [&](std::string_view from, std::string_view to) { return fault(replaced(inside, from, to)); };
  const std::string port = "mac = \"02:00:00:01:00:32\", ip = \"10.2.0.50\", udp_port = 7701";
  // The address of a server's port; a NIC among ports inside one process; no address to send to.
  EXPECT_NE(edited("ip = \"10.2.0.50\"", "ip = \"10.2.0.1\"").find("already"), std::string::npos);
  EXPECT_NE(edited("{ port = \"inproc\", " + port, "{ port = \"0000:3b:00.0\", " + port).find("reaches no other"),
            std::string::npos);
  EXPECT_NE(edited(port, "ip = \"10.2.0.50\", udp_port = 7701").find("\"mac\" is missing"), std::string::npos);
  // One that has no MAC can be reached through a router only.
  const std::string other = "{ port = \"inproc\", mac = \"02:00:00:01:01:32\", ip = \"10.2.1.50\", udp_port = 7701 }";
  EXPECT_NE(edited(other, "\"127.0.0.1:9999\"").find("no gateway"), std::string::npos);
}

TEST(SeveralSitesTest, forwarders_are_there_exactly_where_links_need_them) {
  EXPECT_NE(fault(replaced(text_of(2), "kind = \"erasure\"", "kind = \"forwarder\"")).find("and it has none"),
            std::string::npos);
  EXPECT_NE(
      fault(replaced(with_forwarders(false), "kind = \"forwarder\"", "kind = \"erasure\"")).find("no link of that"),
      std::string::npos);
  EXPECT_NE(fault(replaced(with_forwarders(true), "\nforwarder = ", "\n# ")).find("there is none"), std::string::npos);
  EXPECT_NE(fault(replaced(with_forwarders(true), "127.0.0.1:7052", "127.0.0.1:7051")).find("already"),
            std::string::npos);
}

TEST(SeveralSitesTest, bft_orders_no_events_of_a_site) {
  std::string text = replaced(text_of(2), "local = \"prime\"", "local = \"bft\"");
  text = replaced(text, "pattern = \"one\"", "pattern = \"all\"");
  expect_fault_at(text, position(text, "[protocol]"), "which BFT cannot; write local = \"prime\"");
}

void expect_explained(const std::string& text, std::initializer_list<const char*> parts) {
  const std::string explained = explain(parsed(text));
  for (const char* part : parts) EXPECT_NE(explained.find(part), std::string::npos) << part << "\n" << explained;
}

TEST(SeveralSitesTest, explain_says_what_the_loss_of_sites_does) {
  expect_explained(text_of(2), {"sites: N = 2, F = 0, quorum 2", "the loss of either site stops the other"});
  expect_explained(text_of(3), {"sites: N = 3, F = 0", "tolerates no faulty site", "four sites to go on without one"});
  expect_explained(text_of(4), {"sites: N = 4, F = 1, quorum 3", "tolerates 1 site in the hands", "3 are back"});
  expect_explained(text_of(7), {"sites: N = 7, F = 2, quorum 5", "tolerates 2 sites", "more than 2 silent"});
  expect_explained(in_global(text_of(5), "f = 1", "f = 0"), {"F = 0, quorum 3", "f = 1 in [global] to go on"});
}

TEST(SeveralSitesTest, explain_says_what_links_cost) {
  expect_explained(text_of(3),
                   {"  all  erasure: 4 parts, any 2 of them decode; overhead 2.00, 4 local orderings, 20ms"});
  expect_explained(text_of(2, 7), {"erasure: 7 parts, any 3 of them decode; overhead 2.33, 7 local orderings"});
  expect_explained(with_pair("between = [\"A\", \"C\"]\nkind = \"naive\"\nrate = \"5Mbit/s\""),
                   {"  A-B B-C  erasure: ",
                    "  A-C  naive: f + 1 servers send the whole message to f + 1 each; overhead 4, at most 2 local "
                    "orderings, 20ms one way, at most 5Mbit/s"});
}

TEST(SeveralSitesTest, explain_says_what_a_site_has_towards_others) {
  expect_explained(
      replaced(text_of(2), "# rate =", "rate ="),
      {"a site sends at most 10Mbit/s", "wan inproc 02:00:00:01:01:04 10.2.1.4:7701", "c1 of A, c2 of B",
       "a tick every 10ms, or 30ms at rest, ordered within 70ms", "prime of the sites: once every, PO-REQUEST 50ms",
       "a leader site is replaced when its turnaround exceeds 2 round trips and 250ms"});
}

}  // namespace
}  // namespace garrison::config
