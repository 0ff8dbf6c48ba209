#include "apps/node/digests.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace garrison::node {

namespace {
constexpr std::chrono::milliseconds kBetweenAttempts{100};
constexpr std::chrono::milliseconds kBetweenLooks{2};
constexpr int kLooks = 1000;
}  // namespace

ServerState state_of(server::Server& server) {
  const std::uint64_t before = server.control().status().digest_requests;
  server.control().request_digest();
  for (int i = 0; i < kLooks && server.control().status().digest_requests == before; ++i) {
    std::this_thread::sleep_for(kBetweenLooks);
  }
  const server::ControlStatus status = server.control().status();
  return {.server = id_of(server), .state_sequence = status.state_sequence, .digest = status.state_digest};
}

std::vector<ServerState> compare_states(Node& node, int attempts) {
  std::vector<ServerState> states;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    states.clear();
    for (const auto& server : node.servers()) {
      const SiteServer id = id_of(*server);
      if (node.running(id) && !node.faulty(id)) states.push_back(state_of(*server));
    }
    if (all_equal(states)) break;
    std::this_thread::sleep_for(kBetweenAttempts);
  }
  return states;
}

bool all_equal(const std::vector<ServerState>& states) {
  return std::all_of(states.begin(), states.end(), [&](const ServerState& one) {
    return one.state_sequence == states.front().state_sequence && one.digest == states.front().digest;
  });
}

}  // namespace garrison::node
