// The View Change sub-protocol [PRIME] A.3: servers agree on what earlier views left, relying on the new leader for a
// single message.
//
// State dissemination: every server reliably broadcasts its REPORT and PC-SETs. Proof generation: whoever has collected
// complete state from a quorum lists it (VC-LIST); whoever has complete state from all of a list signs it
// (VC-PARTIAL-SIG); a quorum of signatures on one (ids, startSeq) is a VC-PROOF. Replay: the leader sends the proof
// back as its REPLAY, which is flooded, prepared by whoever has complete state from its ids, and committed. What it
// binds follows from the reports of ids alone, so that the leader need not have collected them itself.
//
// Complete state from j: j's REPORT and all its PC-SETs delivered, proving what they say, and everything executed here
// that j reports as stable. Where the paper has j's execARU, j reports what a quorum has executed: COMMITs convince
// only who receives them, and nobody could be convinced of what j alone has executed (docs/adr/0007). REPLAY-PREPAREs
// name what is bound, so that a quorum of them is a certificate in the next view change, of No-ops too.
//
// All but REPLAY and VC-PROOF is clocked by messages between correct servers; those two are watched by Suspect-Leader.
// One view at a time: what belongs to another is the caller's to keep or drop.
#pragma once

#include <optional>
#include <vector>

#include "control/prime/certificates.h"
#include "control/prime/reliable_broadcast.h"
#include "control/prime/suspect_leader.h"
#include "dataplane/base/state_fields.h"

namespace garrison::prime {

class ViewChange {
 public:
  explicit ViewChange(const PrimeConfig& config);

  // `view` is preinstalled; `reported` is this server's state now.
  void preinstall(View view, const Reported& reported, Promises& promises, ordering::Output& output);

  // Messages of the view.
  void on_message(Instant now, const message::VerifiedMessage& message, SuspectLeader& suspect_leader,
                  Promises& promises, ordering::Output& output);
  // Whatever has become possible. `executed`: global sequence numbers executed here.
  void advance(Instant now, SeqNum executed, SuspectLeader& suspect_leader, Promises& promises,
               ordering::Output& output);

  // Set once, when the REPLAY is committed here: its startSeq.
  [[nodiscard]] std::optional<SeqNum> installed() const { return installed_; }
  // What the REPLAY binds; null while that is not known here, which may be so when it is installed.
  [[nodiscard]] const ReplayWindow* window() const { return window_.has_value() ? &*window_ : nullptr; }
  // This server has done its part. Until then it asks for what it misses, even in an installed view: with f servers
  // gone, others may need it.
  [[nodiscard]] bool settled() const { return view_ == View(0) || committed_; }
  // Two REPLAYs of the leader were seen, or it asked for what cannot be.
  [[nodiscard]] bool leader_equivocated() const { return leader_equivocated_; }

  // For the next view change: the certificate of the REPLAY that was committed to here last, and the prepare
  // certificates of what it binds.
  [[nodiscard]] const ReplayCertificatePtr& replay_certificate() const { return replay_certificate_; }
  [[nodiscard]] const std::vector<PrepareCertificatePtr>& bound() const { return bound_; }

  // Everything this server has said in this view change, and the REPLAY, to whoever misses it.
  void repeat(ServerSet to, Promises& promises, ordering::Output& output) const;

  STATE_FIELDS(config_, view_, broadcast_, peers_, lists_, signatures_, listed_, proved_, proposed_,
               leader_equivocated_, replay_, window_, digest_, committed_, prepares_, commits_, installed_, said_,
               replay_certificate_, bound_)

 private:
  struct Peer {
    std::optional<message::Report> report;
    std::vector<Stored> certificates;  // PC-SETs delivered before the REPORT said how many
    Reported reported;
    std::vector<bool> delivered;  // PC-SETs by seq
    std::size_t count = 0;
    bool invalid = false;
    bool checked = false;
    STATE_FIELDS(report, certificates, reported, delivered, count, invalid, checked)
  };
  struct List {
    ServerSet ids;
    bool signed_here = false;
    STATE_FIELDS(ids, signed_here)
  };
  struct Signatures {
    ServerSet ids;
    SeqNum start_seq;
    std::vector<Stored> votes;
    ServerSet voters;
    STATE_FIELDS(ids, start_seq, votes, voters)
  };
  struct Votes {
    ServerSet from;
    std::vector<Stored> message;
    std::vector<Digest> digest;
    std::vector<SeqNum> start_seq;
    STATE_FIELDS(from, message, digest, start_seq)
  };

  void on_delivered(const Stored& content);
  void add_certificate(Peer& peer, const message::VerifiedMessage& message);
  [[nodiscard]] bool complete(ServerId server, SeqNum executed) const;
  [[nodiscard]] bool complete(ServerSet ids, SeqNum executed) const;
  [[nodiscard]] ReplayWindow window_of(ServerSet ids) const;
  void on_list(const message::VerifiedMessage& message, ordering::Output& output);
  void on_partial_sig(const message::VerifiedMessage& message, ordering::Output& output);
  template <typename Proof>
  [[nodiscard]] bool proves(const message::VerifiedMessage& message, const Proof& proof) const;
  void on_proof(const message::VerifiedMessage& message, Promises& promises, ordering::Output& output);
  void on_replay(Instant now, const message::VerifiedMessage& message, SuspectLeader& suspect_leader,
                 ordering::Output& output);
  void on_vote(Votes& votes, const message::VerifiedMessage& message, const Digest& digest, SeqNum start_seq,
               ordering::Output& output);
  void propose(const message::VcProof& proof, Promises& promises, ordering::Output& output);
  void list(SeqNum executed, Promises& promises, ordering::Output& output);
  void sign_lists(SeqNum executed, Promises& promises, ordering::Output& output);
  void prove(Instant now, SuspectLeader& suspect_leader, Promises& promises, ordering::Output& output);
  void prepare(SeqNum executed, Promises& promises, ordering::Output& output);
  void commit(Promises& promises, ordering::Output& output);
  void install();

  const PrimeConfig& config_;
  View view_;
  ReliableBroadcast broadcast_;
  std::vector<Peer> peers_;
  std::vector<std::optional<List>> lists_;  // by sender
  std::vector<Signatures> signatures_;
  bool listed_ = false;
  bool proved_ = false;
  bool proposed_ = false;
  bool leader_equivocated_ = false;
  Stored replay_;
  std::optional<ReplayWindow> window_;  // what replay_ binds
  Digest digest_{};                     // of window_
  bool committed_ = false;
  Votes prepares_;
  Votes commits_;
  std::optional<SeqNum> installed_;
  std::vector<Stored> said_;  // own messages of this view change, broadcasts apart

  ReplayCertificatePtr replay_certificate_;
  std::vector<PrepareCertificatePtr> bound_;  // of replay_certificate_'s window
};

}  // namespace garrison::prime
