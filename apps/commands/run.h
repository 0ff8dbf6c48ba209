// `garrison run`: servers of a site, until a signal ends them.
#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

void add_run_command(CLI::App& app, int& exit_status);

}  // namespace garrison::apps
