#include "control/config/topology_text.h"

#include <fmt/format.h>

#include "control/config/names.h"

namespace garrison::config {
namespace {

constexpr std::uint16_t kLanUdpPort = 7700;
constexpr std::uint16_t kWanUdpPort = 7701;
// Of A1; those of the next site's first server lie kPortsPerSite above.
constexpr std::size_t kFirstClientPort = 7001;
constexpr std::size_t kFirstAdminPort = 9101;
constexpr std::size_t kPortsPerSite = 100;
// Of forwarders and backups, above the last server's.
constexpr std::size_t kForwarderPort = 50;
static_assert(kMaxServersPerSite <= kForwarderPort);
static_assert(kMaxServersPerSite <= kPortsPerSite);
static_assert(kFirstClientPort + kMaxSitesPerTopology * kPortsPerSite <= kFirstAdminPort);
constexpr std::string_view kInProcess = "inproc";
constexpr Duration kInProcessDelay = milliseconds(20);

// A TOML basic string.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c >= 0 && c < ' ' ? '?' : c;
  }
  return out + '"';
}

std::string bft_section(const BftSettings& bft) {
  return fmt::format(
      "[bft]\n"
      "timeout = {}  # for a server's oldest update to be executed; doubled by every view change\n"
      "keep_timeout = {}  # true: never lowered again; false: back to the above once a view makes progress\n"
      "retransmit_period = {}\n"
      "max_updates_per_batch = {}\n"
      "pipeline = {}  # PRE-PREPAREs under way at once\n"
      "checkpoint_interval = {}\n"
      "window = {}  # sequence numbers beyond the last stable checkpoint\n"
      "kept_window = {}  # executed batches that servers which lag may ask for; beyond that they take over the state\n"
      "authentication = {}  # of PRE-PREPARE, PREPARE and COMMIT: channel (MACs) or signature\n"
      "\n",
      quoted(to_string(bft.timeout)), bft.keep_timeout, quoted(to_string(bft.retransmit_period)),
      bft.max_updates_per_batch, bft.pipeline, bft.checkpoint_interval, bft.window, bft.kept_window,
      quoted(bft_authentication_name(bft.authentication)));
}

std::string prime_keys(const PrimeSettings& prime) {
  return fmt::format(
      "eager = {}  # say what is new at once when nothing of its kind is in flight; false: keep to the periods\n"
      "flood_on_request = {}  # who lacks a PRE-PREPARE asks for it; false: whoever gets one sends it to all\n"
      "po_request_period = {}\n"
      "po_summary_period = {}\n"
      "summary_matrix_period = {}\n"
      "pre_prepare_period = {}\n"
      "retransmit_period = {}\n"
      "k_lat = {}  # how much the latency of the network may vary; the more, the longer a slow leader stays\n"
      "delta_pp = {}  # above any time between two PRE-PREPAREs of a correct leader\n"
      "tat_measure_period = {}\n"
      "rtt_ping_period = {}\n"
      "reconciliation_delay = {}  # before parts of requests go to servers that do not count them\n"
      "max_updates_per_request = {}\n"
      "preorder_window = {}\n"
      "ordering_window = {}\n"
      "kept_window = {}  # what is kept for servers that lag; beyond it they get the whole state\n"
      "checkpoint_interval = {}\n",
      prime.eager, prime.flood_on_request, quoted(to_string(prime.po_request_period)),
      quoted(to_string(prime.po_summary_period)), quoted(to_string(prime.summary_matrix_period)),
      quoted(to_string(prime.pre_prepare_period)), quoted(to_string(prime.retransmit_period)), prime.k_lat,
      quoted(to_string(prime.delta_pp)), quoted(to_string(prime.tat_measure_period)),
      quoted(to_string(prime.rtt_ping_period)), quoted(to_string(prime.reconciliation_delay)),
      prime.max_updates_per_request, prime.preorder_window, prime.ordering_window, prime.kept_window,
      prime.checkpoint_interval);
}

