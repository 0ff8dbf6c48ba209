// `garrison lab run` and `garrison lab list`: experiments that reproduce figures, in virtual time.
#pragma once

#include "apps/commands/command.h"

namespace garrison::apps {

// Add a subcommand to `garrison lab`.
void add_lab_run_command(CLI::App& lab, int& exit_status);
void add_lab_list_command(CLI::App& lab, int& exit_status);

}  // namespace garrison::apps
