#include "dataplane/link/hub_sender.h"

#include <algorithm>
#include <bit>

#include "dataplane/base/check.h"

namespace garrison::link {

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
      lanes_{Lane(config), Lane(config)},
      record_(config.parts, ServerId(config.index)),
      turnless_(config.parts) {
  CHECK(config.index < config.parts && config.needed <= config.parts && config.window > 0);
  CHECK(config.requests_needed > 0 && config.parts <= kMaxServersPerSite);
  if (config.longest_timeout.has_value()) {
    lateness_.emplace(config.parts, config.parts - config.needed, self(), config.local_timeout.value(),
                      *config.longest_timeout);
  }
}

HubSender::Lane::Lane(const HubSenderConfig& config)
    : parts(std::bit_ceil(config.window)), overheard({.parts = config.parts, .window = config.window}) {}

HubSender::Held* HubSender::find(Lane& lane, SeqNum sequence) {
  Held& held = slot(lane, sequence);
  return held.part.sequence == sequence && sequence != SeqNum() ? &held : nullptr;
}

void HubSender::submit(const Part& part) {
  Lane& to = lane(part.traffic);
  if (Held* const known = find(to, part.sequence); known != nullptr) {  // what is here already goes out again
    released_.push(part.handle);
    known->part.again = known->part.again || part.again;
    if (part.again) {
      become(to, *known, State::due);
      known->asked = true;
    }
    return;
  }
  CHECK(part.sequence > SeqNum() && part.encoding.size() == config_.parts);
  ++stats_.submitted;
  count_turns(part.first_set);
  if (part.sequence < to.first) return released_.push(part.handle);  // over
  if (part.sequence.value() >= to.first.value() + config_.window) {
    const SeqNum first(part.sequence.value() - config_.window + 1);
    to.overheard.forget_below(first);  // before: what has not been heard by then is nobody's fault
    forget_below(to, first);
  }
  to.newest = std::max(to.newest, part.sequence);
  to.overheard.expect(part.sequence, part.encoding);
  Held& held = slot(to, part.sequence);
  held = {};
  held.part = part;
  held.part.encoding = {};
  // Chunks of other content under the same name have another mark, unless somebody wants them to have this one.
  held.mark = load_le<std::uint64_t>(part.encoding[config_.index].data());
  ++to.held;
  become(to, held, part.again ? State::due : State::queued);
  held.asked = part.again;
}

void HubSender::acknowledged(SeqNum through) { forget_below(lane(TrafficClass::bounded), through.next()); }

void HubSender::ignore(ServerSet servers) {
  for (Lane& each : lanes_) each.overheard.ignore(servers.bits());
}

void HubSender::forget_below(Lane& lane, SeqNum first) {
  if (first <= lane.first) return;
  for (; lane.first < first && lane.first <= lane.newest; lane.first = lane.first.next()) {
    if (Held* const held = find(lane, lane.first); held != nullptr) release(lane, *held);
  }
  lane.first = first;
  lane.overheard.forget_below(first);
}

void HubSender::release(Lane& lane, Held& held) {
  note_missed(lane, held);
  if (lane.at == held.part.sequence) lane.at = SeqNum();
  released_.push(held.part.handle);
  become(lane, held, State::idle);
  held = {};
  --lane.held;
}

OverhearTable::Hearing HubSender::on_overheard(TrafficClass traffic, SeqNum sequence, std::uint8_t index,
                                               ByteView part) {
  if (index == config_.index) return {DropReason::link_part_malformed, nullptr};  // nobody else sends this server's
  return lane(traffic).overheard.hear(sequence, index, part);
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
  Held* const known = find(of, sequence);
  if (known == nullptr) return;
  Held& held = *known;
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
  const auto is_ready = [](State of) { return of == State::queued || of == State::due; };
  if (is_ready(held.state)) --lane.ready;
  if (held.state == State::waiting) --lane.waiting;
  held.state = state;
  if (is_ready(state)) {
    ++lane.ready;
    lane.ready_from = std::min(lane.ready_from, held.part.sequence);
  }
  if (state == State::waiting) {
    lane.first_deadline = lane.waiting == 0 ? held.deadline : earlier(lane.first_deadline, held.deadline);
    ++lane.waiting;
  }
}

void HubSender::cancel(Lane& lane, Held& held) {
  become(lane, held, State::idle);
  ++stats_.cancelled;
}

void HubSender::on_request(Instant now, ServerId asker, const wire::HubRequest::Entry& entry) {
  Lane& of = lane(entry.traffic);
  Held* const known = find(of, entry.sequence);
  if (known == nullptr) return;
  Held& held = *known;
  if (now < held.deaf_until || held.state == State::due) return;
  held.askers.insert(asker);
  held.asker_holds.at(asker.index()) = entry.held;
  const auto lack = [&](std::size_t index) {
    std::size_t count = 0;
    held.askers.for_each([&](ServerId each) { count += (held.asker_holds[each.index()] >> index & 1U) == 0 ? 1 : 0; });
    return count;
  };
  held.part.first_set.for_each([&](ServerId server) {
    if (lack(server.index()) >= config_.requests_needed) blame(held, server);
  });
  if (lack(config_.index) < config_.requests_needed) return;
  held.askers = {};
  held.deaf_until = now + config_.request_gap;
  // One of the first set that has not had its turn yet goes out then; one of the second waits for no timeout any more.
  if (held.state == State::queued && is_first(held)) return;
  become(of, held, State::due);
  held.asked = true;
}

// Those that have waited long enough are due.
void HubSender::end_waits(Instant now, Lane& lane) {
  if (lane.waiting == 0 || now < lane.first_deadline) return;
  Instant next = Instant::never();
  for (Held& held : lane.parts) {
    if (held.state != State::waiting) continue;
    if (held.deadline <= now) {
      become(lane, held, State::due);
    } else {
      next = earlier(next, held.deadline);
    }
  }
  lane.first_deadline = next;
}

SeqNum HubSender::choose(Instant now, Lane& lane) {
  end_waits(now, lane);
  for (lane.ready_from = std::max(lane.ready_from, lane.first); lane.ready > 0;
       lane.ready_from = lane.ready_from.next()) {
    const SeqNum sequence = lane.ready_from;
    CHECK(sequence <= lane.newest);
    Held* const held = find(lane, sequence);
    if (held == nullptr || (held->state != State::queued && held->state != State::due)) continue;
    if (held->state == State::due || is_first(*held) || config_.local_timeout == Duration()) return sequence;
    const std::optional<Duration> timeout = local_timeout();
    held->deadline = timeout.has_value() ? now + *timeout : Instant::never();
    become(lane, *held, State::waiting);
    turn_has_come(now, lane, *held);
    if (enough(lane, sequence)) cancel(lane, *held);
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
    count_sent(now, of, slot(of, of.at));
  }
  const Held& held = slot(of, of.at);
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
  lane.first_to_judge = earlier(lane.first_to_judge, held.judge_at);
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
    if (now < each.first_to_judge) continue;
    each.first_to_judge = Instant::never();
    for (SeqNum sequence = each.first; sequence <= each.newest; sequence = sequence.next()) {
      Held* const held = find(each, sequence);
      if (held == nullptr) continue;
      if (held->judge_at <= now) {
        judge(each, *held);
        held->judge_at = Instant::never();
      }
      each.first_to_judge = earlier(each.first_to_judge, held->judge_at);
    }
  }
  return record_.suspected();
}

Instant HubSender::next_wakeup() const {
  Instant next = Instant::never();
  for (const Lane& each : lanes_) {
    if (each.at != SeqNum() || each.ready > 0) return Instant();
    if (each.waiting > 0) next = earlier(next, each.first_deadline);
  }
  return next;
}

std::optional<std::uint64_t> HubSender::next_released() {
  if (released_.empty()) return std::nullopt;
  const std::uint64_t handle = released_.front();
  released_.pop();
  return handle;
}

}  // namespace garrison::link
