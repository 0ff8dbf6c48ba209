// `garrison bench link`: what a logical link carries on this machine, beside what its port and its code alone do.
#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

// A subcommand of `bench`.
void add_bench_link_command(CLI::App& bench, int& exit_status);

}  // namespace garrison::apps
