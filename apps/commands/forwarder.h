// garrison forwarder: the dependable forwarder of a site.
#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

void add_forwarder_command(CLI::App& app, int& exit_status);

}  // namespace garrison::apps
