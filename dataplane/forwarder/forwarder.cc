#include "dataplane/forwarder/forwarder.h"

#include <algorithm>
#include <utility>

namespace garrison::forwarder {

Forwarder::Forwarder(const Config& config, Instant now)
    : config_(config), local_(config.local, drops_), remote_(config.remote, drops_), tell_at_(now), heard_(now) {}

LocalMessages::Offer Forwarder::offer(ServerId from, const Header& header, ByteView message) {
  const LocalMessages::Offer outcome = local_.offer(from, header, message);
  fill();
  return outcome;
}

void Forwarder::fill() {
  while (leaving_[0].size() + leaving_[1].size() < config_.local.window) {
    std::optional<Departure> departure = local_.next();
    if (!departure.has_value()) return;
    if (config_.role == Role::backup && departure->header.sequence <= gone_) continue;
    leaving_[static_cast<std::size_t>(departure->header.traffic)].push_back(*std::move(departure));
  }
}

std::optional<Departure> Forwarder::next_departure(Instant now) {
  if (!active(now)) return std::nullopt;
  for (std::deque<Departure>& queue : leaving_) {
    if (queue.empty()) continue;
    Departure departure = std::move(queue.front());
    queue.pop_front();
    ++sent_;
    fill();
    return departure;
  }
  return std::nullopt;
}

std::optional<SeqNum> Forwarder::next_notice(Instant now) {
  if (config_.role == Role::backup || (now < tell_at_ && gone() == told_)) return std::nullopt;
  tell_at_ = now + config_.notice_period;
  told_ = gone();
  return told_;
}

void Forwarder::on_notice(Instant now, SeqNum gone) {
  if (config_.role == Role::primary) return;
  heard_ = now;
  gone_ = gone;
  for (std::deque<Departure>& queue : leaving_) {
    while (!queue.empty() && queue.front().header.sequence <= gone) queue.pop_front();
  }
  fill();
}

Instant Forwarder::next_wakeup() const {
  if (config_.role == Role::primary) return tell_at_;
  const bool waits = !leaving_[0].empty() || !leaving_[1].empty();
  return waits ? heard_ + config_.takeover : Instant::never();
}

SeqNum Forwarder::gone() const {
  SeqNum gone = local_.last_sent();
  for (const std::deque<Departure>& queue : leaving_) {
    if (!queue.empty()) gone = std::min(gone, SeqNum(queue.front().header.sequence.value() - 1));
  }
  return gone;
}

}  // namespace garrison::forwarder
