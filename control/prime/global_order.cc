#include "control/prime/global_order.h"

#include <algorithm>
#include <functional>

#include "dataplane/base/check.h"

namespace garrison::prime {

std::size_t GlobalOrder::Votes::matching(const Digest& matrix) const {
  std::size_t count = 0;
  from.for_each([&](ServerId voter) { count += digest[voter.index()] == matrix ? 1 : 0; });
  return count;
}

std::size_t GlobalOrder::Claims::matching(const Digest& matrix) const {
  std::size_t count = 0;
  from.for_each([&](ServerId server) { count += digest[server.index()] == matrix ? 1 : 0; });
  return count;
}

GlobalOrder::GlobalOrder(const PrimeConfig& config)
    : config_(config),
      ring_(config.kept_sequences + config.global_window),
      executed_by_(config.n),
      proposed_eligible_(config.n) {}

std::optional<DropReason> GlobalOrder::outside(View view, SeqNum sequence) const {
  if (sequence == SeqNum(0)) return DropReason::message_malformed;
  if (view > view_) return DropReason::prime_beyond_window;
  if (view < view_ || !installed_ || sequence < first_of_view_) return DropReason::prime_stale;
  if (sequence > window_end()) return DropReason::prime_beyond_window;
  if (sequence <= executed_ && find(sequence) == nullptr) return DropReason::prime_stale;
  if (left_behind(sequence)) return DropReason::prime_stale;
  return std::nullopt;
}

bool GlobalOrder::left_behind(SeqNum sequence) const { return sequence.value() + ring_.size() <= window_end().value(); }

GlobalOrder::Slot& GlobalOrder::slot(SeqNum sequence) {
  Slot& slot = ring_[sequence.value() % ring_.size()];
  if (slot.sequence != sequence) {
    slot = Slot{};
    slot.sequence = sequence;
    slot.view = view_;
  }
  return slot;
}

const GlobalOrder::Slot* GlobalOrder::find(SeqNum sequence) const {
  const Slot& slot = ring_[sequence.value() % ring_.size()];
  return slot.sequence == sequence ? &slot : nullptr;
}

void GlobalOrder::on_pre_prepare(const message::VerifiedMessage& message, Summaries& summaries, Promises& promises,
                                 ordering::Output& output) {
  const auto pre_prepare = message.as<message::PrePrepare>();
  if (pre_prepare.view < view_ || !installed_) return offer(message, pre_prepare, output);
  if (const auto reason = outside(pre_prepare.view, pre_prepare.sequence)) return output.drops.push_back(*reason);
  if (message.server() != leader()) return output.drops.push_back(DropReason::prime_not_leader);
  // Signed with our key, but not by this life of ours.
  if (leader() == config_.self && pre_prepare.sequence > proposed_) {
    return output.drops.push_back(DropReason::prime_beyond_window);
  }
  Slot& at = slot(pre_prepare.sequence);
  // A later view filled it with a No-op, as others have said.
  if (at.ordered && at.pre_prepare == nullptr) return output.drops.push_back(DropReason::prime_stale);
  if (at.pre_prepare != nullptr) {
    // Flooding brings every server n - 2 further copies: those cost no more than this.
    if (at.pre_prepare->get().digest() != message.digest()) {
      return on_second_pre_prepare(at, message, pre_prepare, summaries, promises, output);
    }
    return output.drops.push_back(at.sequence <= executed_ ? DropReason::prime_stale : DropReason::prime_duplicate);
  }
  const auto said = row_vectors(pre_prepare.rows, config_.n);
  if (!said.has_value()) return output.drops.push_back(DropReason::message_malformed);

  accept(at, message, message::matrix_digest(pre_prepare.rows), *said);
  if (leader() != config_.self && !config_.flood_on_request) {
    output.forward.push_back({at.pre_prepare, flood_to(), TrafficClass::bounded, 0});
  }
  summaries.adopt_rows(message, pre_prepare.rows, *said, output);
  // The leader may regress rows: nothing but validity is checked before answering.
  if (leader() != config_.self) {
    promises.promise(message::Prepare{view_, at.sequence, at.matrix}, kWholeBody, config_.others(), output);
  }
  advance(at, promises, output);
}

void GlobalOrder::accept(Slot& at, const message::VerifiedMessage& message, const Digest& matrix,
                         const std::vector<SummaryVector>& said) {
  at.pre_prepare = store(message);
  at.matrix = matrix;
  make_eligible(at, said);
}

void GlobalOrder::make_eligible(Slot& at, std::vector<SummaryVector> rows) {
  at.eligible = eligible_through(rows, config_.n, config_.quorum());
  accepted_.push_back({at.sequence, std::move(rows)});
}

// Two matrices for one slot prove the leader faulty. Both are flooded, so that every correct server has the proof.
void GlobalOrder::on_second_pre_prepare(Slot& at, const message::VerifiedMessage& message,
                                        const message::PrePrepare& second, Summaries& summaries, Promises& promises,
                                        ordering::Output& output) {
  const Digest matrix = message::matrix_digest(second.rows);
  if (matrix == at.matrix) return output.drops.push_back(DropReason::prime_duplicate);
  const auto said = row_vectors(second.rows, config_.n);
  if (!said.has_value()) return output.drops.push_back(DropReason::message_malformed);
  output.drops.push_back(DropReason::prime_equivocation);

  const bool committed = !at.ordered && at.commits.matching(matrix) >= config_.quorum();
  if (!at.conflict_seen) {
    at.conflict_seen = true;
    const Stored stored = store(message);
    output.blame.push_back({leader(), DropReason::prime_equivocation, at.pre_prepare, stored});
    if (config_.flood_on_request) promises.repeat(at.pre_prepare, flood_to(), output);
    output.forward.push_back({stored, flood_to(), TrafficClass::bounded, 0});
    summaries.blacklist(leader());
    leader_equivocated_ = true;
    summaries.adopt_rows(message, second.rows, *said, output);
  }
  // A quorum of COMMITs decides which of them counts, whichever was answered here.
  if (committed) {
    accept(at, message, matrix, *said);
    advance(at, promises, output);
  }
}

std::optional<GlobalOrder::Repeated> GlobalOrder::on_prepare(const message::VerifiedMessage& message,
                                                             Promises& promises, ordering::Output& output) {
  const auto prepare = message.as<message::Prepare>();
  const auto reason = outside(prepare.view, prepare.sequence);
  if (reason.has_value() || message.server() == leader()) {
    output.drops.push_back(reason.value_or(DropReason::prime_duplicate));
    return std::nullopt;
  }
  return on_vote(message, prepare.sequence, prepare.matrix_digest, &Slot::prepares, promises, output);
}

std::optional<GlobalOrder::Repeated> GlobalOrder::on_commit(const message::VerifiedMessage& message, Promises& promises,
                                                            ordering::Output& output) {
  const auto commit = message.as<message::Commit>();
  note_executed(message.server(), commit.executed);
  if (const auto reason = outside(commit.view, commit.sequence)) {
    output.drops.push_back(*reason);
    return std::nullopt;
  }
  return on_vote(message, commit.sequence, commit.matrix_digest, &Slot::commits, promises, output);
}

// One vote per server, slot and phase: the first counts.
std::optional<GlobalOrder::Repeated> GlobalOrder::on_vote(const message::VerifiedMessage& message, SeqNum sequence,
                                                          const Digest& matrix, Votes Slot::*votes, Promises& promises,
                                                          ordering::Output& output) {
  const ServerId voter = message.server();
  Slot& at = slot(sequence);
  Votes& cast = at.*votes;
  Stored& evidence = cast.message[voter.index()];
  if (cast.from.contains(voter)) {
    if (cast.digest[voter.index()] != matrix) {
      if (evidence != nullptr) {
        output.blame.push_back({voter, DropReason::prime_equivocation, evidence, store(message)});
      }
      output.drops.push_back(DropReason::prime_equivocation);
      return std::nullopt;
    }
    output.drops.push_back(sequence <= executed_ ? DropReason::prime_stale : DropReason::prime_duplicate);
    // What has ordered it itself only answers: an answer to that would be answered in turn.
    const bool asks = at.ordered && !at.claims.from.contains(voter) && executed_by_[voter.index()] < sequence;
    return asks ? std::optional(Repeated{voter, sequence}) : std::nullopt;
  }
  cast.from.insert(voter);
  cast.digest[voter.index()] = matrix;
  if (sequence > stable_ || voter == config_.self) evidence = store(message);
  ask_for(at, voter, matrix, promises, output);
  advance(at, promises, output);
  return std::nullopt;
}

// A correct server votes for what it holds. Each voter is asked: the first ones may be faulty and never answer.
void GlobalOrder::ask_for(Slot& at, ServerId voter, const Digest& matrix, Promises& promises,
                          ordering::Output& output) {
  if (!config_.flood_on_request || at.ordered || at.conflict_seen || voter == config_.self) return;
  if ((at.pre_prepare != nullptr && at.matrix == matrix) || at.asked.contains(voter)) return;
  at.asked.insert(voter);
  promises.say(message::PrePrepareRequest{view_, at.sequence, matrix}, ServerSet::only(voter), kNoSupersedeKey, output);
}

void GlobalOrder::on_pre_prepare_request(const message::VerifiedMessage& message, Promises& promises,
                                         ordering::Output& output) {
  const auto request = message.as<message::PrePrepareRequest>();
  const Slot* known = find(request.sequence);
  if (message.server() == config_.self || known == nullptr || known->view != request.view ||
      known->pre_prepare == nullptr || known->matrix != request.matrix_digest) {
    return output.drops.push_back(DropReason::prime_stale);
  }
  Slot& at = slot(request.sequence);
  if (at.answered.contains(message.server())) return output.drops.push_back(DropReason::prime_duplicate);
  at.answered.insert(message.server());
  promises.repeat(at.pre_prepare, ServerSet::only(message.server()), output);
}

void GlobalOrder::advance(Slot& at, Promises& promises, ordering::Output& output) {
  if (at.pre_prepare == nullptr) return;
  if (!at.commit_sent && at.prepares.matching(at.matrix) + 1 >= config_.quorum()) {
    at.commit_sent = true;
    if (at.sequence > stable_) certify(at);
    promises.promise(message::Commit{view_, at.sequence, at.matrix, executed_}, kCommitVoteBytes, config_.others(),
                     output);
  }
  if (at.ordered || at.commits.matching(at.matrix) < config_.quorum()) return;
  at.ordered = true;
  advance_ordered();
}

void GlobalOrder::certify(Slot& at) const {
  auto certificate =
      std::make_shared<PrepareCertificate>(PrepareCertificate{at.view, at.sequence, at.matrix, at.pre_prepare, {}});
  at.prepares.from.for_each([&](ServerId voter) {
    if (at.prepares.digest[voter.index()] == at.matrix && certificate->prepares.size() + 1 < config_.quorum()) {
      certificate->prepares.push_back(at.prepares.message[voter.index()]);
    }
  });
  at.certificate = std::move(certificate);
}

void GlobalOrder::advance_ordered() {
  for (const Slot* next = find(ordered_.next()); next != nullptr && next->ordered; next = find(ordered_.next())) {
    ordered_ = ordered_.next();
  }
}

const SummaryVector* GlobalOrder::next_eligible() const {
  const Slot* at = find(executed_.next());
  return at != nullptr && at->ordered ? &at->eligible : nullptr;
}

void GlobalOrder::executed_next() {
  executed_ = executed_.next();
  CHECK(executed_ <= ordered_);
}

void GlobalOrder::jump_to(SeqNum sequence, const SummaryVector& eligible) {
  CHECK(sequence > executed_ && eligible.size() == config_.n);
  executed_ = sequence;
  ordered_ = std::max(ordered_, sequence);
  advance_ordered();
  expected_ = std::max(expected_, sequence.next());
  proposed_ = std::max(proposed_, sequence);
  for (std::size_t i = 0; i < config_.n; ++i) proposed_eligible_[i] = std::max(proposed_eligible_[i], eligible[i]);
}

void GlobalOrder::note_executed(ServerId server, SeqNum executed) {
  SeqNum& known = executed_by_[server.index()];
  if (executed <= known) return;
  known = executed;
  set_stable(executed_by_most(config_.quorum()));
}

SeqNum GlobalOrder::evident() const { return executed_by_most(config_.f + 1); }

SeqNum GlobalOrder::executed_by_most(std::size_t servers) const {
  std::vector<SeqNum> descending = executed_by_;
  const auto nth = descending.begin() + static_cast<std::ptrdiff_t>(servers - 1);
  std::nth_element(descending.begin(), nth, descending.end(), std::greater<>());
  return *nth;
}

void GlobalOrder::set_stable(SeqNum stable) {
  // A server that starts late skips what it holds nothing of.
  if (stable.value() > stable_.value() + ring_.size()) stable_ = SeqNum(stable.value() - ring_.size());
  while (stable_ < stable) {
    stable_ = stable_.next();
    Slot& at = ring_[stable_.value() % ring_.size()];
    if (at.sequence != stable_) continue;
    at.certificate = nullptr;
    for (Votes* votes : {&at.prepares, &at.commits}) {
      votes->from.without(config_.self).for_each([&](ServerId voter) { votes->message[voter.index()] = nullptr; });
    }
  }
}

std::vector<PrepareCertificatePtr> GlobalOrder::prepared() const {
  std::vector<PrepareCertificatePtr> certificates;
  const SeqNum end(stable_.value() + config_.global_window);
  for (SeqNum sequence = stable_.next(); sequence <= end; sequence = sequence.next()) {
    const Slot* at = find(sequence);
    if (at != nullptr && at->certificate != nullptr) certificates.push_back(at->certificate);
  }
  return certificates;
}

void GlobalOrder::show(Instant now, Summaries& summaries, SuspectLeader& suspect_leader) {
  if (!installed_) return;
  for (const Slot* at = find(expected_); at != nullptr && at->view == view_ && at->pre_prepare != nullptr;
       at = find(expected_)) {
    const auto rows = row_vectors(at->pre_prepare->get().as<message::PrePrepare>().rows, config_.n);
    CHECK(rows.has_value());
    summaries.leader_showed(*rows);
    suspect_leader.on_pre_prepare(now, *rows, summaries.blacklisted());
    expected_ = expected_.next();
  }
}

void GlobalOrder::on_ordered(const message::VerifiedMessage& message, ordering::Output& output) {
  const ServerId server = message.server();
  if (server == config_.self) return;
  for (const message::Ordered::Entry& entry : message.as<message::Ordered>().entries) {
    // Of what is ordered here it is no news, but that the server needs no help.
    if (entry.sequence <= ordered_ && find(entry.sequence) == nullptr) continue;
    if (entry.sequence.value() > executed_.value() + config_.global_window) {
      output.drops.push_back(DropReason::prime_beyond_window);
      continue;
    }
    if (left_behind(entry.sequence)) {
      output.drops.push_back(DropReason::prime_stale);
      continue;
    }
    Slot& at = slot(entry.sequence);
    at.claims.from.insert(server);
    at.claims.digest[server.index()] = entry.matrix_digest;
    settle(at);
  }
}

// A PRE-PREPARE of a view that is over is worth something when other servers say that it was globally ordered.
void GlobalOrder::offer(const message::VerifiedMessage& message, const message::PrePrepare& pre_prepare,
                        ordering::Output& output) {
  const Slot* known = find(pre_prepare.sequence);
  if (known == nullptr || known->ordered || known->claims.from.empty()) {
    return output.drops.push_back(DropReason::prime_stale);
  }
  Slot& at = slot(pre_prepare.sequence);
  if (at.claims.matching(message::matrix_digest(pre_prepare.rows)) == 0 || pre_prepare.rows.size() != config_.n) {
    return output.drops.push_back(DropReason::prime_stale);
  }
  at.offered = store(message);
  settle(at);
}

// f + 1 servers say the same: one of them is correct.
void GlobalOrder::settle(Slot& at) {
  if (at.ordered) return;
  if (at.claims.matching(kNoOp) >= config_.f + 1) {
    bind(at, kNoOp, nullptr);
    return advance_ordered();
  }
  for (const Stored& candidate : {at.pre_prepare, at.offered}) {
    if (candidate == nullptr) continue;
    const message::MatrixRows rows = candidate->get().as<message::PrePrepare>().rows;
    const Digest matrix = message::matrix_digest(rows);
    if (at.claims.matching(matrix) < config_.f + 1) continue;
    at.pre_prepare = candidate;
    at.matrix = matrix;
    make_eligible(at, *row_vectors(rows, config_.n));
    at.ordered = true;
    at.offered = nullptr;
    return advance_ordered();
  }
}

void GlobalOrder::bind(Slot& at, const Digest& matrix, const PrepareCertificatePtr& certificate) {
  at.matrix = matrix;
  at.certificate = certificate;
  at.pre_prepare = certificate == nullptr ? nullptr : certificate->pre_prepare;
  at.eligible = SummaryVector(config_.n);
  if (certificate != nullptr) {
    auto rows = row_vectors(at.pre_prepare->get().as<message::PrePrepare>().rows, config_.n);
    CHECK(rows.has_value());
    make_eligible(at, *std::move(rows));
  }
  at.ordered = true;
}

void GlobalOrder::install(View view, SeqNum start_seq, const ReplayWindow* window) {
  CHECK(view > view_);
  view_ = view;
  installed_ = true;
  first_of_view_ = start_seq;
  // A server that has gone on from a checkpoint may be further than the view's beginning.
  expected_ = std::max(start_seq, executed_.next());
  for (Slot& at : ring_) {
    // A quorum's reports hold whatever was ordered before; what lies at or beyond start_seq others ordered in later
    // views.
    if (at.ordered) continue;
    // Votes and PRE-PREPARE are of a view that is over, also where this server has jumped over the sequence: others may
    // order it again, and are not to be measured by the old leader's word.
    Slot fresh;
    fresh.sequence = at.sequence;
    fresh.view = view_;
    fresh.claims = at.claims;
    if (at.sequence < start_seq) fresh.offered = at.pre_prepare != nullptr ? at.pre_prepare : at.offered;
    at = std::move(fresh);
  }
  if (window != nullptr) {
    SeqNum sequence = window->first();
    for (std::size_t i = 0; i < window->digests.size(); ++i, sequence = sequence.next()) {
      if (left_behind(sequence)) continue;
      Slot& at = slot(sequence);
      if (at.ordered) {
        CHECK(at.matrix == window->digests[i]);
        continue;
      }
      bind(at, window->digests[i], window->bindings[i]);
    }
    advance_ordered();
  }
  proposed_ = std::max(SeqNum(start_seq.value() - 1), executed_);
  proposed_version_ = 0;
  considered_version_ = 0;
  proposed_eligible_ = SummaryVector(config_.n);
}

bool GlobalOrder::may_propose(const Summaries& summaries) const {
  // A quorum that has executed it has ordered it, though its COMMITs may still be on their way.
  const SeqNum ordered = std::max(ordered_, stable_);
  return installed_ && leader() == config_.self && summaries.version() != proposed_version_ &&
         proposed_.value() < ordered.value() + config_.preprepare_pipeline && proposed_ < window_end();
}

void GlobalOrder::propose(Instant now, bool hurry, const Summaries& summaries, Promises& promises,
                          ordering::Output& output) {
  if (!may_propose(summaries)) return;
  const bool period_passed = proposed_.next() == first_of_view_ || now >= proposed_at_ + config_.preprepare_period;
  const bool early = hurry || (config_.eager && proposed_ <= ordered_);
  if (!period_passed && (!early || considered_version_ == summaries.version())) return;
  considered_version_ = summaries.version();
  const SummaryVector eligible = eligible_through(summaries.rows(), config_.n, config_.quorum());
  if (!period_passed && at_least_as_up_to_date(proposed_eligible_, eligible)) return;

  for (std::size_t i = 0; i < config_.n; ++i) proposed_eligible_[i] = std::max(proposed_eligible_[i], eligible[i]);
  proposed_ = proposed_.next();
  proposed_version_ = summaries.version();
  proposed_at_ = now;
  promises.promise(message::PrePrepare{view_, proposed_, summaries.matrix()}, kPrePrepareSlotBytes, config_.others(),
                   output);
}

Instant GlobalOrder::next_wakeup(const Summaries& summaries) const {
  return may_propose(summaries) ? proposed_at_ + config_.preprepare_period : Instant::never();
}

GlobalOrder::Held GlobalOrder::held(SeqNum sequence) const {
  const Slot* at = find(sequence);
  if (at == nullptr) return {};
  const std::size_t self = config_.self.index();
  return {.pre_prepare = at->pre_prepare,
          .prepare = at->prepares.message[self],
          .commit = at->commits.message[self],
          .ordered = at->ordered,
          .matrix = at->matrix,
          .prepared = at->prepares.from,
          .committed = at->commits.from};
}

}  // namespace garrison::prime
