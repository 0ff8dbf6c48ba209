#include "apps/commands/seeds.h"

#include "control/config/names.h"
#include "control/config/text_values.h"

namespace garrison::apps {

void add_duration(CLI::App& command, const std::string& name, const std::string& what, std::optional<Duration>& out) {
  const auto take = [&out, name](const std::string& text) {
    out = config::parse_duration(text);
    if (!out.has_value())
      throw CLI::ValidationError(name, text + " is no duration; write digits and a unit, such as 2s");
  };
  command.add_option_function<std::string>(name, take, what)->type_name("DURATION");
}

std::string describe(const RunLength& length) {
  std::string text;
  if (length.faults.has_value()) text += " --faults " + config::to_string(*length.faults);
  if (length.calm.has_value()) text += " --calm " + config::to_string(*length.calm);
  return text;
}

void add_length_options(CLI::App& command, RunLength& length) {
  add_duration(command, "--faults", "faults of the network begin and end within this, such as 2s", length.faults);
  add_duration(command, "--calm", "clients go on for so long afterwards, and bounds on delays hold", length.calm);
}

}  // namespace garrison::apps
