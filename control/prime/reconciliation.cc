#include "control/prime/reconciliation.h"

#include <algorithm>
#include <utility>

#include "crypto/batch.h"

namespace garrison::prime {
namespace {

// Every server repeats its PO-SUMMARY once a retransmission period. One that missed so many in a row is not helped now.
constexpr std::int64_t kSilentPeriods = 3;

bool counts(const SummaryVector& row, PreorderId id) {
  return !row.empty() && row[id.introducer.index()] >= id.sequence;
}

SeqNum counted(const SummaryVector& row, ServerId introducer) {
  return row.empty() ? SeqNum(0) : row[introducer.index()];
}

ServerId nth(std::size_t i) { return ServerId(static_cast<std::uint16_t>(i)); }

}  // namespace

ServerSet chosen_senders(PreorderId id, ServerSet holders, const PrimeConfig& config) {
  ServerSet chosen;
  const std::size_t first = static_cast<std::size_t>(id.sequence.value() % config.n);
  for (std::size_t i = 0; i < config.n && chosen.size() < 2 * config.f + 1; ++i) {
    const ServerId server = nth((first + i) % config.n);
    if (holders.contains(server)) chosen.insert(server);
  }
  return chosen;
}

Reconciliation::Reconciliation(const PrimeConfig& config)
    : config_(config), code_(config.n, config.f + 1), reconciled_(config.n), heard_(config.n), parts_(config) {}

void Reconciliation::on_matrix(Instant now, SeqNum sequence, std::vector<SummaryVector> rows,
                               const Preorder& preorder) {
  if (sequence < next_matrix_) return reconcile(now, rows, preorder);
  early_[sequence] = std::move(rows);
  for (auto next = early_.find(next_matrix_); next != early_.end(); next = early_.find(next_matrix_)) {
    reconcile(now, next->second, preorder);
    early_.erase(next);
    next_matrix_ = next_matrix_.next();
  }
}

void Reconciliation::skip_through(SeqNum executed) {
  if (executed < next_matrix_) return;
  early_.erase(early_.begin(), early_.upper_bound(executed));
  next_matrix_ = executed.next();
}

void Reconciliation::jump_to(SeqNum sequence, const SummaryVector& executed) {
  skip_through(sequence);
  for (std::size_t i = 0; i < config_.n; ++i) reconciled_[i] = std::max(reconciled_[i], executed[i]);
  parts_.release_through(executed);
}

void Reconciliation::reconcile(Instant now, const std::vector<SummaryVector>& rows, const Preorder& preorder) {
  const SummaryVector eligible = eligible_through(rows, config_.n, config_.quorum());
  for (std::size_t i = 0; i < config_.n; ++i) {
    const ServerId introducer = nth(i);
    const std::uint64_t executed = preorder.executed(introducer).value();
    // Nothing beyond is held here, nor needed of what is older.
    const SeqNum oldest(executed > config_.kept_requests ? executed - config_.kept_requests : 0);
    const SeqNum last = std::min(eligible[i], SeqNum(executed + 2 * config_.ack_window_requests));
    for (SeqNum sequence = std::max(reconciled_[i], oldest); sequence < last;) {
      sequence = sequence.next();
      const PreorderId id{introducer, sequence};
      ServerSet holders;
      ServerSet lacking;
      for (std::size_t j = 0; j < config_.n; ++j) {
        if (counts(rows[j], id)) {
          holders.insert(nth(j));
        } else if (counted(rows[j], introducer).value() + config_.kept_requests >= sequence.value()) {
          lacking.insert(nth(j));
        }
      }
      if (lacking.empty() || !chosen_senders(id, holders, config_).contains(config_.self)) continue;
      due_.push_back({now + config_.recon_delay, id, lacking});
    }
    reconciled_[i] = std::max(reconciled_[i], eligible[i]);
  }
}

ServerSet Reconciliation::still_lacking(const Due& due, const Preorder& preorder, const Summaries& summaries) {
  ServerSet lacking = due.lacking;
  preorder.holders(due.id).for_each([&](ServerId server) { lacking.erase(server); });
  due.lacking.for_each([&](ServerId server) {
    if (counts(summaries.rows()[server.index()], due.id)) lacking.erase(server);
  });
  return lacking;
}

bool Reconciliation::silent(Instant now, ServerId server) const {
  return started_ && now > heard_[server.index()] + config_.retransmit_period * kSilentPeriods;
}

void Reconciliation::keep_back(const Due& due, ServerSet silent) {
  if (kept_back_.size() == config_.n * config_.kept_requests) kept_back_.pop_front();
  kept_back_.push_back({due.at, due.id, silent});
}

void Reconciliation::heard(Instant now, ServerId server) {
  const bool back = silent(now, server);
  heard_[server.index()] = now;
  if (!back) return;
  for (auto kept = kept_back_.rbegin(); kept != kept_back_.rend(); ++kept) {
    if (!kept->lacking.contains(server)) continue;
    kept->lacking.erase(server);
    due_.push_front({kept->at, kept->id, ServerSet::only(server)});
  }
  std::erase_if(kept_back_, [](const Due& kept) { return kept.lacking.empty(); });
}

void Reconciliation::speak(Instant now, const Preorder& preorder, const Summaries& summaries, Promises& promises,
                           ordering::Output& output) {
  if (!std::exchange(started_, true)) heard_.assign(config_.n, now);
  // One signature's worth at a time.
  for (; !due_.empty() && due_.front().at <= now && unsigned_ < kMaxOwnBatch; due_.pop_front()) {
    const Due& due = due_.front();
    const Stored request = preorder.bound(due.id);
    if (request == nullptr) continue;  // every server counts it by now, or lies too far back
    ServerSet to = still_lacking(due, preorder, summaries);
    ServerSet away;
    to.for_each([&](ServerId server) {
      if (silent(now, server)) away.insert(server);
    });
    away.for_each([&](ServerId server) { to.erase(server); });
    if (!away.empty()) keep_back(due, away);
    if (!to.empty()) send_part(due, request, to, promises, output);
  }
}

void Reconciliation::send_part(const Due& due, const Stored& request, ServerSet to, Promises& promises,
                               ordering::Output& output) {
  const ByteView content = request->get().content();
  Bytes part(code_.part_bytes(content.size()));
  code_.encode(content, config_.self.index(), part);
  ++unsigned_;
  promises.say(message::Recon{.introducer = due.id.introducer,
                              .sequence = due.id.sequence,
                              .digest = request->get().digest(),
                              .content_bytes = static_cast<std::uint32_t>(content.size()),
                              .block = request->get().bytes().subspan(content.size()),
                              .part = part},
               to, 0, output);
}

Instant Reconciliation::next_wakeup() const {
  return due_.empty() || unsigned_ == kMaxOwnBatch ? Instant::never() : due_.front().at;
}

std::optional<DropReason> Reconciliation::refuse(const message::Recon& recon, ServerId sender,
                                                 const Preorder& preorder) const {
  if (blacklist_.contains(sender)) return DropReason::prime_blacklisted;
  if (recon.introducer.index() >= config_.n || recon.sequence == SeqNum(0) ||
      recon.part.size() != code_.part_bytes(recon.content_bytes)) {
    return DropReason::message_malformed;
  }
  const SeqNum executed = preorder.executed(recon.introducer);
  if (recon.sequence <= executed) return DropReason::prime_stale;
  if (recon.sequence.value() - executed.value() > 2 * config_.ack_window_requests) {
    return DropReason::prime_beyond_window;
  }
  if (preorder.bound({recon.introducer, recon.sequence}) != nullptr) return DropReason::prime_duplicate;
  return std::nullopt;
}

void Reconciliation::on_recon(Instant now, const message::VerifiedMessage& message, const Preorder& preorder,
                              Promises& promises, ordering::Output& output) {
  const ServerId sender = message.server();
  if (sender == config_.self) {
    unsigned_ -= std::min<std::size_t>(unsigned_, 1);
    return;
  }
  const auto recon = message.as<message::Recon>();
  const PreorderId id{recon.introducer, recon.sequence};
  if (const auto reason = refuse(recon, sender, preorder)) return output.drops.push_back(*reason);
  Stored held;
  if (const auto reason = parts_.take(message, held)) {
    if (held != nullptr) output.blame.push_back({sender, *reason, held, store(message)});
    return output.drops.push_back(*reason);
  }
  // The request is being verified, and this sender's block of it is no other.
  if (parts_.block_tried(id, sender)) return;
  const PartTable::Combined combined = parts_.combine(id, sender, code_);
  if (!combined.decoded) return inquire(now, combined.failed, promises, output);
  for (const Stored& corrupt : combined.corrupt) {
    blacklist(corrupt->get().server(), DropReason::prime_corrupt_part, corrupt->get(), output);
    prove(corrupt->get(), combined.content, promises, output);
  }
  if (blacklist_.contains(sender)) return;  // its digest is of no such request
  // If this block is a faulty sender's, then so far at most f of the right parts are of correct senders, and one more
  // of theirs comes with a block that verifies.
  parts_.block_was_tried(id, sender);
  Bytes request = combined.content;
  request.insert(request.end(), recon.block.begin(), recon.block.end());
  output.verify.push_back({std::move(request)});
}

// Once a retransmission period: the answer shuts one faulty server up for good.
void Reconciliation::inquire(Instant now, const std::vector<Stored>& parts, Promises& promises,
                             ordering::Output& output) {
  if (parts.size() < 2 || now < next_inquiry_) return;  // a part that is the whole request proves itself
  next_inquiry_ = now + config_.retransmit_period;
  message::Inquiry inquiry;
  for (const Stored& part : parts) inquiry.parts.push_back(part->get().bytes());
  promises.say(inquiry, config_.others(), 0, output);
}

void Reconciliation::on_inquiry(const message::VerifiedMessage& message, const Preorder& preorder, Promises& promises,
                                ordering::Output& output) {
  const ServerId inquirer = message.server();
  if (inquirer == config_.self) return;
  if (blacklist_.contains(inquirer)) return output.drops.push_back(DropReason::prime_blacklisted);
  const auto inquiry = message.as<message::Inquiry>();
  std::vector<message::VerifiedMessage> corrupt;
  bool explained = false;  // by a part of a server that was convicted before
  Stored request;
  for (const ByteView bytes : inquiry.parts) {
    const message::VerifiedMessage part = message::inner_message(message, bytes);
    if (blacklist_.contains(part.server())) {
      explained = true;
      continue;
    }
    const auto recon = part.as<message::Recon>();
    request = preorder.bound({recon.introducer, recon.sequence});
    if (request == nullptr || request->get().digest() != recon.digest) return;  // cannot tell which parts are right
    if (!is_part_of(recon, part.server(), request->get().content(), code_)) corrupt.push_back(part);
  }
  if (corrupt.empty() && explained) return output.drops.push_back(DropReason::prime_duplicate);
  if (corrupt.empty()) return blacklist(inquirer, DropReason::prime_false_accusation, message, output);
  // 2f + 1 servers by turns answer: less the faulty and those that lack the request, one is left.
  const auto turn = static_cast<std::size_t>(
      (request->get().as<message::PoRequest>().sequence.value() + config_.self.value()) % config_.n);
  for (const message::VerifiedMessage& part : corrupt) {
    blacklist(part.server(), DropReason::prime_corrupt_part, part, output);
    if (turn <= 2 * config_.f) prove(part, request->get().content(), promises, output);
  }
}

void Reconciliation::prove(const message::VerifiedMessage& part, ByteView content, Promises& promises,
                           ordering::Output& output) const {
  promises.say(message::CorruptionProof{part.bytes(), content}, config_.others(), 0, output);
}

void Reconciliation::on_corruption_proof(const message::VerifiedMessage& message, ordering::Output& output) {
  const ServerId accuser = message.server();
  if (accuser == config_.self) return;
  if (blacklist_.contains(accuser)) return output.drops.push_back(DropReason::prime_blacklisted);
  const auto proof = message.as<message::CorruptionProof>();
  const message::VerifiedMessage part = message::inner_message(message, proof.part);
  if (blacklist_.contains(part.server())) return output.drops.push_back(DropReason::prime_duplicate);
  const auto recon = part.as<message::Recon>();
  const bool proven =
      crypto::leaf_digest(proof.request) == recon.digest && !is_part_of(recon, part.server(), proof.request, code_);
  const ServerId faulty = proven ? part.server() : accuser;
  blacklist(faulty, proven ? DropReason::prime_corrupt_part : DropReason::prime_false_accusation, message, output);
}

void Reconciliation::blacklist(ServerId server, DropReason reason, const message::VerifiedMessage& evidence,
                               ordering::Output& output) {
  blacklist_.insert(server);
  parts_.release(server);
  output.blame.push_back({server, reason, store(evidence), nullptr});
  output.drops.push_back(reason);
}

}  // namespace garrison::prime
