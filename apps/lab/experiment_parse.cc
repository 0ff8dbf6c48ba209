// TOML to Experiment. One function per table; each is called for the whole file and again for a series that changes
// some of its keys.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>

#include "apps/adversary/attack.h"
#include "apps/lab/experiment.h"
#include "control/config/names.h"
#include "control/config/toml_section.h"
#include "control/config/topology_tables.h"

namespace garrison::lab {

namespace {

using config::Faults;
using config::Section;

constexpr std::size_t kMinMtu = 576;
constexpr std::size_t kMaxMtu = kMaxFrameBytes - kEthernetHeaderBytes;
constexpr std::uint64_t kAllMillionths = 1'000'000;
constexpr std::size_t kMaxPayload = 30'000;
constexpr std::uint64_t kMaxPaperValue = 1'000'000'000;
constexpr std::string_view kNoCosts = "none";

constexpr std::array<std::pair<std::string_view, crypto::Scheme>, 2> kSignatures{
    {{"ed25519", crypto::Scheme::modelled}, {"rsa1024", crypto::Scheme::modelled_rsa1024}}};
constexpr std::array<std::pair<std::string_view, crypto::ThresholdScheme>, 2> kSiteSignatures{
    {{"rsa1024", crypto::ThresholdScheme::modelled_rsa1024}, {"rsa2048", crypto::ThresholdScheme::modelled_rsa2048}}};
constexpr std::array<std::pair<std::string_view, config::LinkKind>, 7> kLinks{
    {{"erasure", config::LinkKind::erasure},
     {"naive", config::LinkKind::naive},
     {"forwarder", config::LinkKind::forwarder},
     {"hub-optimistic", config::LinkKind::hub_optimistic},
     {"hub-minimum-parts", config::LinkKind::hub_minimum_parts},
     {"hub-immediate", config::LinkKind::hub_immediate},
     {"blink", config::LinkKind::blink}}};
constexpr std::array<std::pair<std::string_view, adversary::HubLie>, 6> kHubLies{
    {{"silent", adversary::HubLie::silent},
     {"eager", adversary::HubLie::eager},
     {"late", adversary::HubLie::late},
     {"forged", adversary::HubLie::forged},
     {"unsent", adversary::HubLie::unsent},
     {"greedy", adversary::HubLie::greedy}}};
constexpr std::array<std::pair<std::string_view, adversary::BlinkLie>, 5> kBlinkLies{
    {{"drop", adversary::BlinkLie::drop},
     {"drop-timely", adversary::BlinkLie::drop_timely},
     {"withhold", adversary::BlinkLie::withhold},
     {"spurious", adversary::BlinkLie::spurious},
     {"late", adversary::BlinkLie::late}}};
constexpr std::array<std::pair<std::string_view, EgressScope>, 2> kScopes{
    {{"server", EgressScope::server}, {"site", EgressScope::site}}};
constexpr std::array<std::pair<std::string_view, config::LocalProtocol>, 2> kProtocols{
    {{"prime", config::LocalProtocol::prime}, {"bft", config::LocalProtocol::bft}}};
constexpr std::array<std::pair<std::string_view, client::Pattern>, 4> kPatterns{
    {{"one", client::Pattern::one_server},
     {"f+1", client::Pattern::f_plus_1},
     {"all", client::Pattern::all},
     {"co-located", client::Pattern::co_located}}};

template <typename T>
using Choices = std::span<const std::pair<std::string_view, T>>;

bool is_plain(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

struct ExperimentReader {
  Faults& faults;
  const LoadCostTable& load_cost_table;

  void run(const toml::table& table, RunSetup& out) const {
    Section section(faults, table, "[run]", {"seed", "warmup", "measure", "cost_table"});
    section.integer("seed", out.seed, std::uint64_t{0}, ~std::uint64_t{0});
    section.duration("warmup", out.warmup, Duration(), seconds(3600));
    section.duration("measure", out.measure, milliseconds(1), seconds(3600));
    std::string costs;
    section.text("cost_table", costs);
    if (costs.empty()) return;
    out.costs = nullptr;
    if (costs == kNoCosts) return;
    if (!is_plain(costs)) {
      return section.fault("cost_table",
                           fmt::format("\"{}\" is no name of a cost table; write lower-case letters, digits and '-', "
                                       "or \"{}\"",
                                       costs, kNoCosts));
    }
    Result<CostTable> loaded = load_cost_table(costs);
    if (!loaded) return section.fault("cost_table", loaded.error().message);
    out.costs = std::make_shared<const CostTable>(std::move(loaded).value());
  }

  void site(const toml::table& table, RunSetup& out) const {
    Section section(faults, table, "[site]", {"servers", "server_signatures", "client_signatures"});
    section.integer("servers", out.servers, std::size_t{4}, kMaxServersPerSite);
    if (out.servers % 3 != 1) {
      section.fault("servers", fmt::format("{} is not 3f + 1; write 4, 7, 10, 13 or 16", out.servers));
    }
    section.one_of("server_signatures", out.server_signatures, Choices<crypto::Scheme>(kSignatures));
    section.one_of("client_signatures", out.client_signatures, Choices<crypto::Scheme>(kSignatures));
  }

  void server_of(Section& section, std::string_view key, ServerId& out) const {
    std::string name;
    section.text(key, name);
    for (std::size_t i = 0; i < kMaxServersPerSite; ++i) {
      const ServerId id(static_cast<std::uint16_t>(i));
      if (name != config::server_name(SiteId(0), id)) continue;
      out = id;
      return;
    }
    section.fault(key, fmt::format("\"{}\" is no server; write A1, A2, ...", name));
  }

  void network(const toml::table& table, RunSetup& out) const {
    Section section(faults, table, "[network]",
                    {"delay", "jitter", "egress_kbit_per_s", "egress_of", "egress_buffer_bytes", "transmit_ring_bytes",
                     "ip_mtu", "loss_ppm", "duplication_ppm", "reordering_ppm", "pair"});
    section.duration("delay", out.network.delay, Duration(), seconds(10));
    section.duration("jitter", out.network.jitter, Duration(), seconds(10));
    std::uint64_t kbit = out.egress.bits_per_s / 1000;
    section.integer("egress_kbit_per_s", kbit, std::uint64_t{0}, std::uint64_t{1'000'000'000});
    out.egress.bits_per_s = kbit * 1000;
    section.one_of("egress_of", out.egress_scope, Choices<EgressScope>(kScopes));
    section.integer("egress_buffer_bytes", out.egress.buffer_bytes, kMaxFrameBytes, std::size_t{1} << 32U);
    section.integer("transmit_ring_bytes", out.egress.transmit_ring_bytes, std::size_t{1}, std::size_t{1} << 32U);
    section.integer("ip_mtu", out.ip_mtu, kMinMtu, kMaxMtu);
    section.integer("loss_ppm", out.network.loss, std::uint64_t{0}, kAllMillionths);
    section.integer("duplication_ppm", out.network.duplication, std::uint64_t{0}, kAllMillionths);
    section.integer("reordering_ppm", out.network.reordering, std::uint64_t{0}, kAllMillionths);
    for (const toml::table* pair : section.tables("pair")) {
      Section one(faults, *pair, "a pair of [network]", {"from", "to", "delay", "jitter"}, {"from", "to", "delay"});
      PairDelay& made = out.pairs.emplace_back();
      server_of(one, "from", made.from);
      server_of(one, "to", made.to);
      one.duration("delay", made.delay, Duration(), seconds(10));
      one.duration("jitter", made.jitter, Duration(), seconds(10));
    }
  }

  void sites(const toml::table& table, SitesSetup& out) const {
    Section section(faults, table, "[sites]",
                    {"count", "link", "signatures", "adaptive_sets", "longest_hub_timeout", "hub_liars",
                     "hub_liars_period", "blink_liars"});
    section.integer("count", out.count, std::size_t{1}, config::kMaxSitesPerTopology);
    out.global.f = (out.count - 1) / 3;
    section.one_of("link", out.link, Choices<config::LinkKind>(kLinks));
    section.boolean("adaptive_sets", out.adaptive_sets);
    if (section.has("longest_hub_timeout")) {
      section.duration("longest_hub_timeout", out.longest_hub_timeout.emplace(), milliseconds(25), seconds(10));
    }
    adversary::HubLie lie{};
    section.one_of("hub_liars", lie, Choices<adversary::HubLie>(kHubLies));
    if (section.has("hub_liars")) out.hub_liars = lie;
    section.duration("hub_liars_period", out.hub_liars_period, Duration(), seconds(1000));
    adversary::BlinkLie on_blink{};
    section.one_of("blink_liars", on_blink, Choices<adversary::BlinkLie>(kBlinkLies));
    if (section.has("blink_liars")) out.blink_liars = on_blink;
    section.one_of("signatures", out.signatures, Choices<crypto::ThresholdScheme>(kSiteSignatures));
  }

  void wan(const toml::table& table, SitesSetup& out) const {
    Section section(faults, table, "[wan]", {"delay", "egress_kbit_per_s", "fair_uplinks", "ip_mtu"});
    section.duration("delay", out.delay, Duration(), seconds(10));
    std::uint64_t kbit = out.egress_bits_per_s / 1000;
    section.integer("egress_kbit_per_s", kbit, std::uint64_t{0}, std::uint64_t{1'000'000'000});
    out.egress_bits_per_s = kbit * 1000;
    section.boolean("fair_uplinks", out.fair_uplinks);
    section.integer("ip_mtu", out.ip_mtu, kMinMtu, kMaxMtu);
  }

  void workload(const toml::table& table, RunSetup& out) const {
    Section section(faults, table, "[workload]",
                    {"clients", "payload_bytes", "pattern", "start_over", "think", "timeout", "delay", "over_network"});
    section.integers("clients", out.clients, std::size_t{1}, std::size_t{config::kMaxClients});
    std::size_t payload = out.workload.payload_bytes.value_or(0);
    section.integer("payload_bytes", payload, std::size_t{0}, kMaxPayload);
    out.workload.payload_bytes = payload;
    section.one_of("pattern", out.workload.pattern, Choices<client::Pattern>(kPatterns));
    section.duration("start_over", out.workload.start_over, Duration(), seconds(3600));
    section.duration("think", out.workload.think, Duration(), seconds(3600));
    section.duration("timeout", out.workload.timeout, milliseconds(1), seconds(3600));
    section.duration("delay", out.workload.delay, Duration(), seconds(10));
    section.boolean("over_network", out.workload.over_network);
  }

  // The tables that the file and a series have alike.
  void setup(Section& section, RunSetup& out) const {
    if (const toml::table* table = section.table("run")) run(*table, out);
    if (const toml::table* table = section.table("site")) site(*table, out);
    if (const toml::table* table = section.table("network")) network(*table, out);
    if (const toml::table* table = section.table("prime")) config::read_prime(faults, *table, out.prime);
    if (const toml::table* table = section.table("bft")) config::read_bft(faults, *table, out.bft);
    if (const toml::table* table = section.table("sites")) sites(*table, out.sites);
    if (const toml::table* table = section.table("global")) {
      config::read_global(faults, *table, out.sites.count, out.prime, out.sites.global);
    }
    if (const toml::table* table = section.table("wan")) wan(*table, out.sites);
    if (const toml::table* table = section.table("workload")) workload(*table, out);
  }

  void paper(Section& section, std::vector<PaperPoint>& out) const {
    for (const toml::table* table : section.tables("paper")) {
      Section point(faults, *table, "a point of the paper", {"clients", "updates_per_s", "latency_ms"}, {"clients"});
      PaperPoint& made = out.emplace_back();
      point.integer("clients", made.clients, std::size_t{1}, std::size_t{kMaxPaperValue});
      point.integer("updates_per_s", made.updates_per_s, std::uint64_t{1}, kMaxPaperValue);
      point.integer("latency_ms", made.latency_ms, std::uint64_t{1}, kMaxPaperValue);
    }
  }

  void series(const toml::table& table, const RunSetup& common, Series& out, const std::string& file) const {
    Section section(faults, table, "[[series]]",
                    {"name", "title", "protocol", "adversary", "paper", "run", "site", "network", "prime", "bft",
                     "sites", "global", "wan", "workload"},
                    {"name"});
    section.text("name", out.name);
    if (section.has("name") && !is_plain(out.name)) {
      section.fault("name", fmt::format("\"{}\" is not plain; write lower-case letters, digits and '-'", out.name));
    }
    out.title = out.name;
    section.text("title", out.title);
    section.one_of("protocol", out.protocol, Choices<config::LocalProtocol>(kProtocols));
    section.texts("adversary", out.adversary);
    paper(section, out.paper);
    out.setup = common;
    setup(section, out.setup);
    if (out.setup.clients.empty()) {
      section.fault("workload", fmt::format("series {} has no clients; add clients to [workload]", out.name));
    }
    if (out.adversary.empty()) return;
    if (out.setup.sites.count > 1) {
      return section.fault("adversary", "an adversary has the servers of one site; take it away");
    }
    const auto attack =
        adversary::Attack::make(out.adversary, {.n = out.setup.servers, .f = out.setup.faults()}, out.setup.seed);
    if (attack) return;
    const toml::source_position at = section.position("adversary");
    out.unavailable = Error{fmt::format("{}:{}:{}: {}", file, at.line, at.column, attack.error().message)};
  }

  void root(const toml::table& table, Experiment& out) const {
    Section section(
        faults, table, "the file",
        {"title", "source", "run", "site", "network", "prime", "bft", "sites", "global", "wan", "workload", "series"},
        {"title", "series"});
    section.text("title", out.title);
    section.text("source", out.source);
    RunSetup common;
    common.workload.payload_bytes = 0;
    setup(section, common);
    for (const toml::table* one : section.tables("series")) {
      Series made;
      series(*one, common, made, out.file);
      const bool taken = std::ranges::any_of(out.series, [&](const Series& other) { return other.name == made.name; });
      if (taken) faults.add(one->source().begin, fmt::format("series {} is there already; rename it", made.name));
      out.series.push_back(std::move(made));
    }
  }
};

}  // namespace

Result<Experiment> parse_experiment(std::string_view text, const std::string& file,
                                    const LoadCostTable& load_cost_table) {
  Faults faults(file);
  Experiment experiment;
  experiment.file = file;
  experiment.name = std::filesystem::path(file).stem().string();
  try {
    const toml::table table = toml::parse(text, file);
    ExperimentReader{faults, load_cost_table}.root(table, experiment);
  } catch (const toml::parse_error& error) {
    faults.add(error.source().begin, fmt::format("{}; correct the TOML", error.description()));
  }
  if (faults.any()) return faults.error();
  return experiment;
}

}  // namespace garrison::lab
