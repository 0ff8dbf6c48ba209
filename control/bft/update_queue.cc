#include "control/bft/update_queue.h"

#include <algorithm>

namespace garrison::bft {
namespace {

constexpr std::int64_t kLongestPause = 32;  // periods between handing on an update and handing it on again

}  // namespace

std::optional<DropReason> UpdateQueue::add(Instant now, const message::VerifiedMessage& update) {
  if (entries_.contains(update.digest())) return std::nullopt;
  if (!accepts()) return DropReason::client_intake_full;
  const auto client = per_client_.find(update.signer().index);
  if (client != per_client_.end() && client->second >= config_.max_waiting_per_client) {
    return DropReason::client_intake_full;
  }
  ++per_client_[update.signer().index];
  bytes_ += update.bytes().size();
  const std::uint64_t arrival = arrivals_++;
  entries_[update.digest()] = {store(update), arrival, now + config_.retransmit_period, config_.retransmit_period};
  fifo_[arrival] = update.digest();
  unproposed_[arrival] = update.digest();
  return std::nullopt;
}

Stored UpdateQueue::find(const Digest& update) const {
  const auto at = entries_.find(update);
  return at == entries_.end() ? nullptr : at->second.update;
}

bool UpdateQueue::executed(const Digest& update) {
  const auto at = entries_.find(update);
  if (at == entries_.end()) return false;
  const message::VerifiedMessage& message = at->second.update->get();
  const bool first = fifo_.begin()->first == at->second.arrival;
  fifo_.erase(at->second.arrival);
  unproposed_.erase(at->second.arrival);
  bytes_ -= message.bytes().size();
  const auto client = per_client_.find(message.signer().index);
  if (--client->second == 0) per_client_.erase(client);
  entries_.erase(at);
  return first;
}

void UpdateQueue::clear() {
  entries_.clear();
  fifo_.clear();
  unproposed_.clear();
  per_client_.clear();
  bytes_ = 0;
}

void UpdateQueue::proposed(const Digest& update) {
  const auto at = entries_.find(update);
  if (at != entries_.end()) unproposed_.erase(at->second.arrival);
}

void UpdateQueue::forget_proposals(Instant now) {
  unproposed_ = fifo_;
  for (auto& [digest, entry] : entries_) {
    const bool handed_to_last = entry.pause > config_.retransmit_period;
    if (handed_to_last) entry.hand_on_at = now;
    entry.pause = config_.retransmit_period;
  }
}

std::vector<Digest> UpdateQueue::next_batch() const {
  std::vector<Digest> batch;
  std::size_t bytes = 0;
  for (const auto& [arrival, digest] : unproposed_) {
    bytes += entries_.at(digest).update->get().bytes().size();
    const bool fits = batch.size() < config_.max_updates_per_batch && bytes <= config_.max_batch_bytes;
    if (!batch.empty() && !fits) break;
    batch.push_back(digest);
  }
  return batch;
}

std::vector<Stored> UpdateQueue::hand_on(Instant now, std::size_t bytes) {
  std::vector<Stored> updates;
  for (const auto& [arrival, digest] : unproposed_) {
    Entry& entry = entries_.at(digest);
    if (entry.hand_on_at > now) continue;
    const std::size_t size = entry.update->get().bytes().size();
    if (size > bytes) break;
    bytes -= size;
    updates.push_back(entry.update);
    entry.hand_on_at = now + entry.pause;
    entry.pause = std::min(entry.pause * 2, config_.retransmit_period * kLongestPause);
  }
  return updates;
}

}  // namespace garrison::bft
