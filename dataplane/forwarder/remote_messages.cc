#include "dataplane/forwarder/remote_messages.h"

#include <algorithm>

#include "dataplane/base/check.h"

namespace garrison::forwarder {

RemoteMessages::RemoteMessages(const Config& config, DropCounters& drops)
    : config_(config), drops_(drops), queues_(config.sites), turn_(config.n) {
  CHECK(config.n <= kMaxServersPerSite && config.sites <= kMaxSites && config.queue > 0);
  CHECK(config.collect_after > config.f && config.collect_after <= config.n - config.f);
  for (Queue& queue : queues_) queue.next_for.assign(config.n, 1);
}

void RemoteMessages::push(SiteId source, ByteView message) {
  Queue& queue = queues_.at(source.index());
  if (queue.entries.size() == config_.queue) {
    if (queue.entries.front().has.size() < config_.collect_after) return drops_.add(DropReason::forwarder_queue_full);
    drops_.add(DropReason::forwarder_forgotten);
    pop(queue);
  }
  queue.entries.push_back({to_bytes(message), {}});
}

std::optional<RemoteMessages::Arrival> RemoteMessages::next(ServerId to) const {
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    const std::size_t site = (turn_[to.index()] + i) % queues_.size();
    const Queue& queue = queues_[site];
    const std::uint64_t number = std::max(queue.next_for[to.index()], queue.first);
    if (number - queue.first >= queue.entries.size()) continue;
    return Arrival{SiteId(static_cast<std::uint16_t>(site)), number, queue.entries[number - queue.first].message};
  }
  return std::nullopt;
}

void RemoteMessages::written(ServerId to, SiteId source, std::uint64_t number) {
  Queue& queue = queues_.at(source.index());
  queue.next_for.at(to.index()) = number + 1;
  turn_[to.index()] = (source.index() + 1) % queues_.size();
  if (number < queue.first) return;  // forgotten meanwhile
  queue.entries.at(number - queue.first).has.insert(to);
  while (!queue.entries.empty() && queue.entries.front().has.size() == config_.n) pop(queue);
}

void RemoteMessages::pop(Queue& queue) {
  queue.entries.pop_front();
  ++queue.first;
}

}  // namespace garrison::forwarder
