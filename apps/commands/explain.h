// `garrison explain`: says what a topology tolerates, and what it is set to.
#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

void add_explain_command(CLI::App& app, int& exit_status);

}  // namespace garrison::apps
