#include "control/config/topology.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "control/config/topology_text.h"
#include "tests/unit/config/edited_text.h"

namespace garrison::config {
namespace {

using crypto::Principal;
using crypto::Scheme;

std::string valid_text() {
  NewTopology wishes;
  wishes.system = SystemId(7);
  auto text = new_topology_text(wishes);
  EXPECT_TRUE(text.ok());
  return text.value();
}

void expect_fault_at_value(std::string_view from, const std::string& to, std::string_view what) {
  expect_fault_in(valid_text(), from, to, what);
}

TEST(TopologyTest, a_small_file_gets_the_defaults) {
  const auto topology = parse_topology(replaced(valid_text(), "po_request_period = \"10ms\"\n", ""), "t.toml");
  ASSERT_TRUE(topology.ok()) << topology.error().message;
  EXPECT_EQ(topology.value().prime.po_request_period, PrimeSettings{}.po_request_period);
}

TEST(TopologyTest, every_setting_is_read) {
  std::string text = valid_text();
  const std::pair<const char*, const char*> edits[] = {
      {"server_scheme = \"ed25519\"", "server_scheme = \"rsa2048\""},
      {"client_scheme = \"ed25519\"", "client_scheme = \"rsa3072\""},
      {"# site_scheme = \"shoup-rsa2048\"", "site_scheme = \"shoup-rsa3072\""},
      {"key_epoch = 1", "key_epoch = 9"},
      {"kind = \"kv\"", "kind = \"null\""},
      {"count = 4", "count = 12"},
      {"window = 64", "window = 8"},
      {"timeout = \"250ms\"", "timeout = \"2s\""},
      {"pattern = \"one\"", "pattern = \"f+1\""},
      {"ip_mtu = 1400", "ip_mtu = 1500"},
      {"lossy = false", "lossy = true"},
      {"dedicated = false", "dedicated = true"},
      {"hugepages = true", "hugepages = false"},
      {"eager = true", "eager = false"},
      {"flood_on_request = false", "flood_on_request = true"},
      {"po_request_period = \"10ms\"", "po_request_period = \"11us\""},
      {"po_summary_period = \"10ms\"", "po_summary_period = \"12us\""},
      {"summary_matrix_period = \"10ms\"", "summary_matrix_period = \"13us\""},
      {"pre_prepare_period = \"10ms\"", "pre_prepare_period = \"14us\""},
      {"retransmit_period = \"200ms\"", "retransmit_period = \"15ms\""},
      {"k_lat = 2", "k_lat = 3"},
      {"delta_pp = \"20ms\"", "delta_pp = \"41us\""},
      {"tat_measure_period = \"5ms\"", "tat_measure_period = \"16us\""},
      {"rtt_ping_period = \"100ms\"", "rtt_ping_period = \"17us\""},
      {"reconciliation_delay = \"5ms\"", "reconciliation_delay = \"0ms\""},
      {"max_updates_per_request = 256", "max_updates_per_request = 16"},
      {"preorder_window = 256", "preorder_window = 170"},
      {"ordering_window = 256", "ordering_window = 18"},
      {"kept_window = 1024", "kept_window = 19"},
      {"checkpoint_interval = 64", "checkpoint_interval = 7"},
      {"port = \"inproc\"", "port = \"af_packet:eth0\""},
      {"port = \"inproc\"", "port = \"0000:3b:00.0\""},
      {"port = \"inproc\"", "port = \"net_memif0,role=client\""},
      {"port = \"inproc\"", "port = \"af_packet:eth3\""},
  };
  for (const auto& [from, to] : edits) text = replaced(text, from, to);
  const auto parsed = parse_topology(text, "t.toml");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  const Topology& topology = parsed.value();
  EXPECT_EQ(topology.file, "t.toml");
  EXPECT_EQ(topology.name, "garrison");
  EXPECT_EQ(topology.system, SystemId(7));
  EXPECT_EQ(topology.crypto.server_scheme, Scheme::rsa2048);
  EXPECT_EQ(topology.crypto.client_scheme, Scheme::rsa3072);
  EXPECT_EQ(topology.site_scheme(), crypto::ThresholdScheme::shoup_rsa3072);
  EXPECT_EQ(topology.crypto.epoch, KeyEpoch(9));
  EXPECT_EQ(topology.service, ServiceKind::null);
  EXPECT_EQ(topology.client.count, 12U);
  EXPECT_EQ(topology.client.window, 8U);
  EXPECT_EQ(topology.client.timeout, seconds(2));
  EXPECT_EQ(topology.client.pattern, ClientPattern::f_plus_one);
  EXPECT_EQ(topology.link.ip_mtu, 1500U);
  EXPECT_TRUE(topology.link.lossy);
  EXPECT_TRUE(topology.cores.dedicated);
  EXPECT_FALSE(topology.cores.hugepages);
  EXPECT_FALSE(topology.prime.eager);
  EXPECT_TRUE(topology.prime.flood_on_request);
  EXPECT_EQ(topology.prime.po_request_period, microseconds(11));
  EXPECT_EQ(topology.prime.po_summary_period, microseconds(12));
  EXPECT_EQ(topology.prime.summary_matrix_period, microseconds(13));
  EXPECT_EQ(topology.prime.pre_prepare_period, microseconds(14));
  EXPECT_EQ(topology.prime.retransmit_period, milliseconds(15));
  EXPECT_EQ(topology.prime.k_lat, 3U);
  EXPECT_EQ(topology.prime.delta_pp, microseconds(41));
  EXPECT_EQ(topology.prime.tat_measure_period, microseconds(16));
  EXPECT_EQ(topology.prime.rtt_ping_period, microseconds(17));
  EXPECT_EQ(topology.prime.reconciliation_delay, Duration());
  EXPECT_EQ(topology.prime.max_updates_per_request, 16U);
  EXPECT_EQ(topology.prime.preorder_window, 170U);
  EXPECT_EQ(topology.prime.ordering_window, 18U);
  EXPECT_EQ(topology.prime.kept_window, 19U);
  EXPECT_EQ(topology.prime.checkpoint_interval, 7U);
  const auto& servers = topology.sites.front().servers;
  EXPECT_EQ(servers[0].lan.port, PortSettings::Port::af_packet);
  EXPECT_EQ(servers[0].lan.device, "eth0");
  EXPECT_EQ(servers[1].lan.port, PortSettings::Port::dpdk);
  EXPECT_EQ(servers[1].lan.device, "0000:3b:00.0");
  EXPECT_EQ(servers[2].lan.device, "net_memif0,role=client");
}

TEST(TopologyTest, delta_pp_must_cover_the_leader_s_period_also_when_only_the_period_is_written) {
  std::string text = replaced(valid_text(), "pre_prepare_period = \"10ms\"", "pre_prepare_period = \"30ms\"");
  EXPECT_NE(parse_topology(text, "t.toml").error().message.find("delta_pp"), std::string::npos);
  text = replaced(text, "delta_pp = \"20ms\"", "");
  const auto parsed = parse_topology(text, "t.toml");
  ASSERT_FALSE(parsed.ok());
  EXPECT_NE(parsed.error().message.find("delta_pp is 20ms, below pre_prepare_period = \"30ms\""), std::string::npos)
      << parsed.error().message;
}

std::string bft_text() {
  NewTopology wishes;
  wishes.system = SystemId(7);
  wishes.protocol = LocalProtocol::bft;
  return new_topology_text(wishes).value();
}

TEST(TopologyTest, every_setting_of_bft_is_read) {
  std::string text = bft_text();
  const Topology defaults = parse_topology(text, "t.toml").value();
  EXPECT_EQ(defaults.local_protocol, LocalProtocol::bft);
  EXPECT_EQ(defaults.client.pattern, ClientPattern::all);
  EXPECT_EQ(defaults.bft.authentication, message::Authentication::channel);
  const std::pair<const char*, const char*> edits[] = {
      {"timeout = \"300ms\"", "timeout = \"5s\""},
      {"keep_timeout = false", "keep_timeout = true"},
      {"retransmit_period = \"200ms\"", "retransmit_period = \"15ms\""},
      {"max_updates_per_batch = 256", "max_updates_per_batch = 16"},
      {"pipeline = 4", "pipeline = 1"},
      {"checkpoint_interval = 128", "checkpoint_interval = 10"},
      {"window = 256", "window = 20"},
      {"kept_window = 1024", "kept_window = 30"},
      {"authentication = \"channel\"", "authentication = \"signature\""},
  };
  for (const auto& [from, to] : edits) text = replaced(text, from, to);
  const auto parsed = parse_topology(text, "t.toml");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  const BftSettings& bft = parsed.value().bft;
  EXPECT_EQ(bft.timeout, seconds(5));
  EXPECT_TRUE(bft.keep_timeout);
  EXPECT_EQ(bft.retransmit_period, milliseconds(15));
  EXPECT_EQ(bft.max_updates_per_batch, 16U);
  EXPECT_EQ(bft.pipeline, 1U);
  EXPECT_EQ(bft.checkpoint_interval, 10U);
  EXPECT_EQ(bft.window, 20U);
  EXPECT_EQ(bft.kept_window, 30U);
  EXPECT_EQ(bft.authentication, message::Authentication::signature);
  EXPECT_NE(explain(parsed.value()).find("is never lowered"), std::string::npos);
}

TEST(TopologyTest, bft_numbers_that_do_not_fit_and_clients_that_ask_too_few_are_faults) {
  const std::pair<const char*, const char*> edits[] = {
      {"window = 256", "window = 255"},         {"window = 256", "window = 300"},
      {"pipeline = 4", "pipeline = 257"},       {"pattern = \"all\"", "pattern = \"one\""},
      {"local = \"bft\"", "local = \"paxos\""}, {"authentication = \"channel\"", "authentication = \"mac\""},
  };
  for (const auto& [from, to] : edits) {
    const auto parsed = parse_topology(replaced(bft_text(), from, to), "t.toml");
    ASSERT_FALSE(parsed.ok()) << to;
    EXPECT_TRUE(parsed.error().message.starts_with("t.toml:")) << parsed.error().message;
  }
}

TEST(TopologyTest, servers_carry_their_names_ids_and_addresses) {
  const auto parsed = parse_topology(valid_text(), "t.toml");
  ASSERT_TRUE(parsed.ok());
  const ServerSettings* a3 = parsed.value().find_server("A3");
  ASSERT_NE(a3, nullptr);
  EXPECT_EQ(a3->id, ServerId(2));
  EXPECT_EQ(a3->lan.mac, (MacAddress{2, 0, 0, 0, 0, 3}));
  EXPECT_EQ(a3->lan.ip, (Ipv4Address{10, 1, 0, 3}));
  EXPECT_EQ(a3->lan.udp_port, 7700);
  EXPECT_EQ(a3->client, (Endpoint{{127, 0, 0, 1}, 7003}));
  EXPECT_EQ(a3->admin, (Endpoint{{127, 0, 0, 1}, 9103}));
  for (const char* name : {"A5", "B1", "c1", ""}) EXPECT_EQ(parsed.value().find_server(name), nullptr) << name;
}

TEST(TopologyTest, principals_are_servers_then_clients) {
  auto topology = parse_topology(valid_text(), "t.toml").value();
  topology.client.count = 2;
  topology.crypto.client_scheme = Scheme::rsa2048;
  const auto principals = topology.principals();
  ASSERT_EQ(principals.size(), 6U);
  EXPECT_EQ(principals[3], Principal::server(SiteId(0), ServerId(3)));
  EXPECT_EQ(principals[4], Principal::client(ClientId(0)));
  for (const Principal principal : principals) EXPECT_TRUE(topology.has(principal));
  EXPECT_FALSE(topology.has(Principal::client(ClientId(2))));
  EXPECT_FALSE(topology.has(Principal::server(SiteId(0), ServerId(4))));
  EXPECT_FALSE(topology.has(Principal::server(SiteId(1), ServerId(0))));
  EXPECT_EQ(topology.scheme_of(principals[0]), Scheme::ed25519);
  EXPECT_EQ(topology.scheme_of(principals[4]), Scheme::rsa2048);
}

TEST(TopologyTest, an_unknown_key_is_a_fault_with_the_nearest_known_one) {
  EXPECT_EQ(fault("[system]\nname = \"x\"\n  nmae = \"y\"\nid = 1\n[[site]]\n"),
            "t.toml:3:3: unknown key \"nmae\" in [system]; did you mean \"name\"?");
  EXPECT_EQ(fault("[system]\nname = \"x\"\nid = 1\nfrobnicate = 1\n[[site]]\n"),
            "t.toml:4:1: unknown key \"frobnicate\" in [system]; known here: name, id");
  EXPECT_EQ(fault("[system]\nname = \"x\"\nid = 1\n[pirme]\n"),
            "t.toml:4:2: unknown key \"pirme\" in the file; did you mean \"prime\"?");
}

TEST(TopologyTest, every_table_refuses_unknown_keys) {
  for (const char* header : {"[crypto]\n", "[prime]\n", "[service]\n", "[client]\n", "[link]\n", "[cores]\n",
                             "[[site]]\n", "[[site.server]]\n"}) {
    const std::string text = replaced(valid_text(), header, std::string(header) + "zzzzzzzz = 1\n");
    EXPECT_EQ(fault(text).rfind(position(text, "zzzzzzzz") + ": unknown key \"zzzzzzzz\" in ", 0), 0U) << header;
  }
  const std::string text = replaced(valid_text(), "udp_port = 7700", "udp_prt = 7700");
  EXPECT_EQ(fault(text),
            position(text, "udp_prt") + ": unknown key \"udp_prt\" in lan of server A1; did you mean \"udp_port\"?");
}

TEST(TopologyTest, the_unknown_key_that_stands_first_is_reported) {
  EXPECT_NE(fault("[zz]\n[aa]\n").find("t.toml:1:2: unknown key \"zz\""), std::string::npos);
}

TEST(TopologyTest, a_missing_key_is_a_fault_at_its_table) {
  EXPECT_EQ(fault("\n[system]\nname = \"x\"\n[[site]]\n"), "t.toml:2:1: \"id\" is missing in [system]; add it");
  EXPECT_NE(fault("[system]\nname = \"x\"\nid = 1\n").find("\"site\" is missing in the file"), std::string::npos);
  EXPECT_NE(fault("").find("t.toml:1:1: \"system\" is missing"), std::string::npos);
  const std::string text = replaced(valid_text(), "admin = \"127.0.0.1:9101\"\n", "");
  EXPECT_EQ(fault(text), position(text, "[[site.server]]") + ": \"admin\" is missing in [[site.server]] A1; add it");
  EXPECT_NE(fault(replaced(valid_text(), "ip = \"10.1.0.1\", ", "")).find("\"ip\" is missing in lan of server A1"),
            std::string::npos);
}

TEST(TopologyTest, a_wrong_type_is_a_fault_at_the_value) {
  expect_fault_at_value("id = 0x7", "id = \"seven\"", "id is text; write an integer of 1..");
  expect_fault_at_value("name = \"garrison\"", "name = 3", "name is an integer; write text in quotes");
  expect_fault_at_value("lossy = false", "lossy = 0", "lossy is an integer; write true or false");
  expect_fault_at_value("timeout = \"250ms\"", "timeout = 250", "timeout is an integer; write a duration");
  expect_fault_at_value("f = 1", "f = 1.5", "a number with a fraction");
  expect_fault_at_value("lan = { port = \"inproc\", mac = \"02:00:00:00:00:01\", ip = \"10.1.0.1\", udp_port = 7700 }",
                        "lan = [1]", "lan is an array; write a table");
  EXPECT_EQ(fault("site = [1]\n[system]\nname = \"x\"\nid = 1\n"),
            "t.toml:1:9: site holds an integer; write one [[...site]] each");
  EXPECT_NE(fault("site = 4\n[system]\nname = \"x\"\nid = 1\n").find("t.toml:1:8: site is an integer"),
            std::string::npos);
  EXPECT_NE(fault("system = 4\nsite = []\n").find("t.toml:1:10: system is an integer"), std::string::npos);
}

TEST(TopologyTest, a_value_out_of_range_is_a_fault_at_the_value) {
  const char* what = "out of range";
  expect_fault_at_value("id = 0x7", "id = 0", what);
  expect_fault_at_value("id = 0x7", "id = -1", what);
  expect_fault_at_value("key_epoch = 1", "key_epoch = 4294967296", what);
  expect_fault_at_value("count = 4", "count = 4097", what);
  expect_fault_at_value("count = 4", "count = 0", what);
  expect_fault_at_value("window = 64", "window = 257", what);
  expect_fault_at_value("timeout = \"250ms\"", "timeout = \"61s\"", what);
  expect_fault_at_value("ip_mtu = 1400", "ip_mtu = 1501", what);
  expect_fault_at_value("ip_mtu = 1400", "ip_mtu = 575", what);
  expect_fault_at_value("po_request_period = \"10ms\"", "po_request_period = \"9us\"", what);
  expect_fault_at_value("max_updates_per_request = 256", "max_updates_per_request = 257", what);
  expect_fault_at_value("preorder_window = 256", "preorder_window = 127", what);
  expect_fault_at_value("ordering_window = 256", "ordering_window = 15", what);
  expect_fault_at_value("kept_window = 1024", "kept_window = 7", what);
  expect_fault_at_value("checkpoint_interval = 64", "checkpoint_interval = 0", what);
  expect_fault_at_value("checkpoint_interval = 64", "checkpoint_interval = 1025", what);
  expect_fault_at_value("udp_port = 7700", "udp_port = 65536", what);
  expect_fault_at_value("f = 1", "f = 6", "f = 6 is out of range; write an integer of 1..5");
  expect_fault_at_value("f = 1", "f = 0", what);
}

TEST(TopologyTest, text_that_means_nothing_is_a_fault_at_the_value) {
  expect_fault_at_value("name = \"garrison\"", "name = \"a b\"", "not plain");
  expect_fault_at_value("name = \"garrison\"", "name = \"\"", "not plain");
  for (const char* scheme : {"shoup-rsa1024", "modelled-rsa2048", "rsa2048", ""}) {
    const std::string text =
        replaced(valid_text(), "# site_scheme = \"shoup-rsa2048\"", std::string("site_scheme = \"") + scheme + '"');
    const auto refused = parse_topology(text, "t.toml");
    ASSERT_FALSE(refused.ok()) << scheme;
    EXPECT_NE(refused.error().message.find("use one of shoup-rsa2048, shoup-rsa3072"), std::string::npos);
  }
  expect_fault_at_value("server_scheme = \"ed25519\"", "server_scheme = \"modelled\"",
                        "use one of ed25519, rsa2048, rsa3072");
  expect_fault_at_value("kind = \"kv\"", "kind = \"sql\"", "use one of kv, null");
  expect_fault_at_value("pattern = \"one\"", "pattern = \"two\"", "use one of one, f+1");
  expect_fault_at_value("timeout = \"250ms\"", "timeout = \"250\"", "is not a duration");
  expect_fault_at_value("mac = \"02:00:00:00:00:01\"", "mac = \"02:00:00:00:01\"", "is not a MAC address");
  expect_fault_at_value("mac = \"02:00:00:00:00:01\"", "mac = \"01:00:00:00:00:01\"", "not the address of one station");
  expect_fault_at_value("mac = \"02:00:00:00:00:01\"", "mac = \"00:00:00:00:00:00\"", "not the address of one station");
  expect_fault_at_value("ip = \"10.1.0.1\"", "ip = \"10.1.0\"", "is not an IPv4 address");
  expect_fault_at_value("ip = \"10.1.0.1\"", "ip = \"224.0.0.1\"", "not the address of one host");
  expect_fault_at_value("client = \"127.0.0.1:7001\"", "client = \"127.0.0.1\"", "is not an address and a TCP port");
  expect_fault_at_value("admin = \"127.0.0.1:9101\"", "admin = \"127.0.0.1:99999\"",
                        "is not an address and a TCP port");
  expect_fault_at_value("admin = \"127.0.0.1:9101\"", "admin = \"0.0.0.0:9101\"", "not an address that others");
}

TEST(TopologyTest, a_port_that_is_no_port_is_a_fault) {
  for (const char* port : {"inpoc", "eth0", "", "af_packet"}) {
    expect_fault_at_value("port = \"inproc\"", "port = \"" + std::string(port) + "\"",
                          "is not known; write \"inproc\"");
  }
  for (const char* port : {"af_packet:", "af_packet:sixteen_letters_", "af_packet:a b", "af_packet:eth0,x=1"}) {
    expect_fault_at_value("port = \"inproc\"", "port = \"" + std::string(port) + "\"", "name of a network interface");
  }
}

TEST(TopologyTest, inproc_does_not_mix_with_other_ports) {
  expect_fault_at_value("port = \"inproc\", mac = \"02:00:00:00:00:03\"",
                        "port = \"net_null0\", mac = \"02:00:00:00:00:03\"", "reaches no other kind of port");
}

TEST(TopologyTest, names_follow_the_order) {
  expect_fault_at_value("name = \"A2\"", "name = \"A3\"", "this server is A2 by its place in the file");
  expect_fault_at_value("name = \"A\"", "name = \"B\"", "this site is A by its place in the file");
  const auto unnamed = parse_topology(replaced(valid_text(), "name = \"A2\"\n", ""), "t.toml");
  ASSERT_TRUE(unnamed.ok());
  EXPECT_EQ(unnamed.value().sites.front().servers[1].name, "A2");
}

TEST(TopologyTest, addresses_are_not_shared) {
  expect_fault_at_value("mac = \"02:00:00:00:00:02\", ip = \"10.1.0.2\"",
                        "mac = \"02:00:00:00:00:01\", ip = \"10.1.0.2\"",
                        "mac 02:00:00:00:00:01 is that of server A1 already; give server A2 another");
  const std::string ip = replaced(valid_text(), "10.1.0.2", "10.1.0.1");
  EXPECT_NE(fault(ip).find("ip 10.1.0.1 is that of server A1 already"), std::string::npos);
  expect_fault_at_value("admin = \"127.0.0.1:9102\"", "admin = \"127.0.0.1:7001\"",
                        "TCP address 127.0.0.1:7001 is that of server A1 already; give server A2 another");
  const std::string client = replaced(valid_text(), "127.0.0.1:7002", "127.0.0.1:7001");
  EXPECT_NE(fault(client).find("TCP address 127.0.0.1:7001 is that of server A1"), std::string::npos);
}

std::string with_servers(std::size_t count, int f) {
  NewTopology wishes;
  wishes.system = SystemId(7);
  wishes.servers = 16;
  std::string text = replaced(new_topology_text(wishes).value(), "f = 5", "f = " + std::to_string(f));
  std::size_t at = 0;
  for (std::size_t i = 0; i < count && at != std::string::npos; ++i) at = text.find("[[site.server]]\nname", at + 1);
  at = text.find("[[site.server]]\nname", at + 1);
  return at == std::string::npos ? text : text.substr(0, at);
}

TEST(TopologyTest, a_site_has_three_f_plus_one_servers) {
  for (int f = 1; f <= 5; ++f) {
    const auto right = parse_topology(with_servers(static_cast<std::size_t>(3 * f + 1), f), "t.toml");
    EXPECT_TRUE(right.ok()) << right.error().message;
  }
  const std::string few = with_servers(3, 1);
  EXPECT_EQ(fault(few), position(few, "f = 1  #", 4) + ": site A has 3 servers, too few for f = 1; make it 4 servers");
  EXPECT_NE(fault(with_servers(7, 3)).find("too few for f = 3; make it 10 servers or f = 2"), std::string::npos);
  const std::string many = with_servers(6, 1);
  EXPECT_EQ(fault(many).rfind(position(many, "f = 1  #", 4) + ": site A has 6 servers, and f = 1 takes exactly 4; ", 0),
            0U);
}

TEST(TopologyTest, a_site_has_at_most_sixteen_servers) {
  const std::string text = with_servers(16, 5) + "[[site.server]]\n";
  EXPECT_NE(fault(text).find("site A has 17 servers; a site has at most 16"), std::string::npos);
}

TEST(TopologyTest, a_file_without_a_site_is_a_fault) {
  EXPECT_EQ(fault("site = []\n[system]\nname = \"x\"\nid = 1\n"), "t.toml:1:8: there is no site; add one [[site]]");
}

TEST(TopologyTest, bad_toml_is_a_fault_where_it_stands) {
  EXPECT_EQ(fault("[system]\nname = \n").rfind("t.toml:2:", 0), 0U);
  EXPECT_EQ(fault("[system]\nid = 1\nid = 2\n").rfind("t.toml:3:", 0), 0U);
  EXPECT_EQ(fault("[system]\n[system]\n").rfind("t.toml:2:", 0), 0U);
  EXPECT_EQ(fault(std::string("\xff\xfe", 2)).rfind("t.toml:1:", 0), 0U);
}

TEST(TopologyTest, a_fault_is_one_line_whatever_the_file_holds) {
  const std::string message = fault("[system]\nname = \"a\\n\\u001b[31mb\"\nid = 1\n[[site]]\n");
  for (const char c : message) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << message;
  EXPECT_NE(message.find("not plain"), std::string::npos);
}

TEST(TopologyTest, load_says_why_a_file_cannot_be_read) {
  const auto missing = load_topology("/nonexistent/t.toml");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().message,
            "/nonexistent/t.toml: cannot be read: No such file or directory; name a topology file, or make one with "
            "'garrison new'");
  EXPECT_NE(load_topology("/").error().message.find("/: cannot be read: Is a directory"), std::string::npos);
  EXPECT_NE(load_topology("/dev/zero").error().message.find("larger than"), std::string::npos);
}

TEST(TopologyTest, load_reads_a_file) {
  const std::string path = testing::TempDir() + "/topology_test.toml";
  std::FILE* file = std::fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs(valid_text().c_str(), file);
  std::fclose(file);
  const auto loaded = load_topology(path);
  std::remove(path.c_str());
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded.value().file, path);
  EXPECT_EQ(loaded.value().sites.front().n(), 4U);
}

