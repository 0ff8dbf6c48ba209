#include "dataplane/link/hub_receiver.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "dataplane/base/bounds.h"
#include "dataplane/base/check.h"

namespace garrison::link {

HubReceiver::HubReceiver(const HubReceiverConfig& config)
    : config_(config), spread_(config.request_after, config.max_request_after, Duration(), Duration()) {
  CHECK(config.needed > 0 && config.needed <= config.parts && config.parts <= kMaxServersPerSite);
  CHECK(config.faulty < config.parts && config.window > 0);
  for (Lane& lane : lanes_) {
    lane.newest.resize(config.parts);
    lane.ahead.resize(config.parts);
  }
}

std::optional<DropReason> HubReceiver::take(Instant now, TrafficClass traffic, SeqNum sequence, std::uint8_t index,
                                            bool again) {
  Lane& to = lane(traffic);
  if (index >= config_.parts) return DropReason::link_part_malformed;
  if (ignored_.contains(ServerId(index))) return DropReason::link_blacklisted;
  if (sequence < to.first) return DropReason::link_stale;
  if (beyond(to, sequence)) {
    if (to.ahead[index] > 0) return DropReason::link_beyond_window;
    ++to.ahead[index];
    return std::nullopt;
  }
  Message& of = message(now, to, sequence);
  const bool held = (of.held >> index & 1U) != 0;
  if (held && (!again || now < of.passed[index] + config_.again_gap)) return DropReason::link_duplicate;
  if (of.candidates[index] == kCandidates) return DropReason::link_duplicate;
  ++of.candidates[index];
  if (held) of.passed[index] = now;
  return std::nullopt;
}

void HubReceiver::verdict(Instant now, TrafficClass traffic, SeqNum sequence, std::uint8_t index, bool good) {
  Lane& to = lane(traffic);
  CHECK(index < config_.parts);
  const auto at = to.messages.find(sequence);
  if (at != to.messages.end() && at->second.candidates[index] > 0) {
    --at->second.candidates[index];
  } else if (to.ahead[index] > 0) {
    --to.ahead[index];
  }
  if (!good || ignored_.contains(ServerId(index))) return;
  follow(now, traffic, index, sequence);
  if (sequence < to.first || beyond(to, sequence)) return;
  Message& of = message(now, to, sequence);
  if ((of.held >> index & 1U) != 0) return;
  of.held |= std::uint32_t{1} << index;
  of.passed[index] = now;
  on_held(now, traffic, sequence, of);
}

HubReceiver::Message& HubReceiver::message(Instant now, Lane& lane, SeqNum sequence) {
  const auto [at, fresh] = lane.messages.try_emplace(sequence);
  if (fresh) {
    at->second.candidates.resize(config_.parts);
    at->second.passed.resize(config_.parts);
    at->second.heard = now;
  }
  return at->second;
}

// Of its servers f may say anything, so the (f + 1)-th highest sequence was really sent.
void HubReceiver::follow(Instant now, TrafficClass traffic, std::uint8_t index, SeqNum sequence) {
  Lane& to = lane(traffic);
  if (sequence <= to.newest[index]) return;
  to.newest[index] = sequence;
  std::vector<SeqNum> sorted = to.newest;
  const auto nth = sorted.begin() + static_cast<std::ptrdiff_t>(config_.faulty);
  std::ranges::nth_element(sorted, nth, std::greater<>());
  if (*nth <= to.sent) return;
  const SeqNum before = to.sent;
  to.sent = *nth;
  if (to.sent.value() >= config_.window + to.first.value()) {
    to.first = SeqNum(to.sent.value() - config_.window + 1);
    const auto kept = to.messages.lower_bound(to.first);
    for (auto at = to.messages.begin(); at != kept; ++at) ask_at(to, at->first, at->second, Instant::never());
    to.messages.erase(to.messages.begin(), kept);
  }
  if (traffic == TrafficClass::timely) return;  // newer ones will come
  for (SeqNum missing = std::max(before.next(), to.first); missing <= to.sent; missing = missing.next()) {
    Message& of = message(now, to, missing);
    if (of.ask_at == Instant::never() && wants_more(of)) {
      ask_at(to, missing, of, now + spread_.timeout(0));
    }
  }
}

void HubReceiver::ask_at(Lane& lane, SeqNum sequence, Message& message, Instant at) {
  if (message.ask_at != Instant::never()) lane.asks.erase({message.ask_at, sequence});
  message.ask_at = at;
  if (at != Instant::never()) lane.asks.emplace(at, sequence);
}

bool HubReceiver::wants_more(const Message& message) const {
  return static_cast<std::size_t>(std::popcount(message.held)) < config_.needed && message.asked < config_.max_requests;
}

void HubReceiver::on_held(Instant now, TrafficClass traffic, SeqNum sequence, Message& message) {
  Lane& to = lane(traffic);
  const auto held = static_cast<std::size_t>(std::popcount(message.held));
  if (held == config_.needed) {
    if (message.asked == 0) spread_.sample(now - message.heard);
    ask_at(to, sequence, message, Instant::never());
    return;
  }
  if (message.ask_at == Instant::never() && wants_more(message)) {
    ask_at(to, sequence, message, message.heard + spread_.timeout(0));
  }
}

void HubReceiver::ignore(Instant now, ServerSet servers) {
  ignored_ = ServerSet::from_bits(ignored_.bits() | servers.bits());
  for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
    Lane& of = lane(traffic);
    for (auto& [sequence, message] : of.messages) {
      const std::uint32_t before = message.held;
      message.held &= ~std::uint32_t{servers.bits()};
      if (message.held != before && message.ask_at == Instant::never() && wants_more(message)) {
        ask_at(of, sequence, message, now + spread_.timeout(0));
      }
    }
  }
}

std::vector<wire::HubRequest::Entry> HubReceiver::due(Instant now, std::size_t most) {
  std::vector<wire::HubRequest::Entry> entries;
  for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
    Lane& of = lane(traffic);
    while (!of.asks.empty() && of.asks.begin()->first <= now) {
      const SeqNum sequence = of.asks.begin()->second;
      Message& message = of.messages.at(sequence);
      if (!wants_more(message)) {
        ask_at(of, sequence, message, Instant::never());
        continue;
      }
      if (entries.size() == most) return entries;
      ++message.asked;
      ++requested_;
      ask_at(of, sequence, message, now + spread_.timeout(message.asked));
      entries.push_back({traffic, message.held, sequence});
    }
  }
  return entries;
}

Instant HubReceiver::next_wakeup() const {
  Instant next = Instant::never();
  for (const Lane& each : lanes_) {
    if (!each.asks.empty()) next = earlier(next, each.asks.begin()->first);
  }
  return next;
}

}  // namespace garrison::link
