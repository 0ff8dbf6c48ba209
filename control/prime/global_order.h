// The Global Ordering sub-protocol [PRIME] 5.2: PRE-PREPARE, PREPARE, COMMIT, and PRE-PREPARE flooding.
//
// The leader's PRE-PREPARE is its PREPARE, as in BFT: the leader sends none and none of its is counted. A prepare
// certificate is a PRE-PREPARE and quorum - 1 matching PREPAREs of different non-leaders; a PRE-PREPARE is globally
// ordered with quorum matching COMMITs, the leader's among them.
//
// Memory: a ring of slots over [executed - kept_sequences, executed + global_window].
#pragma once

#include <array>
#include <vector>

#include "control/prime/pacer.h"
#include "control/prime/promises.h"
#include "control/prime/summaries.h"

namespace garrison::prime {

class GlobalOrder {
 public:
  explicit GlobalOrder(const PrimeConfig& config);

  // Compares the rows, floods a first copy, answers it.
  void on_pre_prepare(const message::VerifiedMessage& message, Summaries& summaries, Promises& promises,
                      ordering::Output& output);

  // A vote that was counted before, for a sequence that is globally ordered here: its signer misses ours.
  struct Repeated {
    ServerId voter;
    SeqNum sequence;
  };
  std::optional<Repeated> on_prepare(const message::VerifiedMessage& message, Promises& promises,
                                     ordering::Output& output);
  std::optional<Repeated> on_commit(const message::VerifiedMessage& message, Promises& promises,
                                    ordering::Output& output);

  // PRE-PREPARE, by the leader: at once when it makes requests eligible and the last one is globally ordered, else a
  // period after the last one if the matrix has changed.
  void propose(Instant now, const Summaries& summaries, Promises& promises, ordering::Output& output);
  [[nodiscard]] Instant next_wakeup(const Summaries& summaries) const;

  [[nodiscard]] View view() const { return view_; }
  [[nodiscard]] ServerId leader() const { return config_.leader_of(view_); }
  // Up to here everything is globally ordered.
  [[nodiscard]] SeqNum ordered() const { return ordered_; }
  [[nodiscard]] SeqNum executed() const { return executed_; }
  // M of a globally ordered PRE-PREPARE that is not executed yet.
  [[nodiscard]] const SummaryVector& eligible(SeqNum sequence) const;
  // All that the next PRE-PREPARE made eligible has been executed.
  void executed_next();

  // For repair: what is held of one sequence.
  struct Held {
    Stored pre_prepare;
    Stored prepare;  // own
    Stored commit;   // own
    ServerSet prepared;
    ServerSet committed;
  };
  [[nodiscard]] Held held(SeqNum sequence) const;

 private:
  struct Votes {
    ServerSet from;
    std::array<Digest, kMaxServersPerSite> digest{};
    std::array<Stored, kMaxServersPerSite> message;  // evidence until executed; one's own as long as the slot
    [[nodiscard]] std::size_t matching(const Digest& matrix) const;
  };
  struct Slot {
    SeqNum sequence;
    Stored pre_prepare;
    Digest matrix{};         // D(sm) of pre_prepare
    SummaryVector eligible;  // M of pre_prepare
    bool answered = false;   // one PRE-PREPARE per slot is answered
    bool conflict_seen = false;
    bool commit_sent = false;
    bool ordered = false;
    Votes prepares;
    Votes commits;
  };

  [[nodiscard]] std::optional<DropReason> outside(View view, SeqNum sequence) const;
  [[nodiscard]] Slot& slot(SeqNum sequence);
  [[nodiscard]] const Slot* find(SeqNum sequence) const;
  [[nodiscard]] ServerSet flood_to() const { return config_.others().without(leader()); }
  void accept(Slot& slot, const message::VerifiedMessage& message, const Digest& matrix,
              const std::vector<SummaryVector>& said);
  void on_second_pre_prepare(Slot& slot, const message::VerifiedMessage& message, const message::PrePrepare& second,
                             Summaries& summaries, Promises& promises, ordering::Output& output);
  std::optional<Repeated> on_vote(const message::VerifiedMessage& message, SeqNum sequence, const Digest& matrix,
                                  Votes Slot::*votes, Promises& promises, ordering::Output& output);
  void advance(Slot& slot, Promises& promises, ordering::Output& output);
  [[nodiscard]] bool may_propose(const Summaries& summaries) const;

  const PrimeConfig& config_;
  View view_;
  std::vector<Slot> ring_;
  SeqNum ordered_;
  SeqNum executed_;

  // The leader's.
  SeqNum proposed_;
  std::uint64_t proposed_version_ = 0;    // of the summaries in the last proposal
  std::uint64_t considered_version_ = 0;  // last looked through for what it makes eligible
  SummaryVector proposed_eligible_;       // running maximum over the proposals
  Instant proposed_at_;
};

}  // namespace garrison::prime