std::string head(const NewTopology& wishes, const Topology& defaults) {
  std::string text = fmt::format(
      "# Topology of one Garrison deployment. Every server, client and tool reads this same file.\n"
      "# 'garrison check' validates it, 'garrison explain' says what it tolerates, 'garrison keys' makes its keys.\n"
      "# Durations carry their unit: \"500us\", \"3ms\", \"2s\". An unknown key is an error.\n"
      "\n"
      "[system]\n"
      "name = {}\n"
      "id = {:#x}  # in every signed message: never the same in two deployments\n"
      "\n"
      "[crypto]\n"
      "server_scheme = {}  # ed25519, rsa2048 or rsa3072\n"
      "client_scheme = {}\n"
      "{}site_scheme = {}  # or shoup-rsa3072: how a site signs as one; one site alone needs it not\n"
      "key_epoch = {}  # raise it when new keys are dealt\n"
      "\n"
      "[service]\n"
      "kind = {}  # kv: a key-value store; null: orders updates and forgets them\n"
      "\n"
      "[protocol]\n"
      "local = {}  # prime, or bft: the baseline that a malicious leader slows down\n"
      "\n",
      quoted(wishes.name), wishes.system.value(), quoted(crypto::name(wishes.server_scheme)),
      quoted(crypto::name(wishes.client_scheme)), wishes.sites > 1 ? "" : "# ",
      quoted(crypto::name(crypto::ThresholdScheme::shoup_rsa2048)), defaults.crypto.epoch.value(),
      quoted(name(wishes.service)), quoted(name(wishes.protocol)));
  const ClientPattern pattern = wishes.protocol == LocalProtocol::bft ? ClientPattern::all : defaults.client.pattern;
  text += fmt::format(
      "[client]\n"
      "count = {}  # clients c1..c{}; each needs its key{}\n"
      "window = {}  # operations of one client in flight\n"
      "timeout = {}  # without a reply by then, an operation goes to other servers too\n"
      "pattern = {}  # one: to one server first; f+1: to f + 1 at once, so that no faulty one can delay; all\n"
      "\n"
      "[link]\n"
      "ip_mtu = {}  # largest IP packet that the network takes; packets are never fragmented\n"
      "lossy = {}  # true on a path that loses packets: TIMELY messages are sent twice\n"
      "\n"
      "[cores]\n"
      "dedicated = {}  # true: poll workers spin on cores of their own\n"
      "hugepages = {}  # memory comes from them where enough are free; false: never\n"
      "# [[cores.worker]]  # a CPU for the poll worker of these servers; others are placed near their devices\n"
      "# servers = [\"A1\"]\n"
      "# cpu = 2\n"
      "\n",
      wishes.clients, wishes.clients,
      wishes.sites > 1 ? ". They belong to the sites in turn: c1 to A, c2 to B ..." : "", defaults.client.window,
      quoted(to_string(defaults.client.timeout)), quoted(name(pattern)), defaults.link.ip_mtu, defaults.link.lossy,
      defaults.cores.dedicated, defaults.cores.hugepages);
  if (wishes.protocol == LocalProtocol::bft) return text + bft_section(defaults.bft);
  return text + "[prime]\n" + prime_keys(defaults.prime) + "\n";
}

// One for all, or one each.
const std::string& pick(const std::vector<std::string>& from, std::size_t i) { return from[from.size() == 1 ? 0 : i]; }

std::string_view wan_port(const NewTopology& wishes, std::size_t i) {
  return wishes.wan_ports.empty() ? kInProcess : pick(wishes.wan_ports, i);
}