TEST(TopologyTest, several_sites_sign_as_one_and_a_site_alone_only_when_asked_to) {
  Topology topology = parse_topology(valid_text(), "t.toml").value();
  EXPECT_FALSE(topology.site_scheme().has_value());
  EXPECT_EQ(explain(topology).find("sites sign"), std::string::npos);
  topology.sites.push_back(topology.sites.front());
  EXPECT_EQ(topology.site_scheme(), crypto::ThresholdScheme::shoup_rsa2048);
  topology.crypto.site_scheme = crypto::ThresholdScheme::shoup_rsa3072;
  EXPECT_EQ(topology.site_scheme(), crypto::ThresholdScheme::shoup_rsa3072);
  topology.sites.pop_back();
  EXPECT_EQ(topology.site_scheme(), crypto::ThresholdScheme::shoup_rsa3072);
  EXPECT_NE(explain(topology).find("sites sign as one: shoup-rsa3072, 384 bytes"), std::string::npos);
}

TEST(TopologyTest, explain_names_what_is_tolerated) {
  const std::string text = explain(parse_topology(with_servers(7, 2), "t.toml").value());
  for (const char* part : {"n = 7 servers, f = 2, quorum 5", "tolerates 2 servers", "until 5 are back",
                           "that 3 servers agree on", "A7 ", "10.1.0.7:7700"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

}  // namespace
}  // namespace garrison::config
