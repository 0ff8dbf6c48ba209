// `garrison relay`: the wide area of a laboratory.
#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

void add_relay_command(CLI::App& app, int& exit_status);

}  // namespace garrison::apps
