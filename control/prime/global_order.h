// The Global Ordering sub-protocol [PRIME] 5.2: PRE-PREPARE, PREPARE, COMMIT, and PRE-PREPARE flooding.
//
// The leader's PRE-PREPARE is its PREPARE, as in BFT: the leader sends none and none of its is counted. A prepare
// certificate is a PRE-PREPARE and quorum - 1 matching PREPAREs of different non-leaders; a PRE-PREPARE is globally
// ordered with quorum matching COMMITs, the leader's among them.
//
// What a quorum of servers has executed is stable: any f + 1 of them can convince a server that lags (ORDERED). Until
// then prepare certificates are kept, to be reported in a view change. The window ends global_window behind what is
// stable, so that a report is bounded; a server that lags takes part in what the others order now, though it cannot
// execute it yet.
//
// Memory: a ring of slots over [stable - kept_sequences, stable + global_window].
#pragma once

#include <array>
#include <utility>
#include <vector>

#include "control/prime/certificates.h"
#include "control/prime/pacer.h"
#include "control/prime/promises.h"
#include "control/prime/summaries.h"
#include "control/prime/suspect_leader.h"
#include "dataplane/base/state_fields.h"

namespace garrison::prime {

class GlobalOrder {
 public:
  explicit GlobalOrder(const PrimeConfig& config);

  // Compares the rows, floods a first copy, answers it.
  void on_pre_prepare(const message::VerifiedMessage& message, Summaries& summaries, Promises& promises,
                      ordering::Output& output);
  // Tells what is measured with it of each PRE-PREPARE of the view that has arrived, by global sequence number.
  void show(Instant now, Summaries& summaries, SuspectLeader& suspect_leader);

  // What the rows of each PRE-PREPARE say that has come to hold its sequence since the last call, for reconciliation.
  struct Accepted {
    SeqNum sequence;
    std::vector<SummaryVector> rows;
    STATE_FIELDS(sequence, rows)
  };
  [[nodiscard]] std::vector<Accepted> take_accepted() { return std::exchange(accepted_, {}); }

  // A vote that was counted before, for a sequence that is globally ordered here and not, as far as it has said, at its
  // signer: it misses ours.
  struct Repeated {
    ServerId voter;
    SeqNum sequence;
  };
  std::optional<Repeated> on_prepare(const message::VerifiedMessage& message, Promises& promises,
                                     ordering::Output& output);
  std::optional<Repeated> on_commit(const message::VerifiedMessage& message, Promises& promises,
                                    ordering::Output& output);

  // Another server lacks the PRE-PREPARE of a vote: it is answered once per slot.
  void on_pre_prepare_request(const message::VerifiedMessage& message, Promises& promises, ordering::Output& output);

  // Another server says what it has globally ordered.
  void on_ordered(const message::VerifiedMessage& message, ordering::Output& output);

  // A later view is preinstalled: nothing more is answered or proposed until install().
  void stop() { installed_ = leader_equivocated_ = false; }
  // The REPLAY of `view` is committed: ordering goes on at start_seq. `window` is what it binds; null while this server
  // does not know that, which others' ORDERED messages will tell.
  void install(View view, SeqNum start_seq, const ReplayWindow* window);
  [[nodiscard]] bool installed() const { return installed_; }
  // Whether the leader has been seen to sign two PRE-PREPAREs for one slot of this view.
  [[nodiscard]] bool leader_equivocated() const { return leader_equivocated_; }

  // `server`, this one included, says that it has executed so far. What a quorum has executed is stable: certificates
  // for it are let go.
  void note_executed(ServerId server, SeqNum executed);
  [[nodiscard]] SeqNum executed_by(ServerId server) const { return executed_by_[server.index()]; }
  [[nodiscard]] SeqNum stable() const { return stable_; }
  // What some correct server has executed: the (f + 1)-th highest that servers say.
  [[nodiscard]] SeqNum evident() const;
  // Prepare certificates beyond what is stable, ascending.
  [[nodiscard]] std::vector<PrepareCertificatePtr> prepared() const;

  // PRE-PREPARE, by the leader: at once when it makes requests eligible and the last one is globally ordered, else a
  // period after the last one if the matrix has changed.
  void propose(Instant now, bool hurry, const Summaries& summaries, Promises& promises, ordering::Output& output);
  [[nodiscard]] Instant next_wakeup(const Summaries& summaries) const;

  [[nodiscard]] View view() const { return view_; }
  [[nodiscard]] ServerId leader() const { return config_.leader_of(view_); }
  // Up to here everything is globally ordered.
  [[nodiscard]] SeqNum ordered() const { return ordered_; }
  [[nodiscard]] SeqNum executed() const { return executed_; }
  // M of the PRE-PREPARE that is next to execute; null until it is globally ordered, and when the windows have left it
  // behind.
  [[nodiscard]] const SummaryVector* next_eligible() const;
  // All that the next PRE-PREPARE made eligible has been executed.
  void executed_next();
  // Everything up to `sequence`, which is beyond executed(), has been executed elsewhere, with `eligible` as the
  // running maximum of M. What is held of it stays for others; what is ordered beyond it counts on.
  void jump_to(SeqNum sequence, const SummaryVector& eligible);

