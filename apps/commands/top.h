#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

void add_top_command(CLI::App& app, int& exit_status);

}  // namespace garrison::apps
