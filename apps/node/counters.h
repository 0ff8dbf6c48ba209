// What a hosted server counts, put together from its parts: the one source of what its status, its metrics and their
// readers show. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/node/node.h"

namespace garrison::node {

// By DropReason.
using DropTotals = std::array<std::uint64_t, kDropReasons>;
[[nodiscard]] DropTotals drops_of(const Node& node, SiteServer id);

using NamedCounts = std::vector<std::pair<std::string_view, std::uint64_t>>;
// What waits between the parts of a server.
[[nodiscard]] NamedCounts queue_depths(const server::Queues& queues);
// Parts of link messages, by what became of them on the hub of the site.
[[nodiscard]] NamedCounts hub_parts(const server::HubCounts& counts);

}  // namespace garrison::node
