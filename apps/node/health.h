// Whether a hosted server is alive, and whether it takes part: for what restarts servers, and for what sends clients to
// them.
#pragma once

#include <string>
#include <vector>

#include "apps/node/node.h"

namespace garrison::node {

// What keeps it from living, one line each: it was stopped inside its process, or a worker of the process stands still,
// which restarting may cure. Waits for the workers' next pass, a second at most. Any thread.
[[nodiscard]] std::vector<std::string> not_live(const Node& node, SiteServer id);

// What keeps it from taking part, one line each; it may pass by itself. Any thread.
[[nodiscard]] std::vector<std::string> not_ready(bool running, const server::ControlStatus& status);

}  // namespace garrison::node
