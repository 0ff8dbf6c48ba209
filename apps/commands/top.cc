#include "apps/commands/top.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apps/commands/command.h"
#include "apps/commands/signals.h"
#include "apps/commands/terminal.h"
#include "apps/commands/top_screen.h"
#include "apps/node/admin.h"

namespace garrison::apps {
namespace {

struct Options {
  std::string topology{kDefaultTopologyFile};
  double interval_s = 1;
  std::size_t times = 0;
  std::size_t drops = 8;
};

// All servers at once: one that is down must not hold the others' numbers back.
Look look_at(const config::Topology& topology) {
  std::vector<std::pair<std::string, std::future<Result<nlohmann::json>>>> asked;
  for (const config::SiteSettings& site : topology.sites) {
    for (const config::ServerSettings& server : site.servers) {
      asked.emplace_back(server.name, std::async(std::launch::async, [&server] { return node::fetch_status(server); }));
    }
  }
  Look look;
  for (auto& [name, answer] : asked) {
    Result<nlohmann::json> status = answer.get();
    if (status.ok()) look.servers.emplace(name, std::move(status).value());
  }
  look.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  return look;
}

int top(const Options& options) {
  const auto loaded = config::load_topology(options.topology);
  if (!loaded) return complain(loaded.error().message), kMisused;
  EndSignals signals;
  Look before = look_at(loaded.value());
  if (before.servers.empty()) return complain("no server of " + options.topology + " answers"), kFailed;
  const Terminal terminal;
  for (std::size_t shown = 0; options.times == 0 || shown < options.times; ++shown) {
    if (signals.wait_for(static_cast<long>(options.interval_s * 1e3)) != 0) break;
    Look now = look_at(loaded.value());
    terminal.show(top_screen(loaded.value(), before, now, options.drops));
    before = std::move(now);
  }
  return kDone;
}

}  // namespace

void add_top_command(CLI::App& app, int& exit_status) {
  CLI::App& command = *app.add_subcommand(
      "top", "live: sites, leaders and their turnaround times, rates, hubs, drops by reason; until SIGINT or SIGTERM");
  const auto options = std::make_shared<Options>();
  add_topology_option(command, options->topology);
  command.add_option("--interval", options->interval_s, "seconds between two looks")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  command.add_option("--times", options->times, "end after so many; 0: go on")->capture_default_str();
  command.add_option("--drops", options->drops, "reasons of drops to show")->capture_default_str();
  command.callback([options, &exit_status] { exit_status = top(*options); });
}

}  // namespace garrison::apps
