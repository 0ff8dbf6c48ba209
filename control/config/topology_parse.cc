// TOML to Topology. One function per table, each of which also checks what the table must agree on with those before
// it. Sites stand in topology_sites.cc, [cores] in topology_cores.cc, what several of them need in
// topology_wide_area.cc.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "control/config/names.h"
#include "control/config/text_file.h"
#include "control/config/toml_section.h"
#include "control/config/topology.h"
#include "control/config/topology_tables.h"

namespace garrison::config {
namespace {

constexpr std::size_t kMaxNameBytes = 64;

using crypto::Scheme;
constexpr std::array<std::pair<std::string_view, Scheme>, 3> kSchemes{
    {{"ed25519", Scheme::ed25519}, {"rsa2048", Scheme::rsa2048}, {"rsa3072", Scheme::rsa3072}}};
constexpr std::array<std::pair<std::string_view, crypto::ThresholdScheme>, 2> kSiteSchemes{
    {{"shoup-rsa2048", crypto::ThresholdScheme::shoup_rsa2048},
     {"shoup-rsa3072", crypto::ThresholdScheme::shoup_rsa3072}}};
constexpr std::array<std::pair<std::string_view, ServiceKind>, 2> kServices{
    {{"kv", ServiceKind::kv}, {"null", ServiceKind::null}}};
constexpr std::array<std::pair<std::string_view, ClientPattern>, 3> kPatterns{
    {{"one", ClientPattern::one_server}, {"f+1", ClientPattern::f_plus_one}, {"all", ClientPattern::all}}};
constexpr std::array<std::pair<std::string_view, LocalProtocol>, 2> kProtocols{
    {{"prime", LocalProtocol::prime}, {"bft", LocalProtocol::bft}}};
constexpr std::array<std::pair<std::string_view, message::Authentication>, 2> kAuthentications{
    {{"channel", message::Authentication::channel}, {"signature", message::Authentication::signature}}};

template <typename T>
using Choices = std::span<const std::pair<std::string_view, T>>;

bool is_plain_name(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !text.empty() && text.size() <= kMaxNameBytes && std::ranges::all_of(text, plain);
}

void read_system(Faults& faults, const toml::table& table, Topology& out) {
  Section section(faults, table, "[system]", {"name", "id"}, {"name", "id"});
  section.text("name", out.name);
  if (section.has("name") && !is_plain_name(out.name)) {
    section.fault("name", fmt::format("system name \"{}\" is not plain; write 1..{} letters, digits, '-', '_' or '.'",
                                      out.name, kMaxNameBytes));
  }
  std::uint64_t id = 0;
  section.integer("id", id, std::uint64_t{1}, ~std::uint64_t{0});
  out.system = SystemId(id);
}

void read_crypto(Faults& faults, const toml::table& table, CryptoSettings& out) {
  Section section(faults, table, "[crypto]", {"server_scheme", "client_scheme", "site_scheme", "key_epoch"});
  section.one_of("server_scheme", out.server_scheme, Choices<Scheme>(kSchemes));
  section.one_of("client_scheme", out.client_scheme, Choices<Scheme>(kSchemes));
  crypto::ThresholdScheme site_scheme{};
  section.one_of("site_scheme", site_scheme, Choices<crypto::ThresholdScheme>(kSiteSchemes));
  if (table.contains("site_scheme")) out.site_scheme = site_scheme;
  std::uint32_t epoch = out.epoch.value();
  section.integer("key_epoch", epoch, 1U, ~0U);
  out.epoch = KeyEpoch(epoch);
}

}  // namespace

void read_prime(Faults& faults, const toml::table& table, PrimeSettings& out) {
  Section section(faults, table, "[prime]", {kPrimeKeys.begin(), kPrimeKeys.end()});
  read_prime(section, out);
}

void read_prime(Section& section, PrimeSettings& out) {
  constexpr Duration kShortest = microseconds(10);
  constexpr Duration kLongest = seconds(10);
  section.boolean("eager", out.eager);
  section.boolean("flood_on_request", out.flood_on_request);
  section.duration("po_request_period", out.po_request_period, kShortest, kLongest);
  section.duration("po_summary_period", out.po_summary_period, kShortest, kLongest);
  section.duration("summary_matrix_period", out.summary_matrix_period, kShortest, kLongest);
  section.duration("pre_prepare_period", out.pre_prepare_period, kShortest, kLongest);
  section.duration("retransmit_period", out.retransmit_period, milliseconds(1), seconds(60));
  section.integer("k_lat", out.k_lat, 1U, kMaxKLat);
  section.duration("delta_pp", out.delta_pp, out.pre_prepare_period, seconds(60));
  section.duration("tat_measure_period", out.tat_measure_period, kShortest, kLongest);
  section.duration("rtt_ping_period", out.rtt_ping_period, kShortest, kLongest);
  section.duration("reconciliation_delay", out.reconciliation_delay, Duration(), kLongest);
  section.integer("max_updates_per_request", out.max_updates_per_request, 1U,
                  static_cast<std::uint32_t>(kMaxUpdatesPerPoRequest));
  section.integer("preorder_window", out.preorder_window, kMinPreorderWindow, kMaxPrimeWindow);
  section.integer("ordering_window", out.ordering_window, kMinOrderingWindow, kMaxPrimeWindow);
  if (out.delta_pp < out.pre_prepare_period) {
    section.fault("delta_pp",
                  fmt::format("delta_pp is {}, below pre_prepare_period = \"{}\"; a correct leader would be "
                              "suspected, so raise delta_pp above it",
                              to_string(out.delta_pp), to_string(out.pre_prepare_period)));
  }
  section.integer("kept_window", out.kept_window, kMinKeptWindow, kMaxKeptWindow);
  // Whoever goes on from a checkpoint needs what was ordered since.
  section.integer("checkpoint_interval", out.checkpoint_interval, 1U, out.kept_window);
}

void read_link(Section& section, LinkSettings& out) {
  constexpr std::size_t kMinIpMtu = 576;  // every IPv4 path carries that much (RFC 791)
  constexpr std::size_t kMaxIpMtu = kMaxFrameBytes - kEthernetHeaderBytes;
  section.integer("ip_mtu", out.ip_mtu, kMinIpMtu, kMaxIpMtu);
  section.boolean("lossy", out.lossy);
}

void read_bft(Faults& faults, const toml::table& table, BftSettings& out) {
  Section section(faults, table, "[bft]",
                  {"timeout", "keep_timeout", "retransmit_period", "max_updates_per_batch", "pipeline",
                   "checkpoint_interval", "window", "kept_window", "authentication"});
  section.duration("timeout", out.timeout, milliseconds(1), seconds(60));
  section.boolean("keep_timeout", out.keep_timeout);
  section.duration("retransmit_period", out.retransmit_period, milliseconds(1), seconds(60));
  section.integer("max_updates_per_batch", out.max_updates_per_batch, 1U,
                  static_cast<std::uint32_t>(message::kMaxUpdatesPerBatch));
  section.integer("pipeline", out.pipeline, 1U, static_cast<std::uint32_t>(message::kMaxBftWindow));
  section.integer("checkpoint_interval", out.checkpoint_interval, 1U,
                  static_cast<std::uint32_t>(message::kMaxBftWindow / 2));
  section.integer("window", out.window, 2U, static_cast<std::uint32_t>(message::kMaxBftWindow));
  section.integer("kept_window", out.kept_window, kMinKeptWindow, kMaxKeptWindow);
  section.one_of("authentication", out.authentication, Choices<message::Authentication>(kAuthentications));
  if (out.window < 2 * out.checkpoint_interval) {
    section.fault("window",
                  fmt::format("window = {} is less than two checkpoint intervals of {}; the leader would wait "
                              "for every checkpoint, so raise it or checkpoint more often",
                              out.window, out.checkpoint_interval));
  }
  if (out.window % out.checkpoint_interval != 0) {
    section.fault("window", fmt::format("window = {} is no multiple of checkpoint_interval = {}; servers that stop at "
                                        "its end need a checkpoint there, so make it one",
                                        out.window, out.checkpoint_interval));
  }
  if (out.pipeline > out.window) {
    section.fault("pipeline",
                  fmt::format("pipeline = {} does not fit a window of {}; lower it", out.pipeline, out.window));
  }
}

namespace {

void read_client(Faults& faults, const toml::table& table, ClientSettings& out) {
  Section section(faults, table, "[client]", {"count", "window", "timeout", "pattern"});
  section.integer("count", out.count, 1U, kMaxClients);
  section.integer("window", out.window, 1U, kMaxClientWindow);
  section.duration("timeout", out.timeout, milliseconds(1), seconds(60));
  section.one_of("pattern", out.pattern, Choices<ClientPattern>(kPatterns));
}

void read_root(Faults& faults, const toml::table& table, Topology& out) {
  Section root(
      faults, table, "the file",
      {"system", "crypto", "protocol", "prime", "bft", "service", "client", "link", "cores", "site", "global", "wan"},
      {"system", "site"});
  if (const toml::table* system = root.table("system")) read_system(faults, *system, out);
  if (const toml::table* crypto = root.table("crypto")) read_crypto(faults, *crypto, out.crypto);
  if (const toml::table* prime = root.table("prime")) read_prime(faults, *prime, out.prime);
  if (const toml::table* protocol = root.table("protocol")) {
    Section section(faults, *protocol, "[protocol]", {"local"});
    section.one_of("local", out.local_protocol, Choices<LocalProtocol>(kProtocols));
  }
  if (const toml::table* bft = root.table("bft")) read_bft(faults, *bft, out.bft);
  if (const toml::table* service = root.table("service")) {
    Section section(faults, *service, "[service]", {"kind"});
    section.one_of("kind", out.service, Choices<ServiceKind>(kServices));
  }
  if (const toml::table* client = root.table("client")) read_client(faults, *client, out.client);
  if (out.local_protocol == LocalProtocol::bft && out.client.pattern != ClientPattern::all) {
    root.fault("client", "BFT orders digests of updates that clients send to every server; write pattern = \"all\"");
  }
  if (const toml::table* link = root.table("link")) {
    Section section(faults, *link, "[link]", {"ip_mtu", "lossy"});
    read_link(section, out.link);
  }
  read_sites(faults, root, out.sites);
  if (faults.any()) return;
  if (const toml::table* cores = root.table("cores")) read_cores(faults, *cores, out);
  check_network(faults, table, out.sites);
  read_wide_area(faults, root, out);
}

}  // namespace

Result<Topology> parse_topology(std::string_view text, const std::string& name) {
  Faults faults(name);
  Topology topology;
  topology.file = name;
  try {
    const toml::table table = toml::parse(text, name);
    read_root(faults, table, topology);
  } catch (const toml::parse_error& error) {
    faults.add(error.source().begin, fmt::format("{}; correct the TOML", error.description()));
  }
  if (faults.any()) return faults.error();
  return topology;
}

Result<Topology> load_topology(const std::string& path) {
  const Result<std::string> text = read_text_file(path, "name a topology file, or make one with 'garrison new'");
  if (!text) return text.error();
  return parse_topology(text.value(), path);
}

std::string_view name(ServiceKind kind) {
  return std::ranges::find(kServices, kind, [](const auto& choice) { return choice.second; })->first;
}

std::string_view name(ClientPattern pattern) {
  return std::ranges::find(kPatterns, pattern, [](const auto& choice) { return choice.second; })->first;
}

std::string_view name(LocalProtocol protocol) {
  return std::ranges::find(kProtocols, protocol, [](const auto& choice) { return choice.second; })->first;
}

std::string_view bft_authentication_name(message::Authentication authentication) {
  return std::ranges::find(kAuthentications, authentication, [](const auto& choice) { return choice.second; })->first;
}

}  // namespace garrison::config
