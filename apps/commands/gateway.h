// `garrison gateway`: the RESP front end, until Ctrl-C.
#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

void add_gateway_command(CLI::App& app, int& exit_status);

}  // namespace garrison::apps
