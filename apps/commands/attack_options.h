// --adversary and --faulty, which mean the same in every command that runs servers.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>

#include "apps/adversary/attack.h"
#include "apps/node/node.h"

namespace garrison::apps {

// `specs_option` names the first of them, which is returned.
CLI::Option* add_attack_options(CLI::App& command, const char* specs_option, adversary::AttackText& out);

// Nothing when the text asks for nothing. Says on standard error who is faulty, or what is wrong with the text.
[[nodiscard]] Result<std::optional<adversary::Attack>> make_attack(const adversary::AttackText& text,
                                                                   const config::Topology& topology);

// What the adversaries did, on standard output; a warning about those that did nothing. Nothing without an attack.
void print_acts(const std::optional<adversary::Attack>& attack);

}  // namespace garrison::apps
