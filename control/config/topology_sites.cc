// [[site]] and [[site.server]]: names, sizes, ports and addresses.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <map>

#include "control/config/names.h"
#include "control/config/port_device.h"
#include "control/config/text_values.h"
#include "control/config/topology_tables.h"

namespace garrison::config {
namespace {

void read_mac(Section& section, std::string_view key, MacAddress& out) {
  section.parsed(key, out, parse_mac, "a MAC address; write six pairs of hex digits: \"02:00:00:00:00:01\"");
  if (section.has(key) && ((out[0] & 1U) != 0 || out == MacAddress{})) {
    section.fault(
        key, fmt::format("{} \"{}\" is not the address of one station; use that of the port", key, to_string(out)));
  }
}

void read_port(Section& section, PortSettings& out) {
  std::string text;
  section.text("port", text);
  Result<PortSettings> port = parse_port(text);
  if (!port) return section.fault("port", port.error().message);
  out.port = port.value().port;
  out.device = std::move(port).value().device;
}

// The keys that every port has.
void read_address(Section& section, PortSettings& out) {
  read_port(section, out);
  read_mac(section, "mac", out.mac);
  section.parsed("ip", out.ip, parse_ipv4, "an IPv4 address; write four numbers: \"10.1.0.1\"");
  if (section.has("ip") && (out.ip[0] == 0 || out.ip[0] >= 224)) {
    section.fault("ip",
                  fmt::format("ip \"{}\" is not the address of one host; use that of the port", to_string(out.ip)));
  }
  section.integer("udp_port", out.udp_port, std::uint16_t{1}, std::uint16_t{65535});
}

void read_lan(Faults& faults, const toml::table& table, const std::string& server, PortSettings& out) {
  Section section(faults, table, "lan of server " + server, {"port", "mac", "ip", "udp_port"},
                  {"port", "mac", "ip", "udp_port"});
  read_address(section, out);
}

void read_wan(Faults& faults, const toml::table& table, const std::string& owner, WanPortSettings& out) {
  Section section(faults, table, "wan of " + owner, {"port", "mac", "ip", "udp_port", "gateway"},
                  {"port", "mac", "ip", "udp_port"});
  read_address(section, out);
  if (!section.has("gateway")) return;
  read_mac(section, "gateway", out.gateway.emplace());
  if (out.port == PortSettings::Port::inproc) {
    section.fault("gateway", "an \"inproc\" port reaches every other one without a gateway; take it away");
  }
}

void read_endpoint(Section& section, std::string_view key, Endpoint& out) {
  section.parsed(key, out, parse_endpoint, "an address and a TCP port; write \"IP:PORT\" with a port of 1..65535");
  if (section.has(key) && (out.ip[0] == 0 || out.ip[0] >= 224)) {
    section.fault(
        key, fmt::format("\"{}\" is not an address that others can connect to; write the host's own", to_string(out)));
  }
}

void read_server(Faults& faults, const toml::table& table, bool several_sites, ServerSettings& out) {
  Section section(faults, table, fmt::format("[[site.server]] {}", out.name), {"name", "lan", "wan", "client", "admin"},
                  {"lan", "client", "admin"});
  std::string written = out.name;
  section.text("name", written);
  if (written != out.name) {
    section.fault("name", fmt::format("this server is {} by its place in the file, not \"{}\"; servers are named in "
                                      "order, so correct the name or the order",
                                      out.name, written));
  }
  if (const toml::table* lan = section.table("lan")) read_lan(faults, *lan, out.name, out.lan);
  if (const toml::table* wan = section.table("wan")) read_wan(faults, *wan, "server " + out.name, out.wan.emplace());
  if (several_sites && !section.has("wan")) {
    section.fault("wan",
                  fmt::format("\"wan\" is missing in [[site.server]] {}: with several sites every server needs a "
                              "port towards the others; add it",
                              out.name));
  }
  if (!several_sites && section.has("wan")) {
    section.fault("wan", "one site has no other to talk to; take \"wan\" away, or add the others as [[site]]");
  }
  read_endpoint(section, "client", out.client);
  read_endpoint(section, "admin", out.admin);
}

void read_forwarder(Section& site, std::string_view key, Faults& faults, SiteSettings& out) {
  const toml::table* const table = site.table(key);
  if (table == nullptr) return;
  ForwarderSettings& settings = out.forwarders.emplace_back();
  const std::string owner = fmt::format("{} of site {}", key, out.name);
  Section section(faults, *table, owner, {"local", "wan", "admin"}, {"local", "wan", "admin"});
  read_endpoint(section, "local", settings.local);
  if ((*table)["wan"].is_table()) {
    WanPortSettings& port = settings.wan_port.emplace();
    read_wan(faults, *section.table("wan"), "the " + owner, port);
    settings.wan = {.ip = port.ip, .port = port.udp_port};
  } else {
    read_endpoint(section, "wan", settings.wan);
  }
  read_endpoint(section, "admin", settings.admin);
}

void check_size(Section& section, const SiteSettings& site, std::size_t n) {
  if (n > kMaxServersPerSite) {
    section.fault("server",
                  fmt::format("site {} has {} servers; a site has at most {}", site.name, n, kMaxServersPerSite));
  } else if (n < 3 * site.f + 1) {
    const bool fits_less = n >= 4 && n % 3 == 1;
    section.fault("f", fmt::format("site {} has {} servers, too few for f = {}; make it {} servers{}", site.name, n,
                                   site.f, 3 * site.f + 1, fits_less ? fmt::format(" or f = {}", n / 3) : ""));
  } else if (n > 3 * site.f + 1) {
    section.fault("f",
                  fmt::format("site {} has {} servers, and f = {} takes exactly {}; Prime is argued for n = 3f + 1 "
                              "only, so take away {} or raise f",
                              site.name, n, site.f, 3 * site.f + 1, n - (3 * site.f + 1)));
  }
}

void read_site(Faults& faults, const toml::table& table, bool several_sites, SiteSettings& out) {
  Section section(faults, table, fmt::format("[[site]] {}", out.name), {"name", "f", "forwarder", "backup", "server"},
                  {"name", "f", "server"});
  std::string written = out.name;
  section.text("name", written);
  if (written != out.name) {
    section.fault("name", fmt::format("this site is {} by its place in the file, not \"{}\"; sites are named in order, "
                                      "so correct the name",
                                      out.name, written));
  }
  section.integer("f", out.f, std::size_t{1}, kMaxFaults);
  if (section.has("backup") && !section.has("forwarder")) {
    section.fault("backup", "backup is that of the site's forwarder, and there is none; add \"forwarder\"");
  }
  if (!several_sites && section.has("forwarder")) {
    section.fault("forwarder", "one site has no other to forward to; take \"forwarder\" away, or add the others");
  }
  read_forwarder(section, "forwarder", faults, out);
  read_forwarder(section, "backup", faults, out);
  const auto servers = section.tables("server");
  if (faults.any()) return;
  check_size(section, out, servers.size());
  for (std::size_t i = 0; i < servers.size() && !faults.any(); ++i) {
    ServerSettings& server = out.servers.emplace_back();
    server.id = ServerId(static_cast<std::uint16_t>(i));
    server.name = server_name(out.id, server.id);
    read_server(faults, *servers[i], several_sites, server);
  }
}

// Addresses that must differ between ports and servers, by their text, and who holds each.
class Taken {
 public:
  Taken(Faults& faults, std::string_view what) : faults_(faults), what_(what) {}

