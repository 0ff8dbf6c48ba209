// --server A1,A2 of commands about some servers of a topology.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "apps/node/membership.h"
#include "control/config/topology.h"
#include "dataplane/base/result.h"

namespace garrison::apps {

CLI::Option& add_servers_option(CLI::App& command, const std::string& help, std::vector<std::string>& out);

// Ascending, each once; all when no name is given. An error names one that is no server.
[[nodiscard]] Result<std::vector<node::SiteServer>> chosen_servers(const std::vector<std::string>& names,
                                                                   const config::Topology& topology);

}  // namespace garrison::apps
