#include "apps/node/health.h"

#include <chrono>
#include <thread>

namespace garrison::node {

namespace {

// Idle workers look around ten times a second.
constexpr std::chrono::milliseconds kLook{20};
constexpr int kLooks = 50;

void add_if(bool what, const char* line, std::vector<std::string>& out) {
  if (what) out.emplace_back(line);
}

}  // namespace

std::vector<std::string> not_live(const Node& node, SiteServer id) {
  std::vector<std::string> troubles;
  add_if(!node.running(id), "stopped inside its process", troubles);
  std::vector<std::uint64_t> before;
  for (const auto& worker : node.workers()) before.push_back(worker->counters().passes.get());
  const auto stands = [&](std::size_t i) { return node.workers()[i]->counters().passes.get() == before[i]; };
  std::size_t next = 0;  // all before it went round
  for (int look = 0; look < kLooks; ++look, std::this_thread::sleep_for(kLook)) {
    while (next < before.size() && !stands(next)) ++next;
    if (next == before.size()) return troubles;
  }
  for (; next < before.size(); ++next) {
    if (stands(next)) troubles.push_back("worker " + node.workers()[next]->name() + " stands still");
  }
  return troubles;
}

std::vector<std::string> not_ready(bool running, const server::ControlStatus& status) {
  std::vector<std::string> troubles;
  add_if(!running, "stopped inside its process", troubles);
  add_if(status.transfer.catching_up, "takes over the state of its peers", troubles);
  add_if(!status.ordering.view_installed, "a view change is under way in the site", troubles);
  add_if(status.global.has_value() && !status.global->view_installed, "a view change is under way among sites",
         troubles);
  return troubles;
}

}  // namespace garrison::node
