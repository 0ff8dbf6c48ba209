// What `garrison top` shows: text from what servers said of themselves at two moments. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "control/config/topology.h"

namespace garrison::apps {

struct Look {
  double seconds = 0;                             // since any moment
  std::map<std::string, nlohmann::json> servers;  // by name, the status of those that answered
};

// Rates are those between the two looks, of servers that answered both times and ran on in between. `most_drops`: so
// many reasons, the most frequent ones.
[[nodiscard]] std::string top_screen(const config::Topology& topology, const Look& before, const Look& now,
                                     std::size_t most_drops);

}  // namespace garrison::apps
