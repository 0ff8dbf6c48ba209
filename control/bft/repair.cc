#include "control/bft/repair.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace garrison::bft {

class Repair::Parcel {
 public:
  Parcel(std::size_t budget, ServerId to, Promises& promises, ordering::Output& output)
      : left_(budget), to_(ServerSet::only(to)), promises_(promises), output_(output) {}

  // Once the budget is spent nothing more is sent: what comes first matters most.
  bool add(const Stored& message) {
    if (!spend(message->get().bytes().size())) return false;
    promises_.repeat(message, to_, output_);
    return true;
  }
  bool add(message::BftBatch batch) {
    if (!spend(message::kEnvelopeBytes + batch.updates.size() * sizeof(Digest))) return false;
    promises_.say(batch, to_, 0, output_);
    return true;
  }

 private:
  bool spend(std::size_t bytes) {
    if (bytes > left_) left_ = 0;
    if (left_ == 0) return false;
    left_ -= bytes;
    return true;
  }

  std::size_t left_;
  ServerSet to_;
  Promises& promises_;
  ordering::Output& output_;
};

bool Repair::tick(Instant now, const ViewChange& view_change, const Checkpoints& checkpoints, SeqNum executed,
                  Promises& promises, ordering::Output& output) {
  if (now < tick_at_) return false;
  tick_at_ = now + config_.retransmit_period;
  if (std::exchange(status_under_way_, true)) return true;  // the last one is still being signed
  promises.say(message::BftStatus{view_change.view(), view_change.installed(), checkpoints.stable(), executed,
                                  view_change.holders(view_change.view()).bits()},
               config_.others(), 0, output);
  return true;
}

void Repair::on_status(Instant now, const message::VerifiedMessage& message, const ViewChange& view_change,
                       const Checkpoints& checkpoints, const Log& log, const History& history, Promises& promises,
                       ordering::Output& output) {
  if (message.server() == config_.self) {
    status_under_way_ = false;
    return;
  }
  Peer& peer = peers_[message.server().index()];
  // Half a period: statuses may arrive early and late.
  if (peer.known && now < peer.heard_at + config_.retransmit_period / 2) return;
  const auto status = message.as<message::BftStatus>();
  const message::BftStatus then = std::exchange(peer.status, status);
  peer.heard_at = now;
  if (!std::exchange(peer.known, true)) return;

  Parcel parcel(config_.repair_bytes, message.server(), promises, output);
  if (status.view == then.view && status.installed == then.installed) send_views(status, view_change, parcel);
  if (status.stable == then.stable) send_checkpoints(status, checkpoints, parcel);
  if (status.executed == then.executed) send_order(status, view_change, log, history, parcel);
}

SeqNum Repair::evident() const {
  std::vector<SeqNum> executed;
  for (const Peer& peer : peers_) executed.push_back(peer.status.executed);
  std::sort(executed.begin(), executed.end(), std::greater<>());
  return executed[config_.f];
}

void Repair::send_views(const message::BftStatus& status, const ViewChange& view_change, Parcel& parcel) {
  const auto holds = [&](const Stored& change, View view) {
    return status.view == view && (status.view_changes >> change->get().server().index() & 1U) != 0;
  };
  if (status.installed < view_change.installed()) {
    for (const Stored& change : view_change.basis()) {
      if (!holds(change, view_change.installed())) parcel.add(change);
    }
    parcel.add(view_change.new_view());
  }
  const Stored own = view_change.active() ? nullptr : view_change.own();
  if (own != nullptr && status.view <= view_change.view() && !holds(own, view_change.view())) parcel.add(own);
}

void Repair::send_checkpoints(const message::BftStatus& status, const Checkpoints& checkpoints, Parcel& parcel) {
  if (status.stable < checkpoints.stable()) {
    for (const Stored& checkpoint : checkpoints.proof()) parcel.add(checkpoint);
  }
  for (const Stored& checkpoint : checkpoints.own()) parcel.add(checkpoint);
}

void Repair::send_order(const message::BftStatus& status, const ViewChange& view_change, const Log& log,
                        const History& history, Parcel& parcel) const {
  SeqNum sequence = status.executed;
  for (std::size_t i = 0; i < config_.catch_up_window && sequence < history.last(); ++i) {
    sequence = sequence.next();
    const SharedBatch batch = history.find(sequence);
    if (batch == nullptr) break;  // it needs the state
    if (!parcel.add(message::BftBatch{sequence, true, batch->updates()})) return;
  }
  if (!view_change.active() || status.view != view_change.view() || status.installed != status.view) return;
  // Whichever of the two is behind: what one of them has executed a new view may have to order again, by both votes.
  sequence = std::max(std::min(status.executed, history.last()), status.stable);
  for (std::size_t i = 0; i < config_.catch_up_window && sequence < log.highest(); ++i) {
    sequence = sequence.next();
    for (const Stored& said : log.said(sequence)) {
      if (!parcel.add(said)) return;
    }
  }
}

}  // namespace garrison::bft
