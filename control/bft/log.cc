#include "control/bft/log.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/check.h"

namespace garrison::bft {

std::size_t Log::Votes::matching(const Digest& digest) const {
  std::size_t count = 0;
  from.for_each([&](ServerId voter) { count += batch[voter.index()] == digest ? 1 : 0; });
  return count;
}

Log::Log(const BftConfig& config, std::function<Stored(const Digest&)> find_update)
    : config_(config), find_update_(std::move(find_update)), ring_(config.window) {}

Log::Refusal Log::outside(View view, SeqNum sequence) const {
  if (sequence == SeqNum(0)) return DropReason::message_malformed;
  if (view > view_) return DropReason::bft_beyond_window;
  if (view < view_ || !active_ || sequence <= stable_) return DropReason::bft_stale;
  if (!in_window(sequence)) return DropReason::bft_beyond_window;
  return std::nullopt;
}

Log::Slot& Log::slot(SeqNum sequence) {
  CHECK(in_window(sequence));
  Slot& slot = ring_[sequence.value() % ring_.size()];
  if (slot.sequence != sequence) {
    slot = Slot{};
    slot.sequence = sequence;
  }
  highest_ = std::max(highest_, sequence);
  return slot;
}

const Log::Slot* Log::find_slot(SeqNum sequence) const {
  if (!in_window(sequence)) return nullptr;
  const Slot& slot = ring_[sequence.value() % ring_.size()];
  return slot.sequence == sequence ? &slot : nullptr;
}

Log::Refusal Log::on_pre_prepare(const message::VerifiedMessage& message, Promises& promises,
                                 ordering::Output& output) {
  auto pre_prepare = message.as<message::BftPrePrepare>();
  if (const Refusal refusal = outside(pre_prepare.view, pre_prepare.sequence)) return refusal;
  const ServerId leader = config_.leader_of(view_);
  if (message.server() != leader) return DropReason::bft_not_leader;
  if (pre_prepare.sequence <= carried_over_) return DropReason::bft_duplicate;  // the NEW-VIEW has proposed it
  // Signed with our key, but not by this life of ours.
  if (leader == config_.self && pre_prepare.sequence > proposed_) return DropReason::bft_beyond_window;
  if (pre_prepare.updates.size() > config_.max_updates_per_batch) return DropReason::bft_oversized_batch;

  Slot& at = slot(pre_prepare.sequence);
  if (at.proposed) {
    return on_second_pre_prepare(at, message, message::batch_digest(pre_prepare.updates), output);
  }
  at.batch = std::make_shared<Batch>(std::move(pre_prepare.updates));
  at.digest = at.batch->digest();
  at.proposed = true;
  at.pre_prepare = store(message);
  if (!at.prepares.from.contains(leader)) {
    at.prepares.from.insert(leader);
    at.prepares.batch[leader.index()] = at.digest;
  }
  gather(at);
  advance(at, promises, output);
  return std::nullopt;
}

// Two batches for one slot prove the leader faulty to whoever can check both signatures. Under MACs nobody else can.
Log::Refusal Log::on_second_pre_prepare(const Slot& at, const message::VerifiedMessage& message, const Digest& digest,
                                        ordering::Output& output) const {
  if (digest == at.digest) return DropReason::bft_duplicate;
  const bool signed_by_both = at.pre_prepare->get().is_signed() && message.is_signed();
  if (signed_by_both) {
    output.blame.push_back({message.server(), DropReason::bft_equivocation, at.pre_prepare, store(message)});
  }
  return DropReason::bft_equivocation;
}

Log::Refusal Log::on_prepare(const message::VerifiedMessage& message, Promises& promises, ordering::Output& output) {
  const auto prepare = message.as<message::BftPrepare>();
  if (const Refusal refusal = outside(prepare.view, prepare.sequence)) return refusal;
  // The leader's PRE-PREPARE speaks for it.
  const bool leader = message.server() == config_.leader_of(view_);
  if (leader && prepare.sequence > carried_over_) return DropReason::bft_duplicate;
  return on_vote(message, prepare.sequence, prepare.batch, &Slot::prepares, promises, output);
}

Log::Refusal Log::on_commit(const message::VerifiedMessage& message, Promises& promises, ordering::Output& output) {
  const auto commit = message.as<message::BftCommit>();
  if (const Refusal refusal = outside(commit.view, commit.sequence)) return refusal;
  return on_vote(message, commit.sequence, commit.batch, &Slot::commits, promises, output);
}

// One vote per server, slot and phase: the first counts.
Log::Refusal Log::on_vote(const message::VerifiedMessage& message, SeqNum sequence, const Digest& batch,
                          Votes Slot::*votes, Promises& promises, ordering::Output& output) {
  const ServerId voter = message.server();
  Slot& at = slot(sequence);
  Votes& cast = at.*votes;
  if (cast.from.contains(voter)) {
    return cast.batch[voter.index()] == batch ? DropReason::bft_duplicate : DropReason::bft_equivocation;
  }
  cast.from.insert(voter);
  cast.batch[voter.index()] = batch;
  if (voter == config_.self) cast.own = store(message);
  advance(at, promises, output);
  return std::nullopt;
}

bool Log::on_batch(SeqNum sequence, const std::vector<Digest>& updates, Promises& promises, ordering::Output& output) {
  if (find_slot(sequence) == nullptr || updates.size() > config_.max_updates_per_batch) return false;
  Slot& at = slot(sequence);
  const Digest digest = message::batch_digest(updates);
  const bool committed_here = at.committed.any && at.committed.batch == nullptr && at.committed.digest == digest;
  const bool proposed_here = at.proposed && at.batch == nullptr && at.digest == digest;
  if (!committed_here && !proposed_here) return false;
  const auto batch = std::make_shared<Batch>(updates);
  if (committed_here) at.committed.batch = batch;
  if (proposed_here) at.batch = batch;
  if (at.prepared.any && at.prepared.batch == nullptr && at.prepared.digest == digest) at.prepared.batch = batch;
  gather(at);
  advance(at, promises, output);
  return true;
}

void Log::gather(Slot& at) {
  for (const SharedBatch& batch : {at.batch, at.committed.batch}) {
    if (batch == nullptr || batch->complete()) continue;
    for (std::size_t place = 0; place < batch->updates().size(); ++place) {
      if (batch->bodies()[place] != nullptr) continue;
      const Digest& update = batch->updates()[place];
      if (const Stored held = find_update_(update); held != nullptr) {
        batch->supply(place, held);
      } else {
        awaited_.emplace(update, at.sequence);
      }
    }
  }
}

void Log::on_update(const Stored& update, Promises& promises, ordering::Output& output) {
  const Digest& digest = update->get().digest();
  const auto [first, last] = awaited_.equal_range(digest);
  std::vector<SeqNum> waiting;
  for (auto at = first; at != last; ++at) waiting.push_back(at->second);
  awaited_.erase(first, last);
  for (const SeqNum sequence : waiting) {
    if (find_slot(sequence) == nullptr) continue;
    Slot& at = slot(sequence);
    for (const SharedBatch& batch : {at.batch, at.committed.batch}) {
      if (batch == nullptr) continue;
      for (std::size_t place = 0; place < batch->updates().size(); ++place) {
        if (batch->updates()[place] == digest) batch->supply(place, update);
      }
    }
    advance(at, promises, output);
  }
}

void Log::advance(Slot& at, Promises& promises, ordering::Output& output) {
  if (!active_ || !at.proposed) return;
  const bool held = at.batch != nullptr && at.batch->complete();
  if (!at.answered && held) {
    at.answered = true;
    advance_answered();
    if (at.batch->bytes() > config_.max_batch_bytes && at.batch->updates().size() > 1) {
      output.drops.push_back(DropReason::bft_oversized_batch);  // never answered: the leader's timeout sees to it
    } else {
      at.pre_prepared = {true, view_, at.digest, at.batch};
      const bool spoke = config_.leader_of(view_) == config_.self && at.sequence > carried_over_;
      if (!spoke) {
        promises.promise(message::BftPrepare{view_, at.sequence, at.digest}, ordering::kWholeBody, config_.others(),
                         output);
      }
    }
  }
  if (!at.commit_said && at.prepares.matching(at.digest) >= config_.quorum()) {
    at.commit_said = true;
    at.prepared = {true, view_, at.digest, at.batch};
    promises.promise(message::BftCommit{view_, at.sequence, at.digest}, ordering::kWholeBody, config_.others(), output);
  }
  if (!at.committed.any && at.commits.matching(at.digest) >= config_.quorum()) {
    at.committed = {true, view_, at.digest, at.batch};
    advance_committed();
  }
}

void Log::advance_committed() {
  for (const Slot* next = find_slot(committed_through_.next()); next != nullptr && next->committed.any;
       next = find_slot(committed_through_.next())) {
    committed_through_ = committed_through_.next();
  }
}

void Log::advance_answered() {
  for (const Slot* next = find_slot(answered_through_.next());
       answered_through_ < carried_over_ && next != nullptr && next->answered;
       next = find_slot(answered_through_.next())) {
    answered_through_ = answered_through_.next();
  }
}

bool Log::may_propose() const {
  return active_ && config_.leader_of(view_) == config_.self && in_flight() < config_.pipeline &&
         in_window(std::max(proposed_, stable_).next());
}

std::size_t Log::in_flight() const {
  const SeqNum newest = std::max(proposed_, carried_over_);
  return newest > committed_through_ ? newest.value() - committed_through_.value() : 0;
}

void Log::propose(std::vector<Digest> updates, Promises& promises, ordering::Output& output) {
  CHECK(may_propose());
  proposed_ = std::max(proposed_, stable_).next();
  promises.promise(message::BftPrePrepare{view_, proposed_, std::move(updates)}, ordering::kWholeBody, config_.others(),
                   output);
}

void Log::settle(View view, SeqNum start, const std::vector<Digest>& batches) {
  for (Slot& at : ring_) {
    if (!at.prepared.any || at.prepared.view >= view || at.sequence <= start) continue;
    const std::uint64_t place = at.sequence.value() - start.value() - 1;
    if (place >= batches.size() || batches[place] != at.prepared.digest) at.prepared = {};
  }
}

void Log::enter_view(View view, SeqNum start, const std::vector<Digest>& batches, Promises& promises,
                     ordering::Output& output) {
  view_ = view;
  active_ = true;
  awaited_.clear();
  for (Slot& at : ring_) {
    Slot fresh;
    fresh.sequence = at.sequence;
    fresh.pre_prepared = std::move(at.pre_prepared);
    fresh.prepared = std::move(at.prepared);
    fresh.committed = std::move(at.committed);
    at = std::move(fresh);
  }
  carried_over_ = SeqNum(start.value() + batches.size());
  proposed_ = carried_over_;
  answered_through_ = std::max(start, stable_);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const SeqNum sequence(start.value() + 1 + i);
    if (!in_window(sequence)) continue;  // stable here already
    Slot& at = slot(sequence);
    at.proposed = true;
    at.digest = batches[i];
    at.batch =
        batches[i] == message::kNullBatch ? std::make_shared<Batch>(std::vector<Digest>{}) : find(sequence, batches[i]);
    gather(at);
    advance(at, promises, output);
  }
}

