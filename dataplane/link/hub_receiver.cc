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
  for (Lane& lane : lanes_) lane.messages.resize(std::bit_ceil(2 * config.window));
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
  Message* const known = find(to, sequence);
  if (known != nullptr && known->candidates[index] > 0) {
    --known->candidates[index];
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
  on_held(now, traffic, of);
}

HubReceiver::Message* HubReceiver::find(Lane& lane, SeqNum sequence) {
  Message& message = slot(lane, sequence);
  return message.sequence == sequence && sequence != SeqNum() ? &message : nullptr;
}

HubReceiver::Message& HubReceiver::message(Instant now, Lane& lane, SeqNum sequence) {
  Message& message = slot(lane, sequence);
  if (message.sequence == sequence) return message;
  CHECK(message.sequence == SeqNum());
  message.sequence = sequence;
  message.heard = now;
  lane.highest = std::max(lane.highest, sequence);
  ++lane.held;
  return message;
}

void HubReceiver::forget_below(Lane& lane, SeqNum first) {
  for (; lane.first < first && lane.first <= lane.highest; lane.first = lane.first.next()) {
    Message* const over = find(lane, lane.first);
    if (over == nullptr) continue;
    ask_at(lane, *over, Instant::never());
    *over = {};
    --lane.held;
  }
  lane.first = first;
}

// Of its servers f may say anything, so the (f + 1)-th highest sequence was really sent.
void HubReceiver::follow(Instant now, TrafficClass traffic, std::uint8_t index, SeqNum sequence) {
  Lane& to = lane(traffic);
  if (sequence <= to.newest[index]) return;
  to.newest[index] = sequence;
  if (sequence <= to.sent) return;
  const auto beyond_sent = std::ranges::count_if(to.newest, [&](SeqNum each) { return each > to.sent; });
  if (static_cast<std::size_t>(beyond_sent) <= config_.faulty) return;
  PerServer sorted = to.newest;
  const auto nth = sorted.begin() + static_cast<std::ptrdiff_t>(config_.faulty);
  std::ranges::nth_element(sorted, nth, std::greater<>());
  const SeqNum before = to.sent;
  to.sent = *nth;
  if (to.sent.value() >= config_.window + to.first.value()) {
    forget_below(to, SeqNum(to.sent.value() - config_.window + 1));
  }
  if (traffic == TrafficClass::timely) return;  // newer ones will come
  for (SeqNum missing = std::max(before.next(), to.first); missing <= to.sent; missing = missing.next()) {
    Message& of = message(now, to, missing);
    if (of.ask_at == Instant::never() && wants_more(of)) ask_at(to, of, now + spread_.timeout(0));
  }
}

void HubReceiver::ask_at(Lane& lane, Message& message, Instant at) {
  if (message.ask_at != Instant::never()) --lane.asks;
  message.ask_at = at;
  if (at == Instant::never()) return;
  lane.first_ask = lane.asks == 0 ? at : earlier(lane.first_ask, at);
  ++lane.asks;
}

bool HubReceiver::wants_more(const Message& message) const {
  return static_cast<std::size_t>(std::popcount(message.held)) < config_.needed && message.asked < config_.max_requests;
}

void HubReceiver::on_held(Instant now, TrafficClass traffic, Message& message) {
  Lane& to = lane(traffic);
  const auto held = static_cast<std::size_t>(std::popcount(message.held));
  if (held == config_.needed) {
    if (message.asked == 0) spread_.sample(now - message.heard);
    ask_at(to, message, Instant::never());
    return;
  }
  if (message.ask_at == Instant::never() && wants_more(message)) {
    ask_at(to, message, message.heard + spread_.timeout(0));
  }
}

void HubReceiver::ignore(Instant now, ServerSet servers) {
  ignored_ = ServerSet::from_bits(ignored_.bits() | servers.bits());
  for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
    Lane& of = lane(traffic);
    for (Message& message : of.messages) {
      const std::uint32_t before = message.held;
      message.held &= ~std::uint32_t{servers.bits()};
      if (message.held != before && message.ask_at == Instant::never() && wants_more(message)) {
        ask_at(of, message, now + spread_.timeout(0));
      }
    }
  }
}

std::vector<wire::HubRequest::Entry> HubReceiver::due(Instant now, std::size_t most) {
  std::vector<wire::HubRequest::Entry> entries;
  for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
    Lane& of = lane(traffic);
    if (of.asks == 0 || now < of.first_ask) continue;
    Instant next = Instant::never();
    for (SeqNum sequence = of.first; sequence <= of.highest; sequence = sequence.next()) {
      Message* const message = find(of, sequence);
      if (message == nullptr || message->ask_at == Instant::never()) continue;
      if (message->ask_at <= now) {
        if (!wants_more(*message)) {
          ask_at(of, *message, Instant::never());
          continue;
        }
        if (entries.size() == most) return entries;
        ++message->asked;
        ++requested_;
        ask_at(of, *message, now + spread_.timeout(message->asked));
        entries.push_back({traffic, message->held, sequence});
      }
      next = earlier(next, message->ask_at);
    }
    of.first_ask = next;
  }
  return entries;
}

Instant HubReceiver::next_wakeup() const {
  Instant next = Instant::never();
  for (const Lane& each : lanes_) {
    if (each.asks > 0) next = earlier(next, each.first_ask);
  }
  return next;
}

}  // namespace garrison::link
