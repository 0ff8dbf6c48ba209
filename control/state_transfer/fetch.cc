#include "control/state_transfer/fetch.h"

#include <algorithm>

namespace garrison::state_transfer {

Fetch::Fetch(const TransferConfig& config, const Offer& offer, Instant now)
    : config_(config),
      offer_(offer),
      chunks_(chunks_of(offer.snapshot_bytes)),
      bytes_(static_cast<std::size_t>(offer.snapshot_bytes)),
      advanced_at_(now) {}

void Fetch::add_holder(Instant now, ServerId server, Output& output) {
  Holder& holder = holders_[server.index()];
  if (holder.vouches) return;
  holder.vouches = true;
  ask(now, server, output);
}

bool Fetch::hopeless() const {
  return std::all_of(holders_.begin(), holders_.end(),
                     [](const Holder& holder) { return !holder.vouches || holder.excluded; });
}

void Fetch::tick(Instant now, Output& output) {
  for (Holder& holder : holders_) {
    if (holder.missing == 0 || now < holder.deadline) continue;
    hand_back(holder);
    const Duration penalty = config_.chunk_timeout * (std::int64_t{1} << std::min(holder.timeouts++, 16U));
    holder.not_before = now + std::min(penalty, config_.longest_penalty);
  }
  ask(now, output);
}

void Fetch::hand_back(Holder& holder) {
  for (std::uint32_t i = 0; i < holder.count; ++i) {
    if ((holder.missing >> i & 1U) != 0) returned_.insert(holder.first + i);
  }
  holder.missing = 0;
}

void Fetch::ask(Instant now, Output& output) {
  for (std::size_t i = 0; i < config_.n; ++i) ask(now, ServerId(static_cast<std::uint16_t>(i)), output);
}

// The lowest chunks that nobody has under way, as many as are neighbours.
void Fetch::ask(Instant now, ServerId server, Output& output) {
  Holder& holder = holders_[server.index()];
  if (!holder.vouches || holder.excluded || holder.missing != 0 || now < holder.not_before || !anything_to_ask())
    return;
  if (now >= holder.quota_from + config_.quota_period) {
    holder.quota_from = now;
    holder.quota_used = 0;
  }
  holder.quota_used += config_.chunks_per_fetch * message::kMaxStateChunkBody;
  if (holder.quota_used > config_.quota_bytes / 2) {
    holder.not_before = holder.quota_from + config_.quota_period;
    return;
  }
  holder.first = returned_.empty() ? next_ : *returned_.begin();
  holder.count = 0;
  while (holder.count < config_.chunks_per_fetch) {
    const std::uint32_t index = holder.first + holder.count;
    if (returned_.erase(index) == 0) {
      if (index != next_ || next_ == chunks_) break;
      ++next_;
    }
    ++holder.count;
  }
  holder.missing = ~std::uint64_t{0} >> (kMaxChunksPerFetch - holder.count);
  holder.deadline = now + config_.chunk_timeout;
  say(config_.envelope, message::StateFetch{offer_.sequence, offer_.root, holder.first, holder.count},
      ServerSet::only(server), output);
}

void Fetch::on_chunk(Instant now, ServerId from, const message::StateChunk& chunk, Output& output) {
  Holder& holder = holders_[from.index()];
  const std::uint32_t place = chunk.index - holder.first;
  if (chunk.index < holder.first || place >= holder.count || (holder.missing >> place & 1U) == 0) {
    return output.drops.push_back(DropReason::state_unasked);
  }
  if (!proves(offer_.root, offer_.snapshot_bytes, chunk.index, chunk.path, chunk.data)) {
    output.drops.push_back(DropReason::state_bad_chunk);
    holder.excluded = true;
    hand_back(holder);
    return ask(now, output);
  }
  holder.missing &= ~(std::uint64_t{1} << place);
  std::copy(chunk.data.begin(), chunk.data.end(),
            bytes_.begin() + static_cast<std::ptrdiff_t>(chunk.index * message::kStateChunkBytes));
  ++held_;
  advanced_at_ = now;
  holder.deadline = now + config_.chunk_timeout;
  holder.timeouts = 0;
  if (holder.missing == 0) ask(now, from, output);
}

Instant Fetch::next_wakeup() const {
  Instant next = Instant::never();
  for (const Holder& holder : holders_) {
    if (!holder.vouches || holder.excluded) continue;
    if (holder.missing != 0) {
      next = earlier(next, holder.deadline);
    } else if (anything_to_ask()) {
      next = earlier(next, holder.not_before);
    }
  }
  return next;
}

}  // namespace garrison::state_transfer
