// `garrison status`: what the servers of a site say of themselves.
#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

void add_status_command(CLI::App& app, int& exit_status);

}  // namespace garrison::apps
