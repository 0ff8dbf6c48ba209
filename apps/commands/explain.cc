#include "apps/commands/explain.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "apps/commands/chosen_servers.h"
#include "apps/commands/command.h"
#include "apps/node/worker_table.h"
#include "control/config/topology.h"

namespace garrison::apps {
namespace {

struct Options {
  std::string topology{kDefaultTopologyFile};
  std::vector<std::string> servers;
};

// The worker table of a process with these servers; what stands against it instead, which is no fault where the file is
// only read.
std::string workers_of(const config::Topology& topology, const std::vector<node::SiteServer>& servers,
                       const runtime::Machine& machine) {
  const Result<node::Networks> networks = node::networks_of(topology, servers);
  if (!networks) return fmt::format("  none: {}\n", networks.error().message);
  const auto table = node::plan_workers(machine, topology, servers, networks.value());
  return table.ok() ? node::describe(table.value()) : fmt::format("  none: {}\n", table.error().message);
}

std::string describe_workers(const config::Topology& topology, const std::vector<node::SiteServer>& servers,
                             bool together) {
  const Result<runtime::Machine> machine = runtime::query_machine();
  if (!machine) return fmt::format("workers: {}\n", machine.error().message);
  const std::string here = fmt::format("of this machine, which has {} core{}", machine.value().cores.size(),
                                       machine.value().cores.size() == 1 ? "" : "s");
  if (together) {
    return fmt::format("workers {}, with {} in one process\n", here,
                       servers.size() == 1 ? "the server" : "all these servers") +
           workers_of(topology, servers, machine.value());
  }
  std::string text = fmt::format("workers {}, were each server here by itself\n", here);
  for (const node::SiteServer id : servers) text += workers_of(topology, {id}, machine.value());
  return text;
}

int explain(const Options& options) {
  const auto loaded = config::load_topology(options.topology);
  if (!loaded) return complain(loaded.error().message), kMisused;
  const config::Topology& topology = loaded.value();
  const auto servers = chosen_servers(options.servers, topology);
  if (!servers) return complain(servers.error().message), kMisused;
  fmt::print("{}", config::explain(topology));
  const Result<node::Networks> networks = node::networks_of(topology, servers.value());
  const bool inside = networks.ok() && (!networks.value().lans_inside.empty() || networks.value().wan_inside);
  fmt::print("{}", describe_workers(topology, servers.value(), inside || !options.servers.empty()));
  return kDone;
}

}  // namespace

void add_explain_command(CLI::App& app, int& exit_status) {
  CLI::App& command = *app.add_subcommand("explain", "say what a topology tolerates, and which CPUs its workers get");
  const auto options = std::make_shared<Options>();
  add_topology_option(command, options->topology);
  add_servers_option(command, "servers of this machine, such as A1; repeat for more; default: all", options->servers);
  command.callback([options, &exit_status] { exit_status = explain(*options); });
}

}  // namespace garrison::apps
