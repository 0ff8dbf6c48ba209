// Messages by which servers watch their leader, replace it, and carry over what it left [PRIME] 5.4, A.2, A.3.
// Durations are 0 to kLongestMeasured; a round trip or turnaround that takes longer counts as that.
#pragma once

#include <cstdint>
#include <vector>

#include "control/message/catalogue.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/server_set.h"
#include "dataplane/base/state_fields.h"

namespace garrison::message {

inline constexpr Duration kLongestMeasured = seconds(3600);

// [PRIME] Fig. 4, C2. Beside what the figure has it says how far its sender has executed.
struct RttPing {
  static constexpr MessageType kType = MessageType::RttPing;
  View view;
  std::uint64_t ping_seq = 0;
  SeqNum executed;
};

// [PRIME] Fig. 4, C5.
struct RttPong {
  static constexpr MessageType kType = MessageType::RttPong;
  View view;
  std::uint64_t ping_seq = 0;
};

// [PRIME] Fig. 4, C8: the round trip between signer and receiver, as the signer measured it.
struct RttMeasure {
  static constexpr MessageType kType = MessageType::RttMeasure;
  View view;
  Duration rtt;
};

// [PRIME] Fig. 4, D3: the signer as a leader would be measured at no more than this.
struct TatUb {
  static constexpr MessageType kType = MessageType::TatUb;
  View view;
  Duration tat_ub;  // not sent while no bound is known
};

// [PRIME] Fig. 4, B3: the longest turnaround time that the signer has measured in this view.
struct TatMeasure {
  static constexpr MessageType kType = MessageType::TatMeasure;
  View view;
  Duration max_tat;
};

// [PRIME] A.2: the signer suspects the leader of the view before this one.
struct NewLeader {
  static constexpr MessageType kType = MessageType::NewLeader;
  View view;
};

// [PRIME] A.2. `votes` are whole signed NEW-LEADER messages.
struct NewLeaderProof {
  static constexpr MessageType kType = MessageType::NewLeaderProof;
  View view;
  std::vector<ByteView> votes;  // 1..n
};

// [PRIME] A.3.3, reliably broadcast with tag (signer, view, 0). `stable_aru` stands where the paper has execARU
// (docs/adr/0007): up to here a quorum of servers has executed.
struct Report {
  static constexpr MessageType kType = MessageType::Report;
  View view;
  SeqNum stable_aru;
  std::uint32_t num_seq = 0;  // PC-SETs that follow
  STATE_FIELDS(view, stable_aru, num_seq)
};

// [PRIME] A.3.3, reliably broadcast with tag (signer, view, seq), seq from 1. Either a prepare certificate: a signed
// PRE-PREPARE and signed PREPAREs of it; or a replay certificate: what view `replay_view` bound the sequence numbers
// before `start_seq` to, and signed REPLAY-PREPAREs of that.
struct PcSet {
  static constexpr MessageType kType = MessageType::PcSet;
  View view;
  std::uint32_t seq = 0;
  ByteView pre_prepare;         // empty: a replay certificate
  std::vector<ByteView> votes;  // 1..n
  View replay_view;             // of a replay certificate; 0 in a prepare certificate, like all below
  ServerSet ids;
  SeqNum start_seq;
  std::vector<Digest> window;  // D(sm) of start_seq - window.size() .. start_seq - 1; zeros: No-op
};

// Echo and ready of Bracha's reliable broadcast, for several broadcasts at once.
struct BroadcastEntry {
  ServerId origin;
  std::uint32_t seq = 0;
  Digest digest{};  // leaf digest of the REPORT or PC-SET
  STATE_FIELDS(origin, seq, digest)
};
struct VcEcho {
  static constexpr MessageType kType = MessageType::VcEcho;
  View view;
  std::vector<BroadcastEntry> entries;  // 1..kMaxBroadcastEntries
};
struct VcReady {
  static constexpr MessageType kType = MessageType::VcReady;
  View view;
  std::vector<BroadcastEntry> entries;  // 1..kMaxBroadcastEntries
};

// [PRIME] A.3.3: the signer has collected complete state from `ids`.
struct VcList {
  static constexpr MessageType kType = MessageType::VcList;
  View view;
  ServerSet ids;
};

// [PRIME] A.3.3. Its signature block is the partial signature on (v, ids, startSeq).
struct VcPartialSig {
  static constexpr MessageType kType = MessageType::VcPartialSig;
  View view;
  ServerSet ids;
  SeqNum start_seq;
};

// [PRIME] A.3.3. The proof is a quorum of matching signed VC-PARTIAL-SIG messages.
struct VcProof {
  static constexpr MessageType kType = MessageType::VcProof;
  View view;
  ServerSet ids;
  SeqNum start_seq;
  std::vector<ByteView> proof;  // 1..n
};

// [PRIME] A.3.3. The leader of `view` is the signer; the rest is a VC-PROOF's.
struct Replay {
  static constexpr MessageType kType = MessageType::Replay;
  View view;
  ServerSet ids;
  SeqNum start_seq;
  std::vector<ByteView> proof;  // 1..n
};

// [PRIME] A.3.3. `digest` is replay_digest() of what the REPLAY binds.
struct ReplayPrepare {
  static constexpr MessageType kType = MessageType::ReplayPrepare;
  View view;
  Digest digest{};
};
// Says where ordering goes on as well, for servers that do not know what the REPLAY binds.
struct ReplayCommit {
  static constexpr MessageType kType = MessageType::ReplayCommit;
  View view;
  Digest digest{};
  SeqNum start_seq;
};

// What the signer has globally ordered, whatever the view: f+1 equal ones convince a server that lags.
struct Ordered {
  static constexpr MessageType kType = MessageType::Ordered;
  struct Entry {
    SeqNum sequence;
    Digest matrix_digest{};  // zeros: No-op
  };
  std::vector<Entry> entries;  // 1..kMaxOrderedEntries
};

// SHA-256 over "garrison-replay-1" and what a REPLAY binds: `window` ends just before `start_seq`.
[[nodiscard]] Digest replay_digest(View view, ServerSet ids, SeqNum start_seq, const std::vector<Digest>& window);

}  // namespace garrison::message
