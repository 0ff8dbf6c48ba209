#include "control/prime/repair.h"

#include <algorithm>
#include <utility>

namespace garrison::prime {
namespace {

constexpr std::size_t kOrderedBytes = message::kEnvelopeBytes + 48;  // an ORDERED with one entry
constexpr std::int64_t kMostPeriods = 16;                            // between two repairs of a server in vain
constexpr std::size_t kRepeatedSequences = 16;                       // at a time, of those that are not ordered

}  // namespace

Repair::Repair(const PrimeConfig& config) : config_(config), peers_(config.n) {}

bool Repair::tick(Instant now, Summaries& summaries, const GlobalOrder& global_order, Promises& promises,
                  ordering::Output& output) {
  if (ticking_ && now < tick_at_) return false;
  tick_at_ = now + config_.retransmit_period;
  if (!std::exchange(ticking_, true)) return false;

  summaries.repeat(promises, output);
  if (std::exchange(ordered_at_tick_, global_order.ordered()) != global_order.ordered()) return true;
  SeqNum sequence = global_order.ordered();
  for (std::size_t i = 0; i < kRepeatedSequences; ++i) {
    sequence = sequence.next();
    const GlobalOrder::Held held = global_order.held(sequence);
    ServerSet to = config_.others();
    if (held.pre_prepare != nullptr) {
      ServerSet missing = to.without(global_order.leader());
      held.prepared.for_each([&](ServerId server) { missing.erase(server); });
      held.committed.for_each([&](ServerId server) { missing.erase(server); });
      if (!missing.empty()) promises.repeat(held.pre_prepare, missing, output);
    }
    for (const Stored& vote : {held.prepare, held.commit}) {
      if (vote != nullptr) promises.repeat(vote, to, output);
    }
  }
  return true;
}

void Repair::Pause::begin(Instant now, Duration period, bool helped) {
  periods_ = helped ? 1 : std::min(periods_ * 2, kMostPeriods);
  until_ = now + period * periods_ - period / 2;
}

bool Repair::may_help(Instant now, ServerId server) {
  if (server == config_.self) return false;
  Peer& peer = peers_[server.index()];
  if (now < peer.helped_from) return false;
  peer.helped_from = now + config_.retransmit_period / 2;
  return true;
}

void Repair::on_repeated_summary(Instant now, ServerId server, const SummaryVector& vec, const Preorder& preorder,
                                 const GlobalOrder& global_order, Promises& promises, ordering::Output& output) {
  if (server == config_.self) return;
  Peer& peer = peers_[server.index()];
  // Half a period: the repetitions may arrive early and late.
  if (peer.known && now < peer.repaired_at + config_.retransmit_period / 2) return;
  if (peer.known) {
    budget_ = config_.repair_bytes;
    repair_order(now, server, peer, global_order, promises, output);
    repair_preorder(now, server, peer, vec, preorder, promises, output);
  }
  peer.known = true;
  peer.repaired_at = now;
  peer.vec = vec;
  peer.answered = preorder.answered();
  peer.ordered = global_order.ordered();
}

void Repair::repair_preorder(Instant now, ServerId server, Peer& peer, const SummaryVector& vec,
                             const Preorder& preorder, Promises& promises, ordering::Output& output) {
  if (!peer.requests_pause.over(now)) return;
  peer.requests_pause.begin(now, config_.retransmit_period, at_least_as_up_to_date(vec, peer.requests_resent));
  peer.requests_resent = SummaryVector(config_.n);
  message::PoAck again;
  for (std::size_t i = 0; i < config_.n; ++i) {
    const ServerId introducer(static_cast<std::uint16_t>(i));
    // Nothing older than the kept ones is held, whatever the server says that it counts.
    const std::uint64_t executed = preorder.executed(introducer).value();
    const SeqNum oldest(executed > config_.kept_requests ? executed - config_.kept_requests : 0);
    const bool stalled = vec[i] == peer.vec[i];
    for (SeqNum sequence = std::max(vec[i], oldest); sequence < peer.answered[i];) {
      sequence = sequence.next();
      const PreorderId id{introducer, sequence};
      if (const auto ack = preorder.own_ack(id); ack && again.entries.size() < kMaxAcksPerPoAck) {
        again.entries.push_back(*ack);
      }
      const bool mine_to_send =
          introducer == config_.self || (introducer != server && stalled && sequence.value() <= executed);
      const Stored request = mine_to_send ? preorder.held(id) : nullptr;
      if (request == nullptr) continue;
      if (request->get().bytes().size() > budget_) break;
      budget_ -= request->get().bytes().size();
      peer.requests_resent[i] = sequence;
      promises.repeat(request, ServerSet::only(server), output);
    }
  }
  if (again.entries.empty()) return;
  // Beside the pacer: whoever asks for repetitions must not hold up what all wait for.
  promises.say(again, ServerSet::only(server), 0, output);
}

void Repair::repair_order(Instant now, ServerId server, Peer& peer, const GlobalOrder& global_order, Promises& promises,
                          ordering::Output& output) {
  if (!peer.order_pause.over(now)) return;
  peer.order_pause.begin(now, config_.retransmit_period, global_order.executed_by(server) >= peer.order_resent);
  const std::uint64_t executed = global_order.executed().value();
  SeqNum sequence(executed > config_.kept_sequences ? executed - config_.kept_sequences : 0);
  sequence = std::max(sequence, global_order.executed_by(server));
  while (sequence < peer.ordered && budget_ > 0) {
    sequence = sequence.next();
    peer.order_resent = sequence;
    const GlobalOrder::Held held = global_order.held(sequence);
    budget_ -= std::min(budget_, send_order(sequence, held, ServerSet::only(server), global_order, promises, output));
  }
}

void Repair::on_repeated_vote(Instant now, GlobalOrder::Repeated vote, const GlobalOrder& global_order,
                              Promises& promises, ordering::Output& output) {
  if (vote.voter == config_.self) return;
  Peer& peer = peers_[vote.voter.index()];
  if (peer.answers_left == 0 && now < peer.answers_from + config_.retransmit_period / 2) return;
  if (now >= peer.answers_from + config_.retransmit_period / 2) {
    peer.answers_from = now;
    peer.answers_left = 2 * kRepeatedSequences;  // a PREPARE and a COMMIT each
  }
  --peer.answers_left;
  send_order(vote.sequence, global_order.held(vote.sequence), ServerSet::only(vote.voter), global_order, promises,
             output);
}

std::size_t Repair::send_order(SeqNum sequence, const GlobalOrder::Held& held, ServerSet to,
                               const GlobalOrder& global_order, Promises& promises, ordering::Output& output) const {
  std::size_t bytes = 0;
  if (held.ordered) {
    promises.say(message::Ordered{{{sequence, held.matrix}}}, to, kNoSupersedeKey, output);
    bytes += kOrderedBytes;
  }
  const auto send = [&](const Stored& message) {
    if (message == nullptr) return;
    bytes += message->get().bytes().size();
    promises.repeat(message, to, output);
  };
  if (forwards_pre_prepare(sequence, global_order.leader())) send(held.pre_prepare);
  send(held.prepare);
  send(held.commit);
  return bytes;
}

// The leader always, and f + 2 servers by turns: less the one that asks, one of them is correct.
bool Repair::forwards_pre_prepare(SeqNum sequence, ServerId leader) const {
  const std::size_t turn = static_cast<std::size_t>((sequence.value() + config_.self.value()) % config_.n);
  return leader == config_.self || turn < config_.f + 2;
}

}  // namespace garrison::prime
