// `garrison client`: one operation on the replicated kv service.
#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

void add_client_command(CLI::App& app, int& exit_status);

}  // namespace garrison::apps
