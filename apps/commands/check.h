// `garrison check`: validates a topology, and the key files that belong to it.
#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

void add_check_command(CLI::App& app, int& exit_status);

}  // namespace garrison::apps
