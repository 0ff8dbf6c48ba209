// What every measurement states beside its figures.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace garrison::apps {

// The commit this program was built from, "-dirty" when files were changed, "unknown" outside a checkout.
[[nodiscard]] std::string build_commit();

// commit, compiler, cores, processor.
[[nodiscard]] nlohmann::json base_conditions();

}  // namespace garrison::apps
