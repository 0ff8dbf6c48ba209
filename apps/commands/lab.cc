#include "apps/commands/lab.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "apps/commands/attack_options.h"
#include "apps/commands/client_identity.h"
#include "apps/commands/command.h"
#include "apps/commands/conditions.h"
#include "apps/commands/lab_run.h"
#include "apps/commands/lab_sites.h"
#include "apps/commands/protocol.h"
#include "apps/commands/seeds.h"
#include "apps/lab/simulation.h"
#include "control/config/text_values.h"

namespace garrison::apps {
namespace {

struct Options {
  lab::SimulationOptions simulation;
  std::string protocol{config::name(config::LocalProtocol::prime)};
  std::uint64_t runs = 1;
  unsigned jobs = 0;
  bool json = false;
  bool check_digest = false;
  std::size_t sites = 1;
  std::string link = "erasure";
  std::string signatures{crypto::name(SitesRun().signatures)};
  std::string site_adversary;
  bool first_sites = false;
  bool liars = false;
  bool site_liars = false;
  RunLength length;
  std::optional<Duration> local_period;
  std::optional<config::BitRate> wan_rate;
  std::string hub_liars;
  bool unpoliced = false;
  std::string blink_liars;
  bool forwarder_liars = false;
};

// Of attacked runs: what is left of the network's faults, and the calm in which BOUNDED-DELAY is held against them.
constexpr Duration kFaultsWhenAttacked = seconds(5);
constexpr Duration kCalmWhenAttacked = seconds(5);
constexpr Duration kGraceWithLaggards = seconds(180);

std::string replay_line(const Options& options, std::uint64_t seed) {
  const adversary::AttackText& attack = options.simulation.attack;
  std::string attacked = attack.empty() ? "" : fmt::format(" --adversary {} --faulty {}", attack.specs, attack.faulty);
  if (options.simulation.unseat_leaders) attacked += " --unseat-leaders";
  if (options.simulation.laggards) attacked += " --laggards";
  if (options.simulation.reads == client::Reads::site) attacked += " --reads site";
  if (options.simulation.faulty_clients > 0) {
    attacked += fmt::format(" --faulty-clients {}", options.simulation.faulty_clients);
  }
  return fmt::format("garrison lab sim --protocol {} --seed {} --f {} --clients {} --updates {}{}  # {}",
                     options.protocol, seed, options.simulation.f, options.simulation.clients,
                     options.simulation.updates, attacked + describe(options.length), build_commit());
}

void print_row(const lab::SimulationResult& result) {
  fmt::print(
      "seed {:<6} {}  {:5.1f} virtual s  {:4} updates  lost {:5}  duplicated {:5}  overtaken {:5}  partitions {} "
      "({} frames)  crashed {}  late {}  restored {}  resent {}  slowest {:.1f} of {:.1f} ms ({})  views {}  misdeeds "
      "{}{}  digest {}{}\n",
      result.seed, result.ok() ? "ok  " : "FAIL", result.virtual_s, result.updates, result.network.lost,
      result.network.duplicated, result.network.overtaken, result.partitions, result.network.partitioned,
      result.crashes, result.late_starts, result.restores, result.client_timeouts, result.slowest.seconds() * 1e3,
      result.bound.seconds() * 1e3, result.held_to_bound, result.view_changes, result.misdeeds,
      describe(result.queries), hex(result.digest, 8), result.acted.empty() ? "" : "  acted: " + result.acted);
}

nlohmann::json json_row(const lab::SimulationResult& result) {
  return {{"seed", result.seed},
          {"ok", result.ok()},
          {"violation", result.violation.empty() ? nlohmann::json(nullptr) : nlohmann::json(result.violation)},
          {"virtual_s", result.virtual_s},
          {"updates", result.updates},
          {"digest", hex(result.digest)},
          {"frames_sent", result.network.sent},
          {"frames_lost", result.network.lost},
          {"frames_duplicated", result.network.duplicated},
          {"frames_overtaken", result.network.overtaken},
          {"frames_partitioned", result.network.partitioned},
          {"partitions", result.partitions},
          {"crashes", result.crashes},
          {"late_starts", result.late_starts},
          {"restores", result.restores},
          {"client_timeouts", result.client_timeouts},
          {"client_misdeeds", result.misdeeds},
          {"queries", result.queries.submitted},
          {"queries_at_once", result.queries.at_once},
          {"queries_ordered", result.queries.ordered},
          {"held_to_bound", result.held_to_bound},
          {"slowest_ms", result.slowest.seconds() * 1e3},
          {"view_changes_when_stable", result.view_changes},
          {"bound_ms", result.bound.seconds() * 1e3},
          {"acted", result.acted.empty() ? nlohmann::json(nullptr) : nlohmann::json(result.acted)}};
}

// A run whose plan drew no fault of a kind is fine; a batch in which a kind of fault never happened proves nothing.
std::string missing_fault(const std::vector<lab::SimulationResult>& results, const lab::SimulationOptions& options) {
  lab::SimulationResult sum;
  for (const lab::SimulationResult& one : results) {
    sum.network.lost += one.network.lost;
    sum.network.duplicated += one.network.duplicated;
    sum.network.overtaken += one.network.overtaken;
    sum.network.partitioned += one.network.partitioned;
    sum.crashes += one.crashes;
    sum.late_starts += one.late_starts;
    sum.restores += one.restores;
    sum.held_to_bound += one.held_to_bound;
  }
  if (sum.network.lost == 0) return "no frame was lost";
  if (sum.network.duplicated == 0) return "no frame was duplicated";
  if (sum.network.overtaken == 0) return "no frame overtook another";
  if (sum.network.partitioned == 0) return "no partition cut anything";
  if (results.size() >= 10 && sum.crashes == 0 && options.attack.empty()) return "no server crashed";
  if (options.laggards && sum.restores == 0) return "no server took over a state";
  if (options.laggards && results.size() >= 10 && sum.late_starts == 0) return "no server started late";
  if (options.calm_for > Duration() && sum.held_to_bound == 0) return "no update was held to the bound";
  return {};
}

std::vector<lab::SimulationResult> run_all(const Options& options) {
  lab::LabTopology topology{.servers = 3 * options.simulation.f + 1,
                            .clients = options.simulation.clients,
                            .lossy = true,
                            .protocol = local_protocol(options.protocol)};
  if (options.simulation.laggards) {
    topology.prime = lab::small_windows();
    topology.bft = lab::small_bft_windows();
  }
  const std::shared_ptr<const lab::LabKeys> keys = lab::make_lab_keys(topology);
  return run_seeds(
      {.first = options.simulation.seed, .runs = options.runs, .jobs = options.jobs, .twice = options.check_digest},
      [&](std::uint64_t seed) {
        lab::SimulationOptions one = options.simulation;
        one.seed = seed;
        return lab::simulate(one, keys);
      },
      [&](const lab::SimulationResult& result) {
        if (!options.json) print_row(result);
      },
      [&](std::uint64_t seed) { return replay_line(options, seed); });
}

// One line of what is wrong with --adversary and --faulty; none when a site of this size can be attacked so.
std::optional<std::string> refuse_attack(const Options& options) {
  if (options.simulation.attack.empty()) return std::nullopt;
  const auto attack =
      adversary::Attack::make(options.simulation.attack, {.n = 3 * options.simulation.f + 1, .f = options.simulation.f},
                              options.simulation.seed);
  return attack ? std::nullopt : std::optional(attack.error().message);
}

// What is meant for a site alone, and is asked of several.
std::optional<std::string> only_alone(const Options& options) {
  const lab::SimulationOptions& one = options.simulation;
  if (one.unseat_leaders) return "--unseat-leaders";
  if (one.faulty_clients > 0) return "--faulty-clients";
  if (local_protocol(options.protocol) != config::LocalProtocol::prime) return "--protocol bft";
  return std::nullopt;
}

int sim_sites(const Options& options) {
  if (const auto misplaced = only_alone(options); misplaced.has_value()) {
    return complain(*misplaced + " is for a site alone; leave it or --sites out"), kMisused;
  }
  if (options.forwarder_liars && options.link != "forwarder") {
    return complain("--forwarder-liars needs forwarders; add --link forwarder"), kMisused;
  }
  const lab::SimulationOptions& one = options.simulation;
  return simulate_sites({.sites = options.sites,
                         .f = one.f,
                         .link = options.link,
                         .signatures = *crypto::threshold_scheme_from_name(options.signatures),
                         .clients = one.clients,
                         .updates = one.updates,
                         .seed = one.seed,
                         .runs = options.runs,
                         .jobs = options.jobs,
                         .json = options.json,
                         .check_digest = options.check_digest,
                         .laggards = one.laggards,
                         .liars = options.liars,
                         .site_liars = options.site_liars,
                         .wan_rate = options.wan_rate,
                         .hub_liars = options.hub_liars,
                         .unpoliced = options.unpoliced,
                         .blink_liars = options.blink_liars,
                         .forwarder_liars = options.forwarder_liars,
                         .adversary = one.attack.specs,
                         .site_adversary = options.site_adversary,
                         .first_sites = options.first_sites,
                         .length = options.length,
                         .local_period = options.local_period,
                         .reads = one.reads});
}

int sim(Options options) {
  if (options.sites > 1) return sim_sites(options);
  if (options.liars || options.site_liars || options.forwarder_liars || !options.hub_liars.empty() ||
      !options.blink_liars.empty() || !options.site_adversary.empty() || options.local_period.has_value() ||
      options.wan_rate.has_value() || options.unpoliced || options.signatures != Options().signatures) {
    return complain(
               "--liars, --site-liars, --hub-liars, --blink-liars, --forwarder-liars, --site-adversary, "
               "--local-period, --wan-rate, --unpoliced and --signatures are for several sites; say how many with "
               "--sites"),
           kMisused;
  }
  if (options.simulation.faulty_clients >= options.simulation.clients) {
    return complain("fewer clients must be faulty than there are"), kMisused;
  }
  if (const auto refused = refuse_attack(options); refused.has_value()) return complain(*refused), kMisused;
  if (!options.simulation.attack.empty()) {
    options.simulation.faults_for = kFaultsWhenAttacked;
    // BOUNDED-DELAY is what Prime promises, and BFT does not.
    if (local_protocol(options.protocol) == config::LocalProtocol::prime) {
      options.simulation.calm_for = kCalmWhenAttacked;
    }
  }
  options.simulation.faults_for = options.length.faults.value_or(options.simulation.faults_for);
  options.simulation.calm_for = options.length.calm.value_or(options.simulation.calm_for);
  // A site that stands still until a laggard is back leaves the clients most of their updates for afterwards.
  if (options.simulation.laggards) options.simulation.grace = kGraceWithLaggards;
  const std::vector<lab::SimulationResult> results = run_all(options);
  std::size_t failed = 0;
  for (const lab::SimulationResult& result : results) failed += result.ok() ? 0 : 1;
  const std::string missing = missing_fault(results, options.simulation);
  if (options.json) {
    nlohmann::json rows = nlohmann::json::array();
    for (const lab::SimulationResult& result : results) rows.push_back(json_row(result));
    nlohmann::json conditions = base_conditions();
    conditions["servers"] = 3 * options.simulation.f + 1;
    conditions["f"] = options.simulation.f;
    conditions["clients"] = options.simulation.clients;
    conditions["signatures"] = "modelled";
    conditions["protocol"] = protocol_condition(local_protocol(options.protocol));
    fmt::print("{}\n", nlohmann::json{{"conditions", conditions}, {"results", rows}}.dump(2));
  } else {
    fmt::print("{} runs, {} without violation, {} with\n", results.size(), results.size() - failed, failed);
  }
  if (!missing.empty()) complain("these seeds prove too little: " + missing + "; run more of them");
  return failed == 0 && missing.empty() ? kDone : kFailed;
}

int list_adversaries() {
  for (const adversary::Kind& kind : adversary::kinds()) {
    std::string spec(kind.name);
    for (const adversary::OptionOfKind& option : kind.options)
      spec += fmt::format(":{}={}", option.name, option.initial);
    fmt::print("{}\n    {}\n", spec, kind.summary);
  }
  for (const adversary::Preset& preset : adversary::presets()) {
    fmt::print("{} = {}\n    {}\n", preset.name, preset.specs, preset.summary);
  }
  return kDone;
}

}  // namespace

void add_lab_command(CLI::App& app, int& exit_status) {
  CLI::App& lab = *app.add_subcommand("lab", "experiments and seeded simulation in virtual time");
  lab.require_subcommand(1);
  lab.add_subcommand("adversaries", "list what faulty servers can do")->callback([&exit_status] {
    exit_status = list_adversaries();
  });
  CLI::App& command = *lab.add_subcommand(
      "sim", "run a site under seeded faults and check agreement, validity, exactly-once and liveness");
  const auto options = std::make_shared<Options>();
  command.add_option("--seed", options->simulation.seed, "first seed")->capture_default_str();
  command.add_option("--runs", options->runs, "how many seeds, one after the other")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_protocol_option(command, options->protocol);
  command.add_option("--f", options->simulation.f, "faults tolerated; 3f+1 servers")
      ->check(CLI::Range(1, 5))
      ->capture_default_str();
  command.add_option("--clients", options->simulation.clients, "closed-loop clients")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--updates", options->simulation.updates, "updates of all clients together")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  add_attack_options(command, "--adversary", options->simulation.attack);
  command.add_option("--faulty-clients", options->simulation.faulty_clients, "how many of the clients are faulty")
      ->capture_default_str();
  command.add_flag("--unseat-leaders", options->simulation.unseat_leaders,
                   "the network cuts off correct leaders until a faulty server leads");
  command.add_flag("--laggards", options->simulation.laggards,
                   "servers are away for long or start late, and the others keep little for them");
  add_reads_option(command, options->simulation.reads);
  command.add_option("--sites", options->sites, "sites of so many servers; several order among themselves")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  command.add_option("--link", options->link, "between sites")
      ->check(CLI::IsMember(
          {"erasure", "naive", "forwarder", "hub-optimistic", "hub-minimum-parts", "hub-immediate", "blink"}))
      ->capture_default_str();
  command
      .add_option("--signatures", options->signatures,
                  "of sites; with real ones, servers and clients sign with Ed25519, too")
      ->check(CLI::IsMember({"modelled-rsa1024", "modelled-rsa2048", "shoup-rsa1024", "shoup-rsa2048"}))
      ->capture_default_str();
  command.add_option("--site-adversary", options->site_adversary,
                     "what as many whole sites as may be faulty do among sites, as --adversary takes it");
  command.add_flag("--first-sites", options->first_sites, "the first sites are the faulty ones, which lead first");
  command.add_flag("--liars", options->liars, "f servers of every site lie about parts, shares or time");
  command.add_flag("--site-liars", options->site_liars,
                   "as many whole sites as may be faulty lie about who sent wrong parts");
  add_length_options(command, options->length);
  add_duration(command, "--local-period",
               "servers of several sites keep to this, instead of saying at once what is new", options->local_period);
  command.add_option("--hub-liars", options->hub_liars, "what f servers of every site do wrong on its hub")
      ->check(CLI::IsMember({"silent", "eager", "late", "forged", "unsent", "greedy"}));
  command.add_flag("--unpoliced", options->unpoliced,
                   "greedy ones take of their site's uplink what they can; else each server has its share");
  const auto take_rate = [options](const std::string& text) {
    options->wan_rate = config::parse_rate(text);
    if (!options->wan_rate) throw CLI::ValidationError("--wan-rate", text + " is no rate; write it as 10Mbit/s");
  };
  command
      .add_option_function<std::string>("--wan-rate", take_rate,
                                        "of what each site sends to all others; default: no limit, but 5Mbit/s where "
                                        "servers are greedy")
      ->type_name("RATE");
  command.add_option("--blink-liars", options->blink_liars, "what f servers of every site do wrong on blink links")
      ->check(CLI::IsMember({"drop", "drop-timely", "withhold", "spurious", "late"}));
  command.add_flag("--forwarder-liars", options->forwarder_liars,
                   "with --link forwarder: in every site a forwarder is compromised for a while, or crashes");
  command.add_option("--jobs", options->jobs, "seeds at a time; 0: one per core")->capture_default_str();
  command.add_flag("--twice", options->check_digest, "run each seed twice and compare the digests");
  command.add_flag("--json", options->json, "print one JSON object");
  command.callback([options, &exit_status] { exit_status = sim(*options); });
  add_lab_run_command(lab, exit_status);
  add_lab_list_command(lab, exit_status);
}

}  // namespace garrison::apps
