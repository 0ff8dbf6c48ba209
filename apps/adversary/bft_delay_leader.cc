#include "apps/adversary/bft_delay_leader.h"

#include <algorithm>
#include <utility>

namespace garrison::adversary {

using message::MessageType;

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
  if (held_.empty()) waits_since_ = now();
  if (!held_.insert(message.digest()).second) return false;
  queues_[message.signer().index % queues_.size()].push_back(std::make_shared<const message::StoredMessage>(message));
  act();
  return false;
}

Duration BftDelayLeader::allowed() const {
  const Duration timeout = config_.by != Duration() ? config_.by : status().tat_acceptable;
  return std::max(Duration(), timeout - config_.margin);
}

// Ordering is three messages one after the other, an update's way here one more. Before the first round is measured
// there is no telling how long to wait: that one is due at once, and the next not before.
Instant BftDelayLeader::acts_at() const {
  if (held_.empty()) return Instant::never();
  if (left_over_) return round_at_ + allowed();
  if (!ordering_.has_value()) return round_under_way_ ? Instant::never() : waits_since_;
  return waits_since_ + std::max(Duration(), allowed() - *ordering_ * 4 / 3);
}

void BftDelayLeader::acts() {
  round_at_ = now();
  round_under_way_ = true;
  for (std::deque<Stored>& queue : queues_) {
    if (queue.empty()) continue;
    release(std::move(queue.front()));
    queue.pop_front();
  }
  left_over_ = !held_.empty();
}

void BftDelayLeader::delivers(ordering::Deliver& /*batch*/) {
  if (!std::exchange(round_under_way_, false)) return;
  ordering_ = std::max(ordering_.value_or(Duration()), now() - round_at_);
}

void BftDelayLeader::release(Stored update) {
  held_.erase(update->get().digest());
  let_hear(update->get());
}

void BftDelayLeader::release_all() {
  for (std::deque<Stored>& queue : queues_) {
    for (Stored& update : std::exchange(queue, {})) release(std::move(update));
  }
}

}  // namespace garrison::adversary