std::string wide_area(const NewTopology& wishes, const Topology& defaults) {
  const GlobalSettings& global = defaults.global;
  std::string text = fmt::format(
      "# Among the sites. [prime] above is of the servers of each site.\n"
      "[global]\n"
      "protocol = {}\n"
      "f = {}  # sites that may be faulty in any way, or lost; it takes 3f + 1 sites\n"
      "site_clock_tick = {}  # each server tells its site the time so often; timers below go by that\n"
      "site_clock_rest = {}  # and so often while none of them is about to go off\n"
      "sign_period = {}  # a site signs what it says to others once per period\n"
      "# hurry_rate = \"5Mbit/s\"  # while it says less than that to all others, it waits for no period\n"
      "clock_bound = {}  # how far from its site's clock one server's may be; else it is held to that\n",
      quoted(name(global.protocol)), wishes.f_global.value_or((wishes.sites - 1) / 3),
      quoted(to_string(global.site_clock_tick)), quoted(to_string(global.site_clock_rest)),
      quoted(to_string(global.sign_period)), quoted(to_string(global.clock_bound)));
  text += prime_keys(global.prime);
  text += fmt::format(
      "\n"
      "[wan]\n"
      "kind = {}  # erasure: every server sends a part; naive: f + 1 send all of a message to f + 1 each;\n"
      "# forwarder: each site has a dependable forwarder, which sends a message once; hub-optimistic, "
      "hub-minimum-parts,\n"
      "# hub-immediate: the wan ports of a site stand on a hub, or a tap, where each hears what all send and receive;\n"
      "# blink: one server of a site sends a message once, and the others watch whether it is acknowledged\n"
      "# hub_timeout = \"25ms\"  # hub-optimistic: how long servers wait to hear enough of others before they send, "
      "too\n"
      "# longest_hub_timeout = \"100ms\"  # the timeout follows how late they are, up to this; else it is fixed\n"
      "# adaptive_sets = false  # on a hub: who misses its turns to send keeps them all the same\n"
      "# blink_timeout = \"2s\"  # blink: after which another server sends what is not acknowledged\n"
      "# rate = \"10Mbit/s\"  # what a site may send to the others in all\n",
      quoted(name(wishes.link.value_or(LinkKind::erasure))));
  if (wan_port(wishes, 0) == kInProcess) {
    text += fmt::format("delay = {}  # one way, of the modelled network inside the process\n",
                        quoted(to_string(kInProcessDelay)));
  }
  return text + fmt::format(
                    "ip_mtu = {}\n"
                    "lossy = {}\n"
                    "# [[wan.pair]]  # what is different between two sites: kind, rate, or delay\n"
                    "# between = [\"A\", \"B\"]\n"
                    "# kind = \"naive\"\n"
                    "\n",
                    defaults.wan.link.ip_mtu, defaults.wan.link.lossy);
}

constexpr std::string_view kPortsExplained =
    "# lan.port: \"inproc\" (all servers in one process), \"af_packet:INTERFACE\", or a device of DPDK, by PCI "
    "address\n"
    "# (\"0000:3b:00.0\") or virtual (\"net_memif0,...\"). mac and ip are those of the server's port; no address is\n"
    "# ever learned from the network. client and admin are TCP: for clients, and for status over HTTP.\n";
constexpr std::string_view kWanPortsExplained =
    "# wan is the port towards other sites, with addresses of its own. Where a router leads to them, add the MAC of "
    "its\n"
    "# side here: gateway = \"02:00:00:00:00:fe\".\n";
constexpr std::string_view kMadeUp =
    "# The mac and ip below are made up: write those of each server's own port ('ip link', 'ip address').\n";

std::string server(const NewTopology& wishes, std::size_t site, std::size_t i) {
  const std::size_t nth = site * wishes.servers + i;  // of all
  const auto endpoint = [&](std::size_t first_port) {
    return quoted(fmt::format("{}:{}", pick(wishes.hosts, nth), first_port + site * kPortsPerSite + i));
  };
  std::string text = fmt::format(
      "[[site.server]]\n"
      "name = {}\n"
      "lan = {{ port = {}, mac = \"02:00:00:00:{:02x}:{:02x}\", ip = \"10.1.{}.{}\", udp_port = {} }}\n",
      quoted(server_name(SiteId(static_cast<std::uint16_t>(site)), ServerId(static_cast<std::uint16_t>(i)))),
      quoted(pick(wishes.ports, nth)), site, i + 1, site, i + 1, kLanUdpPort);
  if (wishes.sites > 1) {
    text +=
        fmt::format("wan = {{ port = {}, mac = \"02:00:00:01:{:02x}:{:02x}\", ip = \"10.2.{}.{}\", udp_port = {} }}\n",
                    quoted(wan_port(wishes, nth)), site, i + 1, site, i + 1, kWanUdpPort);
  }
  return text + fmt::format("client = {}\nadmin = {}\n", endpoint(kFirstClientPort), endpoint(kFirstAdminPort));
}

