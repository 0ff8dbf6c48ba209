#include "dataplane/link/hub_sender.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/check.h"
#include "dataplane/link/hub_assembler.h"

namespace garrison::link {

namespace {

OverhearTable::Config overhear_config(const HubSenderConfig& config) {
  return {.parts = config.parts, .window = config.window};
}

}  // namespace

HubSenderStats& HubSenderStats::operator+=(const HubSenderStats& other) {
  submitted += other.submitted;
  sent_first += other.sent_first;
  sent_second += other.sent_second;
  sent_asked += other.sent_asked;
  cancelled += other.cancelled;
  needless += other.needless;
  overheard += other.overheard;
  return *this;
}

HubSender::HubSender(const HubSenderConfig& config)
    : config_(config),
      lanes_{Lane(overhear_config(config)), Lane(overhear_config(config))},
      record_(config.parts, ServerId(config.index)),
      turnless_(config.parts) {
  CHECK(config.index < config.parts && config.needed <= config.parts && config.window > 0);
  CHECK(config.requests_needed > 0 && config.parts <= kMaxServersPerSite);
  if (config.longest_timeout.has_value()) {
    lateness_.emplace(config.parts, config.parts - config.needed, self(), config.local_timeout.value(),
                      *config.longest_timeout);
  }
}

void HubSender::submit(const Part& part) {
  Lane& to = lane(part.traffic);
  const auto known = to.parts.find(part.sequence);
  if (known != to.parts.end()) {  // what is here already goes out again
    released_.push_back(part.handle);
    Held& held = known->second;
    held.part.again = held.part.again || part.again;
    if (part.again) {
      become(to, held, State::due);
      held.asked = true;
    }
    return;
  }
  ++stats_.submitted;
  count_turns(part.first_set);
  to.overheard.expect(part.sequence, part.encoding);
  Held& held = to.parts.try_emplace(part.sequence).first->second;
  held.part = part;
  held.part.encoding.clear();
  held.mark = hub_mark(part.bytes);
  become(to, held, part.again ? State::due : State::queued);
  held.asked = part.again;
  if (to.parts.size() > config_.window) forget_below(to, to.parts.begin()->first.next());
}

void HubSender::acknowledged(SeqNum through) { forget_below(lane(TrafficClass::bounded), through.next()); }

void HubSender::ignore(ServerSet servers) {
  for (Lane& each : lanes_) each.overheard.ignore(servers.bits());
}

void HubSender::forget_below(Lane& lane, SeqNum first) {
  while (!lane.parts.empty() && lane.parts.begin()->first < first) release(lane, lane.parts.begin());
  lane.overheard.forget_below(first);
}

void HubSender::release(Lane& lane, std::map<SeqNum, Held>::iterator at) {
  note_missed(lane, at->second);
  if (lane.at == at->first) lane.at = SeqNum();
  released_.push_back(at->second.part.handle);
  become(lane, at->second, State::idle);
  lane.to_judge.erase({at->second.judge_at, at->first});
  lane.parts.erase(at);
}

std::optional<DropReason> HubSender::on_overheard(TrafficClass traffic, SeqNum sequence, std::uint8_t index,
                                                  const Digest& says, Bytes part) {
  if (index == config_.index) return DropReason::link_part_malformed;  // nobody else sends this server's
  return lane(traffic).overheard.hear(sequence, index, says, std::move(part));
}

std::optional<HubSender::ToVerify> HubSender::next_to_verify() {
  for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
    if (auto next = lane(traffic).overheard.next_to_verify(); next.has_value()) {
      return ToVerify{traffic, std::move(*next)};
    }
  }
  return std::nullopt;
}

bool HubSender::enough(const Lane& lane, SeqNum sequence) const {
  return lane.overheard.counted(sequence) >= config_.needed;
}

std::optional<Duration> HubSender::local_timeout() const {
  return lateness_.has_value() ? lateness_->timeout() : config_.local_timeout;
}

