#include "apps/commands/lab_sites.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "apps/commands/command.h"
#include "apps/commands/conditions.h"
#include "apps/commands/hub_row.h"
#include "apps/commands/seeds.h"
#include "apps/lab/system_simulation.h"
#include "control/config/link_pairs.h"
#include "control/config/text_values.h"
#include "control/config/timing.h"

namespace garrison::apps {

namespace {

using lab::SystemSimulationOptions;
using lab::SystemSimulationResult;

// What a site may send where servers are greedy and nothing else is said: some more than correct ones send, so that a
// greedy one fills the uplink by itself and a run does not take too long.
constexpr config::BitRate kRateWhenGreedy{5'000'000};

bool greedy(const SitesRun& run) { return adversary::hub_lie(run.hub_liars) == adversary::HubLie::greedy; }

SystemSimulationOptions options_of(const SitesRun& run, std::uint64_t seed) {
  SystemSimulationOptions options;
  options.seed = seed;
  options.clients = run.clients;
  options.updates = run.updates;
  options.laggards = run.laggards;
  options.liars = run.liars;
  options.site_liars = run.site_liars;
  options.hub_liars = adversary::hub_lie(run.hub_liars);
  options.fair_uplinks = greedy(run) && !run.unpoliced;
  options.blink_liars = adversary::blink_lie(run.blink_liars);
  options.forwarder_liars = run.forwarder_liars;
  options.attack = run.adversary;
  options.attack_on_sites = run.site_adversary;
  options.first_sites = run.first_sites;
  options.reads = run.reads;
  options.faults_for = run.length.faults.value_or(options.faults_for);
  options.calm_for = run.length.calm.value_or(options.calm_for);
  return options;
}

std::string replay_line(const SitesRun& run, std::uint64_t seed) {
  std::string line = fmt::format("garrison lab sim --sites {} --f {} --link {} --clients {} --updates {} --seed {}",
                                 run.sites, run.f, run.link, run.clients, run.updates, seed);
  if (run.signatures != SitesRun().signatures) line += fmt::format(" --signatures {}", crypto::name(run.signatures));
  if (!run.adversary.empty()) line += " --adversary " + run.adversary;
  if (!run.site_adversary.empty()) line += " --site-adversary " + run.site_adversary;
  if (run.first_sites) line += " --first-sites";
  if (run.laggards) line += " --laggards";
  if (run.liars) line += " --liars";
  if (run.site_liars) line += " --site-liars";
  if (!run.hub_liars.empty()) line += " --hub-liars " + run.hub_liars;
  if (run.wan_rate.has_value()) line += " --wan-rate " + config::to_string(*run.wan_rate);
  if (run.unpoliced) line += " --unpoliced";
  if (!run.blink_liars.empty()) line += " --blink-liars " + run.blink_liars;
  if (run.forwarder_liars) line += " --forwarder-liars";
  if (run.reads == client::Reads::site) line += " --reads site";
  if (run.local_period.has_value()) line += " --local-period " + config::to_string(*run.local_period);
  return line + describe(run.length) + "  # " + build_commit();
}

std::string describe_hub(const server::HubCounts& hub, double parts_per_message, std::uint64_t demotions) {
  if (hub.sent.submitted == 0) return {};
  return fmt::format("  {:.2f} parts per message (cancelled {}, needless {}, asked for {}, requests {}, demotions {})",
                     parts_per_message, hub.sent.cancelled, hub.sent.needless, hub.sent.sent_asked, hub.requested,
                     demotions);
}

void print_row(const SystemSimulationResult& result) {
  fmt::print(
      "seed {:<6} {}  {:5.1f} virtual s  {:4} updates  lost {:5}  cut off {}  crashed {}  away {}  restored {}  "
      "signatures {:5}  link "
      "messages {:5}  listed {}  view {}  p50 {:.0f} p99 {:.0f} ms ({})  slowest {:.0f} of {:.0f} ms ({}){}  digest "
      "{}{}\n",
      result.seed, result.ok() ? "ok  " : "FAIL", result.virtual_s, result.updates, result.wan.lost, result.cut_offs,
      result.crashes, result.absences, result.restores, result.site_signatures, result.link_messages, result.listed,
      result.global_view, result.p50.seconds() * 1e3, result.p99.seconds() * 1e3, result.calm_updates,
      result.slowest.seconds() * 1e3, result.bound.seconds() * 1e3, result.held_to_bound,
      describe(result.queries) + describe_hub(result.hub, result.parts_per_message, result.demotions) +
          (result.rotations == 0 ? "" : fmt::format("  rotations {}", result.rotations)),
      hex(result.digest, 8), result.acted.empty() ? "" : "  acted: " + result.acted);
}

nlohmann::json json_row(const SystemSimulationResult& result) {
  nlohmann::json row = {
      {"seed", result.seed},
      {"ok", result.ok()},
      {"violation", result.violation.empty() ? nlohmann::json(nullptr) : nlohmann::json(result.violation)},
      {"virtual_s", result.virtual_s},
      {"updates", result.updates},
      {"digest", hex(result.digest)},
      {"wan_frames_sent", result.wan.sent},
      {"wan_frames_lost", result.wan.lost},
      {"cut_offs", result.cut_offs},
      {"crashes", result.crashes},
      {"absences", result.absences},
      {"restores", result.restores},
      {"site_signatures", result.site_signatures},
      {"link_messages", result.link_messages},
      {"listed", result.listed},
      {"failed_decodings", result.failed_decodings},
      {"view", result.global_view},
      {"held_to_bound", result.held_to_bound},
      {"calm_updates", result.calm_updates},
      {"p50_ms", result.p50.seconds() * 1e3},
      {"p99_ms", result.p99.seconds() * 1e3},
      {"slowest_ms", result.slowest.seconds() * 1e3},
      {"bound_ms", result.bound.seconds() * 1e3},
      {"hub_demotions", result.demotions},
      {"blink_rotations", result.rotations},
      {"queries", result.queries.submitted},
      {"queries_at_once", result.queries.at_once},
      {"queries_ordered", result.queries.ordered},
      {"acted", result.acted.empty() ? nlohmann::json(nullptr) : nlohmann::json(result.acted)}};
  return with_hub(std::move(row), result.hub, result.parts_per_message);
}

// One line of what is wrong with an adversary; none when so many participants can be attacked so.
std::optional<std::string> refuse(const std::string& specs, std::size_t n, std::size_t f) {
  if (specs.empty()) return std::nullopt;
  if (f == 0) return "none of so few may be faulty; take more of them";
  const auto attack = adversary::Attack::make(adversary::AttackText{specs, std::to_string(f)}, {.n = n, .f = f}, 1);
  return attack ? std::nullopt : std::optional(attack.error().message);
}

}  // namespace

std::string describe(const client::QueryStats& queries) {
  if (queries.submitted == 0) return {};
  return fmt::format("  queries {} ({} at once, {} ordered)", queries.submitted, queries.at_once, queries.ordered);
}

int simulate_sites(const SitesRun& run) {
  const std::size_t servers = 3 * run.f + 1;
  for (const auto& refused :
       {refuse(run.adversary, servers, run.f), refuse(run.site_adversary, run.sites, (run.sites - 1) / 3)}) {
    if (refused.has_value()) return complain(*refused), kMisused;
  }
  const bool can_be_greedy = greedy(run) && run.link == "erasure";
  if (!run.hub_liars.empty() && !config::on_hub(*config::link_kind(run.link)) && !can_be_greedy) {
    return complain("--hub-liars needs a hub; say --link hub-optimistic, or another one, or greedy for erasure links"),
           kMisused;
  }
  if (run.unpoliced && !greedy(run)) return complain("--unpoliced is for --hub-liars greedy"), kMisused;
  if (!run.blink_liars.empty() && run.link != "blink") {
    return complain("--blink-liars needs blink links; say --link blink"), kMisused;
  }
  if (run.link == "naive" && config::naive_copies({servers, run.f}, {servers, run.f}) > config::kMaxLinkParts) {
    return complain("the naive link has no room for so many copies; take a smaller f, or --link erasure"), kMisused;
  }
  config::PrimeSettings prime = run.laggards ? lab::small_windows_among_sites() : config::PrimeSettings();
  if (run.local_period.has_value()) prime = lab::paced(prime, *run.local_period);
  config::GlobalSettings global;
  const config::GlobalBounds bounds = config::global_bounds(global, prime);
  global.clock_bound = std::max(global.clock_bound, bounds.clock_bound);
  global.prime.delta_pp = std::max(global.prime.delta_pp, bounds.delta_pp);
  const crypto::Scheme of_principals =
      crypto::is_modelled(run.signatures) ? crypto::Scheme::modelled : crypto::Scheme::ed25519;
  const auto rate = run.wan_rate.has_value() || !greedy(run) ? run.wan_rate : kRateWhenGreedy;
  const std::shared_ptr<const lab::LabKeys> keys = lab::make_lab_keys({.sites = run.sites,
                                                                       .link = *config::link_kind(run.link),
                                                                       .backup_forwarders = run.link == "forwarder",
                                                                       .global = global,
                                                                       .wan_rate = rate,
                                                                       .servers = servers,
                                                                       .clients = run.clients,
                                                                       .lossy = true,
                                                                       .prime = prime,
                                                                       .server_scheme = of_principals,
                                                                       .client_scheme = of_principals,
                                                                       .site_scheme = run.signatures});
  const std::vector<SystemSimulationResult> results = run_seeds(
      {.first = run.seed, .runs = run.runs, .jobs = run.jobs, .twice = run.check_digest},
      [&](std::uint64_t seed) { return lab::simulate_system(options_of(run, seed), keys); },
      [&](const SystemSimulationResult& result) {
        if (!run.json) print_row(result);
      },
      [&](std::uint64_t seed) { return replay_line(run, seed); });

  const auto failed = std::ranges::count_if(results, [](const auto& result) { return !result.ok(); });
  if (run.json) {
    nlohmann::json rows = nlohmann::json::array();
    for (const SystemSimulationResult& result : results) rows.push_back(json_row(result));
    nlohmann::json conditions = base_conditions();
    conditions["sites"] = run.sites;
    conditions["servers"] = servers;
    conditions["f"] = run.f;
    conditions["f_global"] = keys->topology.global.f;
    conditions["link"] = run.link;
    conditions["clients"] = run.clients;
    conditions["wan_rate"] = rate.has_value() ? nlohmann::json(config::to_string(*rate)) : nlohmann::json(nullptr);
    conditions["signatures"] = crypto::name(of_principals);
    conditions["site_signatures"] = crypto::name(run.signatures);
    fmt::print("{}\n", nlohmann::json{{"conditions", conditions}, {"results", rows}}.dump(2));
  } else {
    fmt::print("{} runs, {} without violation, {} with\n", results.size(),
               results.size() - static_cast<std::size_t>(failed), failed);
  }
  const bool idle =
      run.laggards && std::ranges::none_of(results, [](const auto& result) { return result.restores > 0; });
  if (idle) complain("these seeds prove too little: no server took over its site's machine; run more of them");
  return failed == 0 && !idle ? kDone : kFailed;
}

}  // namespace garrison::apps
