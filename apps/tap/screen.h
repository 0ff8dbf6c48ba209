// What `garrison tap` shows while it listens: text from the rows of its report at two moments. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace garrison::tap {

struct Look {
  double seconds = 0;  // since any moment
  nlohmann::json rows = nlohmann::json::array();
};

// Rates are those between the two looks; what was proven, and how the last link messages went, is of all time.
[[nodiscard]] std::string tap_screen(const Look& before, const Look& now);

}  // namespace garrison::tap
