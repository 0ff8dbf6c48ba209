#include "apps/commands/attack_options.h"

#include <fmt/format.h>

#include "apps/commands/command.h"
#include "control/config/names.h"

namespace garrison::apps {

CLI::Option* add_attack_options(CLI::App& command, const char* specs_option, adversary::AttackText& out) {
  CLI::Option* const specs =
      command.add_option(specs_option, out.specs,
                         "what faulty servers do, such as leader-slow or late:by=20ms,replay, or random; "
                         "`garrison lab adversaries` lists it all");
  command.add_option("--faulty", out.faulty, "how many servers are faulty, or which: A1,A3")->capture_default_str();
  return specs;
}

Result<std::optional<adversary::Attack>> make_attack(const adversary::AttackText& text,
                                                     const config::Topology& topology) {
  if (text.empty()) return std::optional<adversary::Attack>();
  Result<adversary::Attack> attack = adversary::Attack::make(text, adversary::attacked_site(topology, SiteId(0)), 0);
  if (!attack) return attack.error();
  attack.value().faulty().for_each([&](ServerId server) {
    complain(fmt::format("{} is deliberately faulty: {}", config::server_name(SiteId(0), server), text.specs));
  });
  return std::optional(std::move(attack).value());
}

void print_acts(const std::optional<adversary::Attack>& attack) {
  if (!attack.has_value()) return;
  fmt::print("acted: {}\n", adversary::describe_acts(attack->conspiracy()));
  for (const adversary::Conspiracy::Record& record : attack->conspiracy().records()) {
    if (record.acted.get() == 0) complain(record.spec + " never acted");
  }
}

}  // namespace garrison::apps
