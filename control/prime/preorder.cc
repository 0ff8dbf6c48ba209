#include "control/prime/preorder.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/check.h"

namespace garrison::prime {
namespace {

SeqNum plus(SeqNum sequence, std::size_t count) { return SeqNum(sequence.value() + count); }

}  // namespace

Preorder::Preorder(const PrimeConfig& config)
    : config_(config),
      introducers_(config.n),
      preordered_(config.n),
      answered_(config.n),
      request_pacer_(config.eager, config.po_period),
      ack_pacer_(config.eager, config.po_period) {
  for (Introducer& introducer : introducers_) {
    introducer.ring = SlotRing<Slot>(config.kept_requests + 2 * config.ack_window_requests);
  }
}

bool Preorder::within_windows(const Introducer& from, SeqNum sequence) const {
  return sequence <= plus(from.executed, 2 * config_.ack_window_requests);
}

Preorder::Slot& Preorder::slot(Introducer& from, SeqNum sequence) {
  Slot& slot = from.ring[sequence.value() % from.ring.size()];
  if (slot.sequence != sequence) {
    CHECK(slot.request == nullptr);  // released before the windows came around
    slot = Slot{};
    slot.sequence = sequence;
  }
  return slot;
}

const Preorder::Slot* Preorder::find(PreorderId id) const {
  const Introducer& from = of(id.introducer);
  const Slot& slot = from.ring[id.sequence.value() % from.ring.size()];
  return slot.sequence == id.sequence ? &slot : nullptr;
}

void Preorder::on_request(const message::VerifiedMessage& message, ordering::Output& output) {
  const auto request = message.as<message::PoRequest>();
  const ServerId introducer = request.introducer;
  Introducer& from = introducers_[introducer.index()];
  // Signed with our key, but not by this life of ours.
  if (introducer == config_.self && request.sequence > introduced_) {
    return output.drops.push_back(DropReason::prime_beyond_window);
  }
  if (request.sequence == SeqNum(0)) return output.drops.push_back(DropReason::message_malformed);
  if (!within_windows(from, request.sequence)) return output.drops.push_back(DropReason::prime_beyond_window);
  if (request.sequence <= from.executed && find({introducer, request.sequence}) == nullptr) {
    return output.drops.push_back(DropReason::prime_stale);
  }
  Slot& at = slot(from, request.sequence);
  if (at.request != nullptr) return on_second_request(introducer, at, message, output);
  if (request.sequence <= from.executed) return output.drops.push_back(DropReason::prime_stale);
  if (at.has_certificate && at.certified != message.digest()) {
    return output.drops.push_back(DropReason::prime_equivocation);
  }
  const bool next_to_execute = request.sequence == from.executed.next();
  if (from.held_bytes + message.bytes().size() > 2 * config_.ack_window_bytes && !next_to_execute) {
    return output.drops.push_back(DropReason::prime_beyond_window);
  }
  hold(introducer, at, message);
  if (may_ack(from, at)) {
    ack(introducer, at);
  } else {
    ++from.withheld;
  }
  if (at.bound()) advance_prefix(introducer);
}

// An introducer that signs two requests for one identifier is caught by whoever holds one and sees the other. The
// certificate decides which of them counts.
void Preorder::on_second_request(ServerId introducer, Slot& at, const message::VerifiedMessage& message,
                                 ordering::Output& output) {
  if (at.request->get().digest() == message.digest()) return output.drops.push_back(DropReason::prime_duplicate);
  output.blame.push_back({introducer, DropReason::prime_equivocation, at.request, store(message)});
  output.drops.push_back(DropReason::prime_equivocation);
  if (!at.has_certificate || at.certified != message.digest()) return;

  Introducer& from = introducers_[introducer.index()];
  if (at.sequence <= from.executed) return;
  from.held_bytes -= at.request->get().bytes().size();
  if (at.has_acked) {
    from.acked_bytes -= at.request->get().bytes().size();
  } else {
    --from.withheld;
  }
  hold(introducer, at, message);
  if (at.has_acked) {
    from.acked_bytes += message.bytes().size();
  } else {
    ++from.withheld;
    from.window_moved = true;
  }
  advance_prefix(introducer);
}

void Preorder::hold(ServerId introducer, Slot& at, const message::VerifiedMessage& message) {
  at.request = store(message);
  introducers_[introducer.index()].held_bytes += message.bytes().size();
  if (config_.quorum() == 1) {  // a site of one server: its word is the certificate
    at.has_certificate = true;
    at.certified = message.digest();
  }
}

bool Preorder::may_ack(const Introducer& from, const Slot& at) const {
  // The next one to execute is always let through, or bytes acknowledged beyond a gap would keep the gap open.
  if (at.sequence == from.executed.next()) return true;
  return at.sequence <= plus(from.executed, config_.ack_window_requests) &&
         from.acked_bytes + at.request->get().bytes().size() <= config_.ack_window_bytes;
}

// Answers the first PO-REQUEST for an identifier, and no other one ever. The introducer's own request speaks for it.
void Preorder::ack(ServerId introducer, Slot& at) {
  Introducer& from = introducers_[introducer.index()];
  at.has_acked = true;
  at.acked = at.request->get().digest();
  from.acked_bytes += at.request->get().bytes().size();
  answered_[introducer.index()] = std::max(answered_[introducer.index()], at.sequence);
  if (introducer != config_.self) acks_due_.push_back({introducer, at.sequence, at.acked});
}

void Preorder::on_ack(const message::VerifiedMessage& message, ordering::Output& output) {
  const ServerId acker = message.server();
  std::optional<DropReason> refused;
  for (const message::PoAck::Entry& entry : message.as<message::PoAck>().entries) {
    if (entry.introducer.index() >= config_.n || entry.sequence == SeqNum(0)) {
      refused = DropReason::message_malformed;
      continue;
    }
    if (entry.introducer == acker) {  // its PO-REQUEST has said that
      refused = DropReason::prime_duplicate;
      continue;
    }
    Introducer& from = introducers_[entry.introducer.index()];
    if (!within_windows(from, entry.sequence)) {
      refused = DropReason::prime_beyond_window;
      continue;
    }
    // What came after the quorum was enough is no news and no fault.
    if (entry.sequence <= from.executed) continue;
    Slot& at = slot(from, entry.sequence);
    if (at.voted.contains(acker)) {
      const bool same = at.candidate.digest == entry.digest
                            ? at.candidate.ackers.contains(acker)
                            : std::any_of(at.further.begin(), at.further.end(), [&](const Candidate& other) {
                                return other.digest == entry.digest && other.ackers.contains(acker);
                              });
      refused = same ? DropReason::prime_duplicate : DropReason::prime_equivocation;
      continue;
    }
    count_ack(entry.introducer, at, entry.digest, acker);
  }
  if (refused.has_value()) output.drops.push_back(*refused);
}

void Preorder::count_ack(ServerId introducer, Slot& at, const Digest& digest, ServerId acker) {
  Candidate* candidate = &at.candidate;
  if (at.voted.empty()) {
    candidate->digest = digest;
  } else if (candidate->digest != digest) {
    const auto other = std::find_if(at.further.begin(), at.further.end(),
                                    [&](const Candidate& further) { return further.digest == digest; });
    candidate = other != at.further.end() ? &*other : &at.further.emplace_back(Candidate{digest, {}});
  }
  at.voted.insert(acker);
  candidate->ackers.insert(acker);
  if (at.has_certificate || candidate->ackers.size() + 1 < config_.quorum()) return;
  at.has_certificate = true;
  at.certified = digest;
  settled({introducer, at.sequence});
  // A request that the certificate contradicts stays only as evidence, until the right one comes.
  if (at.bound()) advance_prefix(introducer);
}

void Preorder::advance_prefix(ServerId introducer) {
  SeqNum& prefix = preordered_[introducer.index()];
  for (const Slot* next = find({introducer, prefix.next()}); next != nullptr && next->bound();
       next = find({introducer, prefix.next()})) {
    prefix = prefix.next();
  }
  if (introducer == config_.self && prefix == introduced_) request_pacer_.arrived();
}

Stored Preorder::bound(PreorderId id) const {
  const Slot* at = find(id);
  return at != nullptr && at->bound() ? at->request : nullptr;
}

void Preorder::executed(PreorderId id, SeqNum counted) {
  Introducer& from = introducers_[id.introducer.index()];
  CHECK(id.sequence == from.executed.next());
  Slot& at = slot(from, id.sequence);
  CHECK(at.bound());
  const std::size_t bytes = at.request->get().bytes().size();
  from.held_bytes -= bytes;
  from.kept_bytes += bytes;
  if (at.has_acked) {
    from.acked_bytes -= bytes;
  } else {
    // Withheld until now. A server that lags may need it, and it says no more than the certificate.
    --from.withheld;
    at.has_acked = true;
    at.acked = at.certified;
    answered_[id.introducer.index()] = std::max(answered_[id.introducer.index()], id.sequence);
    if (id.introducer != config_.self) acks_due_.push_back({id.introducer, id.sequence, at.acked});
  }
  from.executed = id.sequence;
  from.window_moved = true;
  settled(id);
  release_kept(from, counted);
}

// An executed request is of use only to a server that does not count it yet; one too far behind is served by state
// transfer.
void Preorder::release_kept(Introducer& from, SeqNum counted) {
  while (from.kept_from <= from.executed) {
    const bool needed = from.kept_from > counted && from.kept_bytes <= config_.kept_request_bytes &&
                        from.executed.value() - from.kept_from.value() < config_.kept_requests;
    if (needed) return;
    Slot& at = slot(from, from.kept_from);
    from.kept_bytes -= at.request->get().bytes().size();
    at.request = nullptr;
    from.kept_from = from.kept_from.next();
  }
}

void Preorder::jump_to(const SummaryVector& executed) {
  CHECK(executed.size() == config_.n);
  introduced_ = std::max(introduced_, executed[config_.self.index()]);
  for (std::size_t i = 0; i < config_.n; ++i) {
    CHECK(executed[i] >= introducers_[i].executed);
    if (executed[i] == introducers_[i].executed) continue;
    drop_through(introducers_[i], executed[i]);
    preordered_[i] = std::max(preordered_[i], executed[i]);
    answered_[i] = std::max(answered_[i], executed[i]);
    advance_prefix(ServerId(static_cast<std::uint16_t>(i)));
  }
  const auto over = [&](const auto& id) { return id.sequence <= executed[id.introducer.index()]; };
  acks_due_.erase(std::remove_if(acks_due_.begin(), acks_due_.end(), over), acks_due_.end());
  if (awaited_.has_value() && over(*awaited_)) settled(PreorderId(*awaited_));
}

void Preorder::drop_through(Introducer& from, SeqNum executed) {
  from.executed = executed;
  from.kept_from = executed.next();
  from.kept_bytes = from.held_bytes = from.acked_bytes = from.withheld = 0;
  from.window_moved = true;
  for (Slot& at : from.ring) {
    if (at.sequence <= executed) {
      at = Slot{};
    } else if (at.request != nullptr) {
      const std::size_t bytes = at.request->get().bytes().size();
      from.held_bytes += bytes;
      (at.has_acked ? from.acked_bytes : from.withheld) += at.has_acked ? bytes : 1;
    }
  }
}

void Preorder::reopen_windows() {
  for (std::size_t i = 0; i < config_.n; ++i) {
    Introducer& from = introducers_[i];
    if (!std::exchange(from.window_moved, false) || from.withheld == 0) continue;
    const SeqNum last = plus(from.executed, config_.ack_window_requests);
    for (SeqNum sequence = from.executed.next(); sequence <= last && from.withheld > 0; sequence = sequence.next()) {
      Slot& at = from.ring[sequence.value() % from.ring.size()];
      if (at.sequence != sequence || at.request == nullptr || at.has_acked || !may_ack(from, at)) continue;
      --from.withheld;
      ack(ServerId(static_cast<std::uint16_t>(i)), at);
    }
  }
}

std::size_t Preorder::outstanding() const {
  return static_cast<std::size_t>(introduced_.value() - of(config_.self).executed.value());
}

void Preorder::introduce(Instant now, bool hurry, Intake& intake, Promises& promises, ordering::Output& output) {
  if (intake.empty() || outstanding() >= config_.max_outstanding_requests || !request_pacer_.due(now, hurry) ||
      of(config_.self).held_bytes >= config_.ack_window_bytes) {
    return;
  }
  const std::vector<Stored> updates = intake.next_request();
  introduced_ = introduced_.next();
  message::PoRequest request{config_.self, introduced_, {}};
  request.updates.reserve(updates.size());
  for (const Stored& update : updates) request.updates.push_back(update->get().bytes());
  request_pacer_.sent(now);
  promises.promise(request, kPoRequestSequenceBytes, config_.others(), output);
}

void Preorder::acknowledge(Instant now, bool hurry, Promises& promises, ordering::Output& output) {
  if (acks_due_.empty() || !ack_pacer_.due(now, hurry)) return;
  const auto end = acks_due_.begin() + static_cast<std::ptrdiff_t>(std::min(acks_due_.size(), kMaxAcksPerPoAck));
  const auto last = std::find_if(std::make_reverse_iterator(end), acks_due_.rend(), [&](const auto& entry) {
    return uncertified({entry.introducer, entry.sequence});
  });
  awaited_.reset();
  ack_pacer_.sent(now);
  if (last == acks_due_.rend()) {
    ack_pacer_.arrived();
  } else {
    awaited_ = PreorderId{last->introducer, last->sequence};
  }
  promises.promise(message::PoAck{{acks_due_.begin(), end}}, kWholeBody, config_.others(), output);
  acks_due_.erase(acks_due_.begin(), end);
}

bool Preorder::uncertified(PreorderId id) const {
  const Slot* at = find(id);
  return at != nullptr && !at->has_certificate && id.sequence > of(id.introducer).executed;
}

void Preorder::settled(PreorderId id) {
  if (awaited_ != id) return;
  awaited_.reset();
  ack_pacer_.arrived();
}

Instant Preorder::next_wakeup(const Intake& intake) const {
  Instant next = acks_due_.empty() ? Instant::never() : ack_pacer_.next();
  const bool waits_for_time = !intake.empty() && outstanding() < config_.max_outstanding_requests &&
                              of(config_.self).held_bytes < config_.ack_window_bytes;
  if (waits_for_time) next = earlier(next, request_pacer_.next());
  return next;
}

ServerSet Preorder::holders(PreorderId id) const {
  ServerSet holders = ServerSet::only(id.introducer);
  const Slot* at = find(id);
  if (at == nullptr || !at->has_certificate) return holders;
  const auto add = [&](const Candidate& candidate) {
    if (candidate.digest == at->certified) candidate.ackers.for_each([&](ServerId acker) { holders.insert(acker); });
  };
  add(at->candidate);
  for (const Candidate& further : at->further) add(further);
  return holders;
}

std::optional<message::PoAck::Entry> Preorder::own_ack(PreorderId id) const {
  const Slot* at = find(id);
  if (at == nullptr || !at->has_acked || id.introducer == config_.self) return std::nullopt;
  return message::PoAck::Entry{id.introducer, id.sequence, at->acked};
}

Stored Preorder::held(PreorderId id) const {
  const Slot* at = find(id);
  return at == nullptr ? nullptr : at->request;
}

}  // namespace garrison::prime