// On the host of the site's first server; a backup on that of its last.
std::string forwarders(const NewTopology& wishes, std::size_t site) {
  std::string text =
      "# local: TCP, for the servers of the site; wan: UDP, for other forwarders, or a port as a server's; admin: "
      "status\n"
      "# over HTTP\n";
  for (std::size_t i = 0; i < (wishes.backup_forwarders ? 2U : 1U); ++i) {
    const std::string& host = pick(wishes.hosts, site * wishes.servers + (i == 0 ? 0 : wishes.servers - 1));
    const std::size_t port = site * kPortsPerSite + kForwarderPort + i;
    const std::string wan =
        wishes.forwarders_inside
            ? fmt::format(
                  "{{ port = \"inproc\", mac = \"02:00:00:01:{:02x}:{:02x}\", ip = \"10.2.{}.{}\", udp_port = {} }}",
                  site, kForwarderPort + i, site, kForwarderPort + i, kWanUdpPort)
            : fmt::format("\"{}:{}\"", host, kFirstClientPort + port);
    text += fmt::format("{} = {{ local = \"{}:{}\", wan = {}, admin = \"{}:{}\" }}\n", i == 0 ? "forwarder" : "backup",
                        host, kFirstClientPort + port, wan, host, kFirstAdminPort + port);
  }
  return text;
}

std::string site(const NewTopology& wishes, std::size_t index) {
  std::string text = fmt::format(
      "[[site]]\n"
      "name = {}\n"
      "f = {}  # servers that may be faulty in any way; the site has 3f + 1\n",
      quoted(site_name(SiteId(static_cast<std::uint16_t>(index)))), (wishes.servers - 1) / 3);
  if (wishes.sites > 1 && wishes.link == LinkKind::forwarder) text += forwarders(wishes, index);
  text += "\n";
  if (index == 0) {
    const bool several = wishes.sites > 1;
    text += kPortsExplained;
    if (several) text += kWanPortsExplained;
    if (pick(wishes.ports, 0) != kInProcess || (several && wan_port(wishes, 0) != kInProcess)) text += kMadeUp;
  }
  for (std::size_t i = 0; i < wishes.servers; ++i) text += (i > 0 ? "\n" : "") + server(wishes, index, i);
  return text;
}

// Why the numbers among these cannot be met; what a topology itself forbids is left to its parser.
std::optional<Error> misfit(const NewTopology& wishes) {
  if (wishes.servers < 4 || wishes.servers > kMaxServersPerSite || wishes.servers % 3 != 1) {
    return Error{fmt::format("{} servers cannot be a site; a site has 3f + 1: 4, 7, 10, 13 or 16", wishes.servers)};
  }
  if (wishes.sites < 1 || wishes.sites > kMaxSitesPerTopology) {
    return Error{fmt::format("there cannot be {} sites; write 1 to {}", wishes.sites, kMaxSitesPerTopology)};
  }
  if (wishes.sites == 1 && wishes.f_global) {
    return Error{"one site alone has no F: it says how many sites may be faulty; ask for several sites"};
  }
  if (wishes.sites == 1 && (wishes.link || !wishes.wan_ports.empty())) {
    return Error{fmt::format("one site alone has no {}; ask for several sites, or leave it out",
                             wishes.link ? "link to others" : "wan port towards others")};
  }
  const std::size_t servers = wishes.sites * wishes.servers;
  for (const auto& [list, what] : {std::pair(&wishes.ports, "ports"), std::pair(&wishes.wan_ports, "wan ports"),
                                   std::pair(&wishes.hosts, "hosts")}) {
    if (list == &wishes.wan_ports && list->empty()) continue;
    if (list->size() != 1 && list->size() != servers) {
      return Error{fmt::format("{} {} for {} servers; give one for all or one for each", list->size(), what, servers)};
    }
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> new_topology_text(const NewTopology& wishes) {
  if (auto error = misfit(wishes)) return std::move(*error);
  std::string text = head(wishes, Topology{});
  if (wishes.sites > 1) text += wide_area(wishes, Topology{});
  for (std::size_t i = 0; i < wishes.sites; ++i) text += (i > 0 ? "\n" : "") + site(wishes, i);
  if (const auto parsed = parse_topology(text, "new"); !parsed) {
    // Where it stands in a text that nobody has seen helps nobody.
    const std::string& message = parsed.error().message;
    return Error{message.substr(message.find(": ") + 2)};
  }
  return text;
}

}  // namespace garrison::config
