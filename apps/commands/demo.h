// `garrison demo`: the whole story on one machine.
#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

void add_demo_command(CLI::App& app, int& exit_status);

}  // namespace garrison::apps
