#include "apps/commands/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "apps/commands/command.h"
#include "control/config/key_files.h"
#include "control/config/names.h"
#include "control/config/topology.h"
#include "control/ordering/quorum.h"

namespace garrison::apps {
namespace {

struct Options {
  std::string topology{kDefaultTopologyFile};
  std::string keys;  // empty: not looked at
  std::string only;
};

std::string summary(const config::Topology& topology) {
  const auto sizes = [](const config::SiteSettings& site) {
    return fmt::format("{} servers, f = {}, quorum {}", site.n(), site.f, ordering::quorum(site.n(), site.f));
  };
  const std::size_t sites = topology.sites.size();
  if (sites == 1) return fmt::format("system {}, {}", topology.name, sizes(topology.sites.front()));
  std::string text = fmt::format("system {}, {} sites, F = {}, quorum {}", topology.name, sites, topology.global.f,
                                 ordering::quorum(sites, topology.global.f));
  if (sites == 2) text += " (the loss of either site stops the other)";
  const config::SiteSettings& first = topology.sites.front();
  if (std::ranges::all_of(topology.sites, [&](const auto& site) { return site.n() == first.n(); })) {
    return text + fmt::format(", each of {}", sizes(first));
  }
  for (const config::SiteSettings& site : topology.sites) text += fmt::format(", {}: {}", site.name, sizes(site));
  return text;
}

int check(const Options& options) {
  const auto loaded = config::load_topology(options.topology);
  if (!loaded) return complain(loaded.error().message), kMisused;
  const config::Topology& topology = loaded.value();
  fmt::print("{}: sound: {}, {} clients\n", options.topology, summary(topology), topology.client.count);
  if (options.keys.empty()) return kDone;

  std::optional<crypto::Principal> only;
  if (!options.only.empty()) {
    only = config::parse_principal_name(options.only);
    if (!only || !topology.has(*only)) {
      complain(fmt::format("{} names no server or client of {}; write A1 or c1, say", options.only, options.topology));
      return kMisused;
    }
  }
  const auto findings = config::check_keys(topology, options.keys, only);
  for (const std::string& finding : findings) complain(finding);
  if (!findings.empty()) return kFailed;
  fmt::print("{}: sound: public.keys and {} belong to the topology\n", options.keys,
             only ? options.only + ".key" : fmt::format("{} private files", topology.principals().size()));
  return kDone;
}

}  // namespace

void add_check_command(CLI::App& app, int& exit_status) {
  CLI::App& command = *app.add_subcommand("check", "validate a topology and its key files");
  const auto options = std::make_shared<Options>();
  add_topology_option(command, options->topology);
  auto* const keys = command.add_option("-k,--keys", options->keys, "directory of the key files to check too");
  command.add_option("--only", options->only, "the one server or client whose private file is there: A1, c1")
      ->needs(keys);
  command.callback([options, &exit_status] { exit_status = check(*options); });
}

}  // namespace garrison::apps
