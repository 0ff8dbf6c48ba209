// `garrison host check|init`: is this machine fit for servers, and making it so.
#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

void add_host_command(CLI::App& app, int& exit_status);

}  // namespace garrison::apps
