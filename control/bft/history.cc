#include "control/bft/history.h"

#include <algorithm>

namespace garrison::bft {

void History::executed(const SharedBatch& batch) {
  CHECK(batch->complete());
  last_ = last_.next();
  batches_.push_back(batch);
  bytes_ += batch->bytes();
  for (const Stored& update : batch->bodies()) updates_[update->get().digest()] = update;
  while (batches_.size() > config_.kept_sequences || (bytes_ > config_.kept_bytes && batches_.size() > 1)) {
    const Batch& oldest = *batches_.front();
    bytes_ -= oldest.bytes();
    // One that was ordered twice may go with its first batch; it can still be found by its second.
    for (const Stored& update : oldest.bodies()) {
      const auto at = updates_.find(update->get().digest());
      if (at != updates_.end() && at->second == update) updates_.erase(at);
    }
    batches_.pop_front();
  }
}

void History::restart(SeqNum sequence) {
  batches_.clear();
  updates_.clear();
  bytes_ = 0;
  last_ = sequence;
}

SharedBatch History::find(SeqNum sequence) const {
  if (sequence > last_ || last_.value() - sequence.value() >= batches_.size()) return nullptr;
  return batches_[batches_.size() - 1 - (last_.value() - sequence.value())];
}

Stored History::find_update(const Digest& update) const {
  const auto at = updates_.find(update);
  return at == updates_.end() ? nullptr : at->second;
}

bool CatchUp::on_claim(ServerId server, SeqNum sequence, const std::vector<Digest>& updates, SeqNum executed) {
  if (sequence <= executed || sequence.value() - executed.value() > ring_.size()) return false;
  Slot& slot = ring_[sequence.value() % ring_.size()];
  if (slot.sequence != sequence) {
    slot = Slot{};
    slot.sequence = sequence;
  }
  if (slot.heard.contains(server)) return false;
  slot.heard.insert(server);
  auto same = std::find_if(slot.claims.begin(), slot.claims.end(),
                           [&](const Claim& claim) { return claim.batch->updates() == updates; });
  if (same == slot.claims.end()) {
    slot.claims.push_back({std::make_shared<Batch>(updates), {}});
    same = slot.claims.end() - 1;
  }
  same->from.insert(server);
  return true;
}

SharedBatch CatchUp::decided(SeqNum sequence) const {
  const Slot& slot = at(sequence);
  if (slot.sequence != sequence) return nullptr;
  for (const Claim& claim : slot.claims) {
    if (claim.from.size() > config_.f) return claim.batch;
  }
  return nullptr;
}

void CatchUp::executed(SeqNum sequence) {
  Slot& slot = ring_[sequence.value() % ring_.size()];
  if (slot.sequence <= sequence) slot = Slot{};
}

}  // namespace garrison::bft
