// What every command of `garrison` shares: exit statuses, the one way to report an error, the common options.
//
// A command is one file, commands/<name>.cc, with `void add_<name>_command(CLI::App& app, int& exit_status)`: it adds
// its subcommand, whose callback does the work on the main thread and sets `exit_status`, which outlives `app`'s
// parsing. main.cc calls it; apps/meson.build lists the file.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

namespace garrison::apps {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;         // a check failed, or the work could not be done
inline constexpr int kMisused = 2;        // wrong use or configuration
inline constexpr int kInterrupted = 130;  // ended by the user before it was done, as shells report SIGINT

// Writes "garrison: <message>" and a line end to standard error.
void complain(std::string_view message);

// Options that mean the same in every command. `out` keeps its value when the option is not given.
inline void add_topology_option(CLI::App& command, std::string& out) {
  command.add_option("-t,--topology", out, "topology file")->capture_default_str();
}
inline void add_keys_option(CLI::App& command, std::string& out) {
  command.add_option("-k,--keys", out, "directory of the key files")->capture_default_str();
}

inline constexpr std::string_view kDefaultTopologyFile = "garrison.toml";
inline constexpr std::string_view kDefaultKeyDirectory = "keys";

}  // namespace garrison::apps
