// What a view change carries over: certificates, what servers report of them, and what follows from the reports of a
// set of servers [PRIME] A.3.3.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "control/prime/promises.h"
#include "dataplane/base/state_fields.h"

namespace garrison::prime {

// D(sm) of a sequence number that a REPLAY binds to nothing.
inline constexpr Digest kNoOp{};

// A PRE-PREPARE and quorum - 1 PREPAREs of it by different non-leaders.
struct PrepareCertificate {
  View view;
  SeqNum sequence;
  Digest matrix{};  // D(sm)
  Stored pre_prepare;
  std::vector<Stored> prepares;
  STATE_FIELDS(view, sequence, matrix, pre_prepare, prepares)
};
using PrepareCertificatePtr = std::shared_ptr<const PrepareCertificate>;

// What view `view` bound the sequence numbers before start_seq to, and a quorum of REPLAY-PREPAREs of that. The window
// ends at start_seq - 1; no certificate for a binding is in here.
struct ReplayCertificate {
  View view;
  ServerSet ids;
  SeqNum start_seq;
  std::vector<Digest> window;
  std::vector<Stored> votes;
  [[nodiscard]] SeqNum first() const { return SeqNum(start_seq.value() - window.size()); }
  [[nodiscard]] bool covers(SeqNum sequence) const { return sequence >= first() && sequence < start_seq; }
  [[nodiscard]] const Digest& at(SeqNum sequence) const { return window[sequence.value() - first().value()]; }
  STATE_FIELDS(view, ids, start_seq, window, votes)
};
using ReplayCertificatePtr = std::shared_ptr<const ReplayCertificate>;

// View change state of one server: what it reports when it preinstalls a view.
struct Reported {
  SeqNum stable;
  std::vector<PrepareCertificatePtr> prepared;  // ascending, all beyond `stable`
  ReplayCertificatePtr replay;                  // null: none
  STATE_FIELDS(stable, prepared, replay)
};

// A PC-SET that `view` was preinstalled with, taken apart; `message` holds the bytes. Nothing unless it proves what it
// says, about a view before `view`.
[[nodiscard]] PrepareCertificatePtr prepare_certificate(const PrimeConfig& config, View view,
                                                        const message::VerifiedMessage& message);
[[nodiscard]] ReplayCertificatePtr replay_certificate(const PrimeConfig& config, View view,
                                                      const message::VerifiedMessage& message);
[[nodiscard]] message::PcSet pc_set(View view, std::uint32_t seq, const PrepareCertificate& certificate);
[[nodiscard]] message::PcSet pc_set(View view, std::uint32_t seq, const ReplayCertificate& certificate);

// What a server reports that knows `stable`, has sent a REPLAY-COMMIT for `replay` (null: none), which binds `bound`,
// and COMMITs for `prepared`. Of several certificates for one sequence number the one of the latest view.
[[nodiscard]] Reported carried_over(SeqNum stable, const ReplayCertificatePtr& replay,
                                    const std::vector<PrepareCertificatePtr>& bound,
                                    const std::vector<PrepareCertificatePtr>& prepared);

// Whether a correct server could report this: sequences ascend within the window, and whatever the replay certificate
// binds beyond `stable` is there, or something of a later view in its place.
[[nodiscard]] bool consistent(const PrimeConfig& config, const Reported& reported);

// What a REPLAY binds [PRIME] A.3.3: a function of the reports of ids alone.
struct ReplayWindow {
  SeqNum start_seq;                             // the sequence number directly after the window
  std::vector<Digest> digests;                  // of the window, ascending
  std::vector<PrepareCertificatePtr> bindings;  // null: No-op
  [[nodiscard]] SeqNum first() const { return SeqNum(start_seq.value() - digests.size()); }
  STATE_FIELDS(start_seq, digests, bindings)
};
[[nodiscard]] ReplayWindow replay_window(const std::vector<const Reported*>& reports);

}  // namespace garrison::prime
