#include "apps/lab/cost_table.h"

#include <toml++/toml.h>

#include "control/config/toml_section.h"

namespace garrison::lab {

namespace {

constexpr std::array<std::string_view, kOperations> kNames{
#define GARRISON_NAME(id, text) #id,
    GARRISON_OPERATIONS(GARRISON_NAME)
#undef GARRISON_NAME
};

}  // namespace

std::string_view name(Operation operation) { return kNames[static_cast<std::size_t>(operation)]; }

Result<CostTable> parse_cost_table(std::string_view text, const std::string& file) {
  config::Faults faults(file);
  CostTable table;
  try {
    const toml::table root = toml::parse(text, file);
#define GARRISON_KEY(id, text) , #id
    config::Section section(faults, root, "the cost table", {"name", "processor" GARRISON_OPERATIONS(GARRISON_KEY)},
                            {"name" GARRISON_OPERATIONS(GARRISON_KEY)});
#undef GARRISON_KEY
    section.text("name", table.name);
    section.text("processor", table.processor);
    for (std::size_t i = 0; i < kOperations; ++i) {
      section.duration(kNames[i], table.cost[i], Duration(), seconds(1));
    }
  } catch (const toml::parse_error& error) {
    faults.add(error.source().begin, std::string(error.description()) + "; correct the TOML");
  }
  if (faults.any()) return faults.error();
  return table;
}

}  // namespace garrison::lab
