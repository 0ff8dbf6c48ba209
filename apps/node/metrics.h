// GET /metrics of a server: what its status shows, for Prometheus.
#pragma once

#include <string>

#include "apps/node/node.h"

namespace garrison::node {

// Any thread.
[[nodiscard]] std::string metrics_of(const Node& node, SiteServer id);

}  // namespace garrison::node
