// The option that chooses what orders updates inside a site, for commands that make a topology themselves.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

#include "control/config/topology.h"

namespace garrison::apps {

inline void add_protocol_option(CLI::App& command, std::string& out) {
  command.add_option("--protocol", out, "what orders updates: prime, or bft, the baseline")
      ->check(CLI::IsMember({"prime", "bft"}))
      ->capture_default_str();
}

// `name` passed the option's own check.
[[nodiscard]] inline config::LocalProtocol local_protocol(std::string_view name) {
  return name == config::name(config::LocalProtocol::bft) ? config::LocalProtocol::bft : config::LocalProtocol::prime;
}

// What a measurement states about it.
[[nodiscard]] inline std::string_view protocol_condition(config::LocalProtocol protocol) {
  return protocol == config::LocalProtocol::prime ? "prime" : "bft, MACs in the normal case";
}

}  // namespace garrison::apps
