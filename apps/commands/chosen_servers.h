// --server A1,A2 of commands about some servers of a topology.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/node/membership.h"
#include "control/config/topology.h"

namespace garrison::apps {

CLI::Option& add_servers_option(CLI::App& command, const std::string& help, std::vector<std::string>& out);

// Ascending, each once; all when no name is given. nullopt: one is no server, and that was said.
[[nodiscard]] std::optional<std::vector<node::SiteServer>> chosen_servers(const std::vector<std::string>& names,
                                                                          const config::Topology& topology);

}  // namespace garrison::apps