void HubSender::on_verdict(Instant now, TrafficClass traffic, SeqNum sequence, std::uint8_t index, bool good) {
  Lane& of = lane(traffic);
  of.overheard.verdict(sequence, index, good);
  if (!good) return;
  ++stats_.overheard;
  const auto at = of.parts.find(sequence);
  if (at == of.parts.end()) return;
  Held& held = at->second;
  note_heard(now, held, ServerId(index));
  if (held.state == State::waiting && enough(of, sequence)) cancel(of, held);
  const std::size_t others = of.overheard.counted(sequence) - (held.was_sent ? 1 : 0);
  if (held.was_second && !held.needless && others >= config_.needed) {
    held.needless = true;
    ++stats_.needless;
  }
}

void HubSender::note_heard(Instant now, const Held& held, ServerId server) {
  if (!lateness_.has_value() || !held.part.first_set.contains(server)) return;
  lateness_->heard(server, held.turn < now ? now - held.turn : Duration());
}

// Nobody waits for it any more.
void HubSender::note_missed(const Lane& lane, const Held& held) {
  if (!lateness_.has_value() || held.turn == Instant::never()) return;
  const std::optional<std::uint32_t> heard = lane.overheard.heard(held.part.sequence);
  if (!heard.has_value()) return;  // a window of newer ones has come
  held.part.first_set.for_each([&](ServerId server) {
    if (server != self() && (*heard >> server.value() & 1U) == 0) lateness_->missed(server);
  });
}

void HubSender::become(Lane& lane, Held& held, State state) {
  const SeqNum sequence = held.part.sequence;
  if (held.state == State::waiting) lane.waiting.erase({held.deadline, sequence});
  held.state = state;
  if (state == State::waiting) lane.waiting.emplace(held.deadline, sequence);
  if (state == State::queued || state == State::due) {
    lane.ready.insert(sequence);
  } else {
    lane.ready.erase(sequence);
  }
}

void HubSender::cancel(Lane& lane, Held& held) {
  become(lane, held, State::idle);
  ++stats_.cancelled;
}

void HubSender::on_request(Instant now, ServerId asker, const wire::HubRequest::Entry& entry) {
  Lane& of = lane(entry.traffic);
  const auto at = of.parts.find(entry.sequence);
  if (at == of.parts.end()) return;
  Held& held = at->second;
  if (now < held.deaf_until || held.state == State::due) return;
  held.askers[asker] = entry.held;
  held.part.first_set.for_each([&](ServerId server) {
    const auto lack =
        std::ranges::count_if(held.askers, [&](const auto& each) { return (each.second >> server.value() & 1U) == 0; });
    if (static_cast<std::size_t>(lack) >= config_.requests_needed) blame(held, server);
  });
  const auto missing =
      std::ranges::count_if(held.askers, [&](const auto& each) { return (each.second >> config_.index & 1U) == 0; });
  if (static_cast<std::size_t>(missing) < config_.requests_needed) return;
  held.askers.clear();
  held.deaf_until = now + config_.request_gap;
  // One that has not had its turn yet goes out as it would have, of whichever set it is.
  if (held.state == State::queued && is_first(held)) return;
  become(of, held, State::due);
  held.asked = true;
}

SeqNum HubSender::choose(Instant now, Lane& lane) {
  while (!lane.waiting.empty() && lane.waiting.begin()->first <= now) {
    become(lane, lane.parts.at(lane.waiting.begin()->second), State::due);
  }
  while (!lane.ready.empty()) {
    const SeqNum sequence = *lane.ready.begin();
    Held& held = lane.parts.at(sequence);
    if (held.state == State::due || is_first(held) || config_.local_timeout == Duration()) return sequence;
    const std::optional<Duration> timeout = local_timeout();
    held.deadline = timeout.has_value() ? now + *timeout : Instant::never();
    become(lane, held, State::waiting);
    turn_has_come(now, lane, held);
    if (enough(lane, sequence)) cancel(lane, held);
  }
  return SeqNum();
}

