// The states of the servers of a node, compared.
#pragma once

#include <cstdint>
#include <vector>

#include "apps/node/node.h"

namespace garrison::node {

struct ServerState {
  SiteServer server;
  std::uint64_t state_sequence = 0;
  Digest digest{};
};

// One server's state at one moment. Walks all of it, on its control thread. From a thread that is no worker.
[[nodiscard]] ServerState state_of(server::Server& server);
// Asks every running server that is not faulty for its state digest until all have executed equally much, at most so
// many times, and returns the last answers. From a thread that is no worker.
[[nodiscard]] std::vector<ServerState> compare_states(Node& node, int attempts = 50);
// Same position, same digest.
[[nodiscard]] bool all_equal(const std::vector<ServerState>& states);

}  // namespace garrison::node
