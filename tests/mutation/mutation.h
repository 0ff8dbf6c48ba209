// The bug that a test build of Prime has on: named by the environment variable MUTANT, none by default.
#pragma once

#include <string_view>

namespace garrison::mutation {

[[nodiscard]] bool on(std::string_view mutant);

}  // namespace garrison::mutation