std::vector<message::BftClaim> Log::claims(Last Slot::*last) const {
  std::vector<message::BftClaim> claims;
  for (SeqNum sequence = stable_; sequence < highest_;) {
    sequence = sequence.next();
    const Slot* at = find_slot(sequence);
    if (at != nullptr && (at->*last).any) claims.push_back({sequence, (at->*last).view, (at->*last).digest});
  }
  return claims;
}

void Log::make_stable(SeqNum sequence) {
  if (sequence <= stable_) return;
  stable_ = sequence;
  for (Slot& at : ring_) {
    if (at.sequence <= stable_) at = Slot{};
  }
  std::erase_if(awaited_, [&](const auto& waiting) { return waiting.second <= stable_; });
  answered_through_ = std::max(answered_through_, stable_);
  advance_answered();
  executed(sequence);
}

void Log::executed(SeqNum sequence) {
  committed_through_ = std::max(committed_through_, sequence);
  advance_committed();
}

SharedBatch Log::committed(SeqNum sequence) const {
  const Slot* at = find_slot(sequence);
  return at == nullptr || !at->committed.any ? nullptr : at->committed.batch;
}

std::optional<Log::Wanted> Log::wanted(SeqNum sequence) const {
  const Slot* at = find_slot(sequence);
  if (at == nullptr) return std::nullopt;
  if (at->committed.any) return Wanted{at->committed.digest, at->committed.batch};
  if (at->proposed) return Wanted{at->digest, at->batch};
  return std::nullopt;
}

SharedBatch Log::find(SeqNum sequence, const Digest& digest) const {
  const Slot* at = find_slot(sequence);
  if (at == nullptr) return nullptr;
  if (at->batch != nullptr && at->digest == digest) return at->batch;
  for (const Last* last : {&at->committed, &at->prepared, &at->pre_prepared}) {
    if (last->any && last->batch != nullptr && last->digest == digest) return last->batch;
  }
  return nullptr;
}

std::vector<Stored> Log::said(SeqNum sequence) const {
  std::vector<Stored> messages;
  const Slot* at = find_slot(sequence);
  if (at == nullptr || !active_) return messages;
  if (at->pre_prepare != nullptr && at->pre_prepare->get().server() == config_.self) {
    messages.push_back(at->pre_prepare);
  }
  for (const Votes* votes : {&at->prepares, &at->commits}) {
    if (votes->own != nullptr) messages.push_back(votes->own);
  }
  return messages;
}

}  // namespace garrison::bft