  void claim(const std::string& address, const std::string& owner, const toml::table& table, std::string_view key) {
    const auto [held, fresh] = owners_.try_emplace(address, owner);
    if (fresh) return;
    const toml::node* const node = table.get(key);
    CHECK(node != nullptr);
    faults_.add(node->source().begin,
                fmt::format("{} {} is that of {} already; give {} another", what_, address, held->second, owner));
  }

 private:
  Faults& faults_;
  std::string_view what_;
  std::map<std::string, std::string> owners_;
};

// Ports that are to reach each other: all of them are "inproc", or none is.
class OneKind {
 public:
  OneKind(Faults& faults, std::string whose) : faults_(faults), whose_(std::move(whose)) {}

  void add(const PortSettings& port, const toml::table& table) {
    const bool inproc = port.port == PortSettings::Port::inproc;
    if (inproc_.value_or(inproc) != inproc) {
      faults_.add(table.get("port")->source().begin,
                  fmt::format("an \"inproc\" port reaches no other kind of port; give {} \"inproc\" or none", whose_));
    }
    inproc_ = inproc;
  }

 private:
  Faults& faults_;
  std::string whose_;
  std::optional<bool> inproc_;
};

}  // namespace

void read_sites(Faults& faults, Section& root, std::vector<SiteSettings>& out) {
  const auto sites = root.tables("site");
  if (faults.any()) return;
  if (sites.empty()) return root.fault("site", "there is no site; add one [[site]]");
  if (sites.size() > kMaxSitesPerTopology) {
    return faults.add(
        sites[kMaxSitesPerTopology]->source().begin,
        fmt::format("there are {} sites; a deployment has at most {}", sites.size(), kMaxSitesPerTopology));
  }
  for (std::size_t i = 0; i < sites.size() && !faults.any(); ++i) {
    SiteSettings& site = out.emplace_back();
    site.id = SiteId(static_cast<std::uint16_t>(i));
    site.name = site_name(site.id);
    read_site(faults, *sites[i], sites.size() > 1, site);
  }
}

// The tables are those that `sites` were read from without a fault.
void check_network(Faults& faults, const toml::table& root, const std::vector<SiteSettings>& sites) {
  Taken macs(faults, "mac");
  Taken ips(faults, "ip");
  Taken tcp(faults, "TCP address");
  Taken udp(faults, "UDP address of a forwarder");
  const auto claim_port = [&](const PortSettings& port, const std::string& owner, const toml::table& table) {
    macs.claim(to_string(port.mac), owner, table, "mac");
    ips.claim(to_string(port.ip), owner, table, "ip");
  };
  OneKind wan_ports(faults, "the wan of every server and forwarder");
  for (const SiteSettings& site : sites) {
    OneKind lan_ports(faults, "every server of site " + site.name);
    for (const ServerSettings& server : site.servers) {
      const toml::table& table = *root["site"][site.id.index()]["server"][server.id.index()].as_table();
      const std::string owner = "server " + server.name;
      claim_port(server.lan, owner, *table["lan"].as_table());
      lan_ports.add(server.lan, *table["lan"].as_table());
      if (server.wan) {
        claim_port(*server.wan, "the wan port of " + owner, *table["wan"].as_table());
        wan_ports.add(*server.wan, *table["wan"].as_table());
      }
      tcp.claim(to_string(server.client), owner, table, "client");
      tcp.claim(to_string(server.admin), owner, table, "admin");
    }
    for (std::size_t i = 0; i < site.forwarders.size(); ++i) {
      const std::string_view key = i == 0 ? "forwarder" : "backup";
      const toml::table& table = *root["site"][site.id.index()][key].as_table();
      const std::string owner = fmt::format("the {} of site {}", key, site.name);
      tcp.claim(to_string(site.forwarders[i].local), owner, table, "local");
      if (const auto& port = site.forwarders[i].wan_port; port.has_value()) {
        claim_port(*port, owner, *table["wan"].as_table());
        wan_ports.add(*port, *table["wan"].as_table());
      }
      udp.claim(to_string(site.forwarders[i].wan), owner, table, "wan");
      tcp.claim(to_string(site.forwarders[i].admin), owner, table, "admin");
    }
  }
}

}  // namespace garrison::config
