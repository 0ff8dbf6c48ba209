// `garrison keys`: the dealer; makes every key of a topology.
#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

void add_keys_command(CLI::App& app, int& exit_status);

}  // namespace garrison::apps