  // For repair: what is held of one sequence.
  struct Held {
    Stored pre_prepare;
    Stored prepare;  // own
    Stored commit;   // own
    bool ordered = false;
    Digest matrix{};  // meaningful once ordered; kNoOp, too
    ServerSet prepared;
    ServerSet committed;
  };
  [[nodiscard]] Held held(SeqNum sequence) const;

  STATE_FIELDS(config_, view_, installed_, leader_equivocated_, first_of_view_, expected_, ring_, ordered_, executed_,
               stable_, executed_by_, accepted_, proposed_, proposed_version_, considered_version_, proposed_eligible_,
               proposed_at_)

 private:
  struct Votes {
    ServerSet from;
    std::array<Digest, kMaxServersPerSite> digest{};
    std::array<Stored, kMaxServersPerSite> message;  // evidence until stable; one's own as long as the slot
    [[nodiscard]] std::size_t matching(const Digest& matrix) const;
    STATE_FIELDS(from, digest, message)
  };
  struct Claims {
    ServerSet from;
    std::array<Digest, kMaxServersPerSite> digest{};
    [[nodiscard]] std::size_t matching(const Digest& matrix) const;
    STATE_FIELDS(from, digest)
  };
  struct Slot {
    SeqNum sequence;
    View view;  // that pre_prepare and the votes belong to
    Stored pre_prepare;
    Digest matrix{};         // D(sm) of pre_prepare; of a slot that a No-op fills kNoOp
    SummaryVector eligible;  // M of pre_prepare
    bool conflict_seen = false;
    bool commit_sent = false;
    bool ordered = false;
    Votes prepares;
    Votes commits;
    PrepareCertificatePtr certificate;  // once a COMMIT was sent, or a REPLAY bound it; until stable
    Claims claims;                      // ORDERED of others
    Stored offered;                     // a PRE-PREPARE that somebody's claim fits
    ServerSet asked;                    // for the PRE-PREPARE of their votes
    ServerSet answered;                 // were sent the PRE-PREPARE because they asked
    STATE_FIELDS(sequence, view, pre_prepare, matrix, eligible, conflict_seen, commit_sent, ordered, prepares, commits,
                 certificate, claims, offered, asked, answered)
  };

  [[nodiscard]] SeqNum window_end() const { return SeqNum(stable_.value() + config_.global_window); }
  // Whether its slot belongs to a sequence of the window that comes a whole ring later.
  [[nodiscard]] bool left_behind(SeqNum sequence) const;
  // The highest that at least `servers` servers say that they have executed.
  [[nodiscard]] SeqNum executed_by_most(std::size_t servers) const;
  [[nodiscard]] std::optional<DropReason> outside(View view, SeqNum sequence) const;
  void offer(const message::VerifiedMessage& message, const message::PrePrepare& pre_prepare, ordering::Output& output);
  void settle(Slot& slot);
  void bind(Slot& slot, const Digest& matrix, const PrepareCertificatePtr& certificate);
  void certify(Slot& slot) const;
  void set_stable(SeqNum stable);
  void advance_ordered();
  [[nodiscard]] Slot& slot(SeqNum sequence);
  [[nodiscard]] const Slot* find(SeqNum sequence) const;
  [[nodiscard]] ServerSet flood_to() const { return config_.others().without(leader()); }
  void accept(Slot& slot, const message::VerifiedMessage& message, const Digest& matrix,
              const std::vector<SummaryVector>& said);
  void make_eligible(Slot& slot, std::vector<SummaryVector> rows);
  void on_second_pre_prepare(Slot& slot, const message::VerifiedMessage& message, const message::PrePrepare& second,
                             Summaries& summaries, Promises& promises, ordering::Output& output);
  std::optional<Repeated> on_vote(const message::VerifiedMessage& message, SeqNum sequence, const Digest& matrix,
                                  Votes Slot::*votes, Promises& promises, ordering::Output& output);
  void ask_for(Slot& slot, ServerId voter, const Digest& matrix, Promises& promises, ordering::Output& output);
  void advance(Slot& slot, Promises& promises, ordering::Output& output);
  [[nodiscard]] bool may_propose(const Summaries& summaries) const;

  const PrimeConfig& config_;
  View view_;
  bool installed_ = true;
  bool leader_equivocated_ = false;
  SeqNum first_of_view_{1};  // PRE-PREPAREs of the view begin here
  SeqNum expected_{1};       // the next one that has not arrived
  SlotRing<Slot> ring_;
  SeqNum ordered_;
  SeqNum executed_;
  SeqNum stable_;
  std::vector<SeqNum> executed_by_;  // as servers say
  std::vector<Accepted> accepted_;   // not yet taken

  // The leader's.
  SeqNum proposed_;
  std::uint64_t proposed_version_ = 0;    // of the summaries in the last proposal
  std::uint64_t considered_version_ = 0;  // last looked through for what it makes eligible
  SummaryVector proposed_eligible_;       // running maximum over the proposals
  Instant proposed_at_;
};

}  // namespace garrison::prime
