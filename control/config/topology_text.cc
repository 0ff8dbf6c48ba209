#include "control/config/topology_text.h"

#include <fmt/format.h>

#include "control/config/names.h"

namespace garrison::config {
namespace {

constexpr std::uint16_t kLanUdpPort = 7700;
constexpr std::size_t kFirstClientPort = 7001;
constexpr std::size_t kFirstAdminPort = 9101;

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

std::string head(const NewTopology& wishes, const Topology& defaults) {
  const PrimeSettings& prime = defaults.prime;
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
      "# site_scheme = \"shoup-rsa2048\"  # or shoup-rsa3072: how a site signs as one; one site alone needs it not\n"
      "key_epoch = {}  # raise it when new keys are dealt\n"
      "\n"
      "[service]\n"
      "kind = {}  # kv: a key-value store; null: orders updates and forgets them\n"
      "\n"
      "[protocol]\n"
      "local = {}  # prime, or bft: the baseline that a malicious leader slows down\n"
      "\n",
      quoted(wishes.name), wishes.system.value(), quoted(crypto::name(wishes.server_scheme)),
      quoted(crypto::name(wishes.client_scheme)), defaults.crypto.epoch.value(), quoted(name(wishes.service)),
      quoted(name(wishes.protocol)));
  const ClientPattern pattern = wishes.protocol == LocalProtocol::bft ? ClientPattern::all : defaults.client.pattern;
  text += fmt::format(
      "[client]\n"
      "count = {}  # clients c1..c{}; each needs its key\n"
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
      "\n",
      wishes.clients, wishes.clients, defaults.client.window, quoted(to_string(defaults.client.timeout)),
      quoted(name(pattern)), defaults.link.ip_mtu, defaults.link.lossy, defaults.cores.dedicated);
  if (wishes.protocol == LocalProtocol::bft) return text + bft_section(defaults.bft);
  return text +
         fmt::format(
             "[prime]\n"
             "eager = {}  # say what is new at once when nothing of its kind is in flight; false: keep to the periods\n"
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
             "checkpoint_interval = {}\n"
             "\n",
             prime.eager, quoted(to_string(prime.po_request_period)), quoted(to_string(prime.po_summary_period)),
             quoted(to_string(prime.summary_matrix_period)), quoted(to_string(prime.pre_prepare_period)),
             quoted(to_string(prime.retransmit_period)), prime.k_lat, quoted(to_string(prime.delta_pp)),
             quoted(to_string(prime.tat_measure_period)), quoted(to_string(prime.rtt_ping_period)),
             quoted(to_string(prime.reconciliation_delay)), prime.max_updates_per_request, prime.preorder_window,
             prime.ordering_window, prime.kept_window, prime.checkpoint_interval);
}

// One for all, or one each.
const std::string& pick(const std::vector<std::string>& from, std::size_t i) { return from[from.size() == 1 ? 0 : i]; }

std::string site(const NewTopology& wishes) {
  std::string text = fmt::format(
      "[[site]]\n"
      "name = {}\n"
      "f = {}  # servers that may be faulty in any way; the site has 3f + 1\n"
      "\n",
      quoted(site_name(SiteId(0))), (wishes.servers - 1) / 3);
  text +=
      "# lan.port: \"inproc\" (all servers in one process), \"af_packet:INTERFACE\", or a device of DPDK, by PCI "
      "address\n"
      "# (\"0000:3b:00.0\") or virtual (\"net_memif0,...\"). mac and ip are those of the server's port; no address is\n"
      "# ever learned from the network. client and admin are TCP: for clients, and for status over HTTP.\n";
  if (pick(wishes.ports, 0) != "inproc") {
    text += "# The mac and ip below are made up: write those of each server's own port ('ip link', 'ip address').\n";
  }
  for (std::size_t i = 0; i < wishes.servers; ++i) {
    text += fmt::format(
        "[[site.server]]\n"
        "name = {}\n"
        "lan = {{ port = {}, mac = \"02:00:00:00:00:{:02x}\", ip = \"10.1.0.{}\", udp_port = {} }}\n"
        "client = {}\n"
        "admin = {}\n",
        quoted(server_name(SiteId(0), ServerId(static_cast<std::uint16_t>(i)))), quoted(pick(wishes.ports, i)), i + 1,
        i + 1, kLanUdpPort, quoted(fmt::format("{}:{}", pick(wishes.hosts, i), kFirstClientPort + i)),
        quoted(fmt::format("{}:{}", pick(wishes.hosts, i), kFirstAdminPort + i)));
    if (i + 1 < wishes.servers) text += "\n";
  }
  return text;
}

}  // namespace

Result<std::string> new_topology_text(const NewTopology& wishes) {
  if (wishes.servers < 4 || wishes.servers > kMaxServersPerSite || wishes.servers % 3 != 1) {
    return Error{fmt::format("{} servers cannot be a site; a site has 3f + 1: 4, 7, 10, 13 or 16", wishes.servers)};
  }
  for (const auto& [list, what] : {std::pair(&wishes.ports, "ports"), std::pair(&wishes.hosts, "hosts")}) {
    if (list->size() != 1 && list->size() != wishes.servers) {
      return Error{
          fmt::format("{} {} for {} servers; give one for all or one for each", list->size(), what, wishes.servers)};
    }
  }
  std::string text = head(wishes, Topology{}) + site(wishes);
  if (const auto parsed = parse_topology(text, "new"); !parsed) {
    // Where it stands in a text that nobody has seen helps nobody.
    const std::string& message = parsed.error().message;
    return Error{message.substr(message.find(": ") + 2)};
  }
  return text;
}

}  // namespace garrison::config
