#include "apps/commands/explain.h"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "apps/commands/command.h"
#include "control/config/topology.h"

namespace garrison::apps {
namespace {

int explain(const std::string& file) {
  const auto topology = config::load_topology(file);
  if (!topology) return complain(topology.error().message), kMisused;
  fmt::print("{}", config::explain(topology.value()));
  return kDone;
}

}  // namespace

void add_explain_command(CLI::App& app, int& exit_status) {
  CLI::App& command = *app.add_subcommand("explain", "say what a topology tolerates");
  const auto file = std::make_shared<std::string>(kDefaultTopologyFile);
  add_topology_option(command, *file);
  command.callback([file, &exit_status] { exit_status = explain(*file); });
}

}  // namespace garrison::apps
