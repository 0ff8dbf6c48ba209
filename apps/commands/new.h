// `garrison new`: writes the topology of a new deployment.
#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

void add_new_command(CLI::App& app, int& exit_status);

}  // namespace garrison::apps
