// The normal case: PRE-PREPARE, PREPARE, COMMIT, between the water marks.
//
// A server PREPAREs a batch once it holds every update of it, so that whatever is prepared can be fetched from f+1
// correct servers; the leader's PRE-PREPARE is its PREPARE. A batch is prepared with quorum PREPAREs and committed with
// quorum COMMITs of one view. What a new view carries over is known from its NEW-VIEW by digest alone: there the leader
// sends a PREPARE like everyone.
//
// Memory: a slot per sequence number between the water marks, with the votes of the current view and, for the next
// VIEW-CHANGE, the newest batch that this server pre-prepared and the newest that was prepared here.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "control/bft/batch.h"
#include "control/bft/bft_config.h"

namespace garrison::bft {

class Log {
 public:
  // `find_update` gives an update that is held somewhere else, or null.
  Log(const BftConfig& config, std::function<Stored(const Digest&)> find_update);

  // Each returns why the message was refused.
  using Refusal = std::optional<DropReason>;
  Refusal on_pre_prepare(const message::VerifiedMessage& message, Promises& promises, ordering::Output& output);
  Refusal on_prepare(const message::VerifiedMessage& message, Promises& promises, ordering::Output& output);
  Refusal on_commit(const message::VerifiedMessage& message, Promises& promises, ordering::Output& output);

  // What was missing of the batch proposed at `sequence`. False when that is not what was missing.
  bool on_batch(SeqNum sequence, const std::vector<Digest>& updates, Promises& promises, ordering::Output& output);
  // An update of whatever waits for it.
  void on_update(const Stored& update, Promises& promises, ordering::Output& output);

  // PRE-PREPARE, by the leader.
  [[nodiscard]] bool may_propose() const;
  void propose(std::vector<Digest> updates, Promises& promises, ordering::Output& output);

  // The view is left: nothing is said in it any more.
  void leave_view() { active_ = false; }
  // Of a valid NEW-VIEW: from `start` on these batches, and nothing behind them, may have been committed before `view`.
  // What contradicts it was not committed, and is not claimed as prepared again.
  void settle(View view, SeqNum start, const std::vector<Digest>& batches);
  // Works in `view`, whose NEW-VIEW settle() has seen.
  void enter_view(View view, SeqNum start, const std::vector<Digest>& batches, Promises& promises,
                  ordering::Output& output);
  [[nodiscard]] std::vector<message::BftClaim> prepared() const { return claims(&Slot::prepared); }
  [[nodiscard]] std::vector<message::BftClaim> pre_prepared() const { return claims(&Slot::pre_prepared); }

  // The low water mark. Everything up to it is discarded.
  [[nodiscard]] SeqNum stable() const { return stable_; }
  void make_stable(SeqNum sequence);
  // Committed here without a gap, or executed or stable anyway.
  [[nodiscard]] SeqNum committed_through() const { return committed_through_; }
  // Executed up to here, whether by this log or by what others said.
  void executed(SeqNum sequence);
  // committed_through(), or less where the view orders again what lies below it and this server could not PREPARE that
  // yet: others may need its vote for what it has executed.
  [[nodiscard]] SeqNum settled_through() const {
    return answered_through_ < carried_over_ ? std::min(answered_through_, committed_through_) : committed_through_;
  }

  // The batch committed here, as far as its updates are held; null when it is not committed or not known.
  [[nodiscard]] SharedBatch committed(SeqNum sequence) const;
  // The batch that is committed, or else proposed. `batch` is null while only its digest is known.
  struct Wanted {
    Digest digest{};
    SharedBatch batch;
  };
  [[nodiscard]] std::optional<Wanted> wanted(SeqNum sequence) const;
  // A batch held of this sequence number, of whatever view; null when there is none with this digest.
  [[nodiscard]] SharedBatch find(SeqNum sequence, const Digest& digest) const;
  // What this server said about a sequence number in this view.
  [[nodiscard]] std::vector<Stored> said(SeqNum sequence) const;
  // The highest sequence number that something is known of.
  [[nodiscard]] SeqNum highest() const { return highest_; }
  [[nodiscard]] std::size_t in_flight() const;

 private:
  struct Votes {
    ServerSet from;
    std::array<Digest, kMaxServersPerSite> batch{};
    Stored own;
    [[nodiscard]] std::size_t matching(const Digest& digest) const;
  };
  // The newest batch of which something is true.
  struct Last {
    bool any = false;
    View view;
    Digest digest{};
    SharedBatch batch;
  };
  struct Slot {
    SeqNum sequence;
    // Of the current view.
    bool proposed = false;
    Digest digest{};
    SharedBatch batch;
    Stored pre_prepare;
    bool answered = false;  // the batch was held as a whole, and PREPAREd unless it is oversized
    bool commit_said = false;
    Votes prepares;
    Votes commits;
    // Of any view.
    Last pre_prepared;
    Last prepared;
    Last committed;
  };

  [[nodiscard]] Refusal outside(View view, SeqNum sequence) const;
  [[nodiscard]] bool in_window(SeqNum sequence) const {
    return sequence > stable_ && sequence.value() - stable_.value() <= config_.window;
  }
  [[nodiscard]] Slot& slot(SeqNum sequence);
  [[nodiscard]] const Slot* find_slot(SeqNum sequence) const;
  [[nodiscard]] std::vector<message::BftClaim> claims(Last Slot::*last) const;
  Refusal on_vote(const message::VerifiedMessage& message, SeqNum sequence, const Digest& batch, Votes Slot::*votes,
                  Promises& promises, ordering::Output& output);
  Refusal on_second_pre_prepare(const Slot& slot, const message::VerifiedMessage& message, const Digest& digest,
                                ordering::Output& output) const;
  // Looks for the updates of the slot's batch, and waits for those that are not there.
  void gather(Slot& slot);
  void advance(Slot& slot, Promises& promises, ordering::Output& output);
  void advance_committed();
  void advance_answered();

  const BftConfig& config_;
  std::function<Stored(const Digest&)> find_update_;
  View view_;
  bool active_ = true;
  std::vector<Slot> ring_;  // by sequence modulo window
  SeqNum stable_;
  SeqNum carried_over_;  // by the NEW-VIEW of this view
  SeqNum proposed_;      // by this server as leader of this view
  SeqNum highest_;
  SeqNum committed_through_;
  SeqNum answered_through_;  // of what this view carries over, without a gap
  // Updates that batches of the current view wait for; at most window batches of them.
  std::multimap<Digest, SeqNum> awaited_;
};

}  // namespace garrison::bft
