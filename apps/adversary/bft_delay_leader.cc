#include "apps/adversary/bft_delay_leader.h"

#include <algorithm>
#include <utility>

namespace garrison::adversary {

using message::MessageType;

namespace {
constexpr std::int64_t kForgetting = 8;  // rounds in which a long one is mostly forgotten
}  // namespace

BftDelayLeader::BftDelayLeader(std::unique_ptr<ordering::OrderingCore> core, const Context& context,
                               Conspiracy::Record& record, const Config& config)
    : Adversary(std::move(core), context, record), config_(config), queues_(conspiracy().n()) {}

bool BftDelayLeader::hears(const message::VerifiedMessage& message) {
  if (!leads()) {
    release_all();
    return true;
  }
  if (message.type() == MessageType::BftUpdates) {
    // What others hand on their clients have sent here as well. What was asked for belongs to a batch.
    return message.as<message::BftUpdates>().sequence != SeqNum(0);
  }
  if (message.type() != MessageType::ClientOp) return true;
  if (!held_.insert(message.digest()).second) return false;
  Queue& queue = queues_[message.signer().index % queues_.size()];
  queue.held.push_back({std::make_shared<const message::StoredMessage>(message), now()});
  act();
  return false;
}

Duration BftDelayLeader::allowed() const {
  const Duration timeout = config_.by != Duration() ? config_.by : status().tat_acceptable;
  return std::max(Duration(), timeout - config_.margin);
}

bool BftDelayLeader::may_propose(const Queue& queue) const {
  return !queue.held.empty() && (ordering_.has_value() || !queue.begun);
}

Instant BftDelayLeader::waits_since() const {
  Instant oldest = Instant::never();
  for (const Queue& queue : queues_) {
    if (may_propose(queue)) oldest = earlier(oldest, queue.held.front().heard);
  }
  return oldest;
}

// Ordering is three messages one after the other, an update's way here one more.
Instant BftDelayLeader::acts_at() const {
  const Instant oldest = waits_since();
  if (oldest == Instant::never() || !ordering_.has_value()) return oldest;
  const Instant in_time = oldest + std::max(Duration(), allowed() - *ordering_ * 4 / 3);
  return restarts_all_ ? std::max(in_time, round_at_ + allowed()) : in_time;
}

// An update takes at most two ways longer to one server than to another: as long as one that came before two ways was
// everywhere before one that is not here yet was anywhere.
void BftDelayLeader::acts() {
  round_at_ = now();
  if (!under_way_since_.has_value()) under_way_since_ = now();
  restarts_all_ = ordering_.has_value() && now() - waits_since() >= *ordering_ * 2 / 3;
  for (Queue& queue : queues_) {
    if (may_propose(queue)) release(queue);
  }
}

void BftDelayLeader::delivers(ordering::Deliver& /*batch*/) {
  if (!under_way_since_.has_value()) return;
  const Duration took = now() - *std::exchange(under_way_since_, std::nullopt);
  const Duration before = ordering_.value_or(took);
  ordering_ = std::max(took, before - (before - took) / kForgetting);
}

void BftDelayLeader::release(Queue& queue) {
  const Stored update = std::move(queue.held.front().update);
  queue.held.pop_front();
  queue.begun = true;
  held_.erase(update->get().digest());
  let_hear(update->get());
}

void BftDelayLeader::release_all() {
  for (Queue& queue : queues_) {
    while (!queue.held.empty()) release(queue);
  }
}

}  // namespace garrison::adversary
