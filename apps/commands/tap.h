// `garrison tap`: see tap.cc.
#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

void add_tap_command(CLI::App& app, int& exit_status);

}  // namespace garrison::apps
