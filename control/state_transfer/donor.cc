#include "control/state_transfer/donor.h"

#include <algorithm>
#include <utility>

namespace garrison::state_transfer {

void Donor::on_request(Instant now, const message::VerifiedMessage& message, Output& output) {
  const auto request = message.as<message::StateRequest>();
  Asker& asker = askers_[message.server().index()];
  asker.heard_at = now;
  asker.executed = request.executed;
  if (asker.kept != nullptr && asker.kept->sequence <= request.executed) asker.kept = nullptr;
  if (request.executed >= executed_) {
    asker.open = false;
    return output.drops.push_back(DropReason::state_not_ahead);
  }
  if (request.number > asker.number) accept(now, asker, request, output);
  if (asker.kept != nullptr && asker.kept->message != nullptr && now >= asker.repeated_at + config_.repeat_period / 2) {
    asker.repeated_at = now;
    output.forward.push_back({asker.kept->message, ServerSet::only(message.server()), TrafficClass::bounded, 0});
  }
}

void Donor::accept(Instant now, Asker& asker, const message::StateRequest& request, Output& output) const {
  if (asker.number != 0 && now < asker.accepted_at + config_.snapshot_period) {
    return output.drops.push_back(DropReason::state_over_quota);
  }
  asker.number = request.number;
  asker.at = request.at;
  asker.open = true;
  asker.accepted_at = now;
  // Another server may have asked for the same just before.
  for (const Asker& other : askers_) {
    if (!asker.open || other.kept == nullptr || !wants(asker, now, other.kept->sequence)) continue;
    asker.kept = other.kept;
    asker.open = false;
  }
}

bool Donor::wants(const Asker& asker, Instant now, SeqNum sequence) const {
  if (!asker.open || sequence <= asker.executed) return false;
  const bool boundary = sequence >= asker.at && sequence.value() % config_.checkpoint_interval == 0;
  const bool quiet = sequence == executed_ && now >= executed_at_ + config_.quiet;
  return boundary || quiet;
}

bool Donor::wants(Instant now, SeqNum sequence) const {
  return std::any_of(askers_.begin(), askers_.end(), [&](const Asker& asker) { return wants(asker, now, sequence); });
}

void Donor::keep(Instant now, const ordering::Checkpoint& checkpoint, Bytes snapshot, Output& output) {
  const auto kept =
      std::make_shared<Kept>(Kept{checkpoint.sequence, checkpoint.state, Snapshot(std::move(snapshot)), now, nullptr});
  ServerSet to;
  for (std::size_t i = 0; i < config_.n; ++i) {
    Asker& asker = askers_[i];
    if (!wants(asker, now, kept->sequence)) continue;
    asker.open = false;
    asker.kept = kept;
    asker.repeated_at = now;
    to.insert(ServerId(static_cast<std::uint16_t>(i)));
  }
  last_made_ = kept->sequence;
  say(config_.envelope, message::Checkpoint{kept->sequence, kept->snapshot.size(), kept->snapshot.root(), kept->state},
      to, output);
}

void Donor::on_own_checkpoint(const message::VerifiedMessage& message) {
  const auto said = message.as<message::Checkpoint>();
  for (Asker& asker : askers_) {
    if (asker.kept != nullptr && asker.kept->sequence == said.sequence && asker.kept->message == nullptr) {
      asker.kept->message = std::make_shared<const message::StoredMessage>(message);
    }
  }
}

void Donor::on_fetch(Instant now, const message::VerifiedMessage& message, Output& output) {
  const auto fetch = message.as<message::StateFetch>();
  Asker& asker = askers_[message.server().index()];
  asker.heard_at = now;
  const Kept* kept = asker.kept.get();
  if (kept == nullptr || kept->sequence != fetch.sequence || kept->snapshot.root() != fetch.root ||
      fetch.first >= kept->snapshot.chunks()) {
    return output.drops.push_back(DropReason::state_unknown);
  }
  const std::size_t count =
      std::min<std::size_t>({fetch.count, kMaxChunksPerFetch, kept->snapshot.chunks() - fetch.first});
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t index = fetch.first + static_cast<std::uint32_t>(i);
    const Bytes path = kept->snapshot.path(index);
    const ByteView data = kept->snapshot.chunk(index);
    if (!within_quota(now, asker, path.size() + data.size())) {
      return output.drops.push_back(DropReason::state_over_quota);
    }
    say(config_.envelope, message::StateChunk{kept->sequence, fetch.root, index, path, data},
        ServerSet::only(message.server()), output);
  }
}

bool Donor::within_quota(Instant now, Asker& asker, std::size_t bytes) const {
  if (now >= asker.quota_from + config_.quota_period) {
    asker.quota_from = now;
    asker.quota_used = 0;
  }
  asker.quota_used += bytes;
  return asker.quota_used <= config_.quota_bytes;
}

void Donor::tick(Instant now, SeqNum executed) {
  ticked_at_ = now;
  if (executed > executed_) {
    executed_ = executed;
    executed_at_ = now;
  }
  for (Asker& asker : askers_) {
    const bool silent = now >= asker.heard_at + config_.silence;
    if (silent) asker.open = false;
    if (asker.kept != nullptr && (silent || now >= asker.kept->made_at + config_.lifetime)) asker.kept = nullptr;
  }
}

Instant Donor::next_wakeup() const {
  Instant next = Instant::never();
  for (const Asker& asker : askers_) {
    if (asker.open && executed_at_ + config_.quiet > ticked_at_) next = earlier(next, executed_at_ + config_.quiet);
    if (asker.open || asker.kept != nullptr) next = earlier(next, asker.heard_at + config_.silence);
    if (asker.kept != nullptr) next = earlier(next, asker.kept->made_at + config_.lifetime);
  }
  return next;
}

std::size_t Donor::kept() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < askers_.size(); ++i) {
    const auto& kept = askers_[i].kept;
    const auto same = [&](const Asker& other) { return other.kept == kept; };
    count += kept != nullptr && std::none_of(askers_.begin(), askers_.begin() + static_cast<std::ptrdiff_t>(i), same);
  }
  return count;
}

}  // namespace garrison::state_transfer