std::optional<HubSender::Chunk> HubSender::next_chunk(Instant now, TrafficClass traffic, std::size_t room) {
  CHECK(room > 0);
  Lane& of = lane(traffic);
  if (of.at == SeqNum()) {
    of.at = choose(now, of);
    of.offset = 0;
    if (of.at == SeqNum()) return std::nullopt;
    count_sent(now, of, of.parts.at(of.at));
  }
  const Held& held = of.parts.at(of.at);
  const ByteView rest = held.part.bytes.subspan(of.offset);
  const ByteView bytes = rest.first(std::min(room, rest.size()));
  Chunk chunk{.sequence = of.at,
              .part = {.traffic = traffic,
                       .index = config_.index,
                       .again = held.part.again,
                       .total = static_cast<std::uint32_t>(held.part.bytes.size()),
                       .offset = of.offset,
                       .mark = held.mark,
                       .bytes = bytes}};
  of.offset += static_cast<std::uint32_t>(bytes.size());
  if (bytes.size() == rest.size()) of.at = SeqNum();
  return chunk;
}

void HubSender::count_sent(Instant now, Lane& lane, Held& held) {
  if (held.asked) {
    ++stats_.sent_asked;
  } else if (is_first(held)) {
    ++stats_.sent_first;
    turn_has_come(now, lane, held);
  } else {
    ++stats_.sent_second;
    held.was_second = config_.local_timeout != Duration();  // else it was to send
  }
  held.asked = false;
  held.was_sent = true;
  become(lane, held, State::idle);
  lane.overheard.sent(held.part.sequence, config_.index);
}

// Within a rotation each server that is not demoted has a turn, whichever class comes in between.
void HubSender::count_turns(ServerSet first_set) {
  for (std::size_t i = 0; i < config_.parts; ++i) {
    const ServerId server(static_cast<std::uint16_t>(i));
    turnless_[i] = first_set.contains(server) ? 0 : turnless_[i] + 1;
    if (turnless_[i] > config_.parts) record_.forget(server);
  }
}

void HubSender::turn_has_come(Instant now, Lane& lane, Held& held) {
  if (config_.local_timeout == Duration()) return;  // everybody sends at once
  held.turn = now;
  held.judge_at = now + local_timeout().value_or(config_.request_gap);
  lane.to_judge.emplace(held.judge_at, held.part.sequence);
}

void HubSender::judge(Lane& lane, Held& held) {
  const std::optional<std::uint32_t> heard = lane.overheard.heard(held.part.sequence);
  if (!heard.has_value()) return;
  held.part.first_set.for_each([&](ServerId server) {
    if ((*heard >> server.value() & 1U) == 0) {
      blame(held, server);
    } else if (!held.blamed.contains(server)) {
      record_.add(server, false);
    }
  });
}

void HubSender::blame(Held& held, ServerId server) {
  if (held.blamed.contains(server)) return;
  held.blamed.insert(server);
  record_.add(server, true);
}

ServerSet HubSender::suspected(Instant now) {
  for (Lane& each : lanes_) {
    while (!each.to_judge.empty() && each.to_judge.begin()->first <= now) {
      judge(each, each.parts.at(each.to_judge.begin()->second));
      each.to_judge.erase(each.to_judge.begin());
    }
  }
  return record_.suspected();
}

Instant HubSender::next_wakeup() const {
  Instant next = Instant::never();
  for (const Lane& each : lanes_) {
    if (each.at != SeqNum() || !each.ready.empty()) return Instant();
    if (!each.waiting.empty()) next = earlier(next, each.waiting.begin()->first);
  }
  return next;
}

std::optional<std::uint64_t> HubSender::next_released() {
  if (released_.empty()) return std::nullopt;
  const std::uint64_t handle = released_.front();
  released_.pop_front();
  return handle;
}

}  // namespace garrison::link
