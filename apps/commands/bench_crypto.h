// `garrison bench crypto`: what the cryptography of the other measurements costs on this machine.
#pragma once

#include <CLI/CLI.hpp>

namespace garrison::apps {

// A subcommand of `bench`.
void add_bench_crypto_command(CLI::App& bench, int& exit_status);

}  // namespace garrison::apps
