// The Suspect-Leader sub-protocol [PRIME] 5.4, Fig. 4: is the leader as fast as the network allows?
//
// Every server measures the turnaround time that the leader gives it and tells the others; every server learns what
// turnaround the slowest of enough correct leaders could need. The leader is suspected when f + 1 servers' lowest
// report is above that. Letters and numbers in the code are lines of Fig. 4.
//
// Beyond the figure: a measurement that is still running counts with its age, or a silent leader would never be
// suspected; this server's own entry of TATs_If_Leader is a round trip of zero, since nobody sends itself a ping.
//
// Reported_TATs only rise and upper bounds only fall within a view; both start afresh with each view.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <vector>

#include "control/prime/eligibility.h"
#include "control/prime/promises.h"
#include "dataplane/base/state_fields.h"

namespace garrison::prime {

class SuspectLeader {
 public:
  static constexpr Duration kNoBound{std::numeric_limits<std::int64_t>::max()};

  explicit SuspectLeader(const PrimeConfig& config);

  // A1-A4, when a view is preinstalled.
  void start_view(Instant now, View view);

  // What the turnaround is measured for [PRIME] 5.4.2, A.3.3.
  void matrix_sent(Instant now, std::vector<SummaryVector> rows);
  void proof_sent(Instant now);
  // A PRE-PREPARE with the next global sequence number that this server expects arrived; `rows` is its matrix.
  void on_pre_prepare(Instant now, const std::vector<SummaryVector>& rows, ServerSet blacklist);
  // Some valid REPLAY of the view arrived.
  void on_replay(Instant now);

  void on_ping(const message::VerifiedMessage& message, Promises& promises, ordering::Output& output);
  void on_pong(Instant now, const message::VerifiedMessage& message, Promises& promises, ordering::Output& output);
  void on_rtt_measure(const message::VerifiedMessage& message, ordering::Output& output);
  void on_tat_ub(const message::VerifiedMessage& message, ordering::Output& output);
  void on_tat_measure(const message::VerifiedMessage& message, ordering::Output& output);

  // The periodic tasks, as far as they are due. `executed` rides on RTT-PING.
  void run(Instant now, SeqNum executed, Promises& promises, ordering::Output& output);
  [[nodiscard]] Instant next_wakeup() const;

  // E2.
  [[nodiscard]] bool suspects() const { return tat_leader_ > tat_acceptable_; }
  [[nodiscard]] Duration tat_leader() const { return tat_leader_; }
  // kNoBound until n - f servers have said theirs.
  [[nodiscard]] Duration tat_acceptable() const { return tat_acceptable_; }
  // B2, open measurements included.
  [[nodiscard]] Duration max_tat(Instant now) const;

  STATE_FIELDS(config_, view_, tats_if_leader_, tat_leader_ubs_, reported_tats_, tat_leader_, tat_acceptable_,
               upper_bound_, matrices_, proof_, longest_, ping_seq_, pings_, ping_gap_, next_ping_, next_tat_,
               refresh_at_, said_tat_, said_ub_)

 private:
  struct Measured {
    Instant since;
    std::vector<SummaryVector> rows;
    STATE_FIELDS(since, rows)
  };
  struct Ping {
    std::uint64_t seq = 0;
    Instant sent;
    ServerSet answered;
    STATE_FIELDS(seq, sent, answered)
  };
  void finish(Instant now, Instant since);
  [[nodiscard]] Duration turnaround(Instant now, Instant since) const;
  void report_tat(Instant now, Promises& promises, ordering::Output& output);
  void ping(Instant now, SeqNum executed, Promises& promises, ordering::Output& output);
  void report_upper_bound(Promises& promises, ordering::Output& output);

  const PrimeConfig& config_;
  View view_;
  std::vector<Duration> tats_if_leader_;
  std::vector<Duration> tat_leader_ubs_;
  std::vector<Duration> reported_tats_;
  Duration tat_leader_;      // B7
  Duration tat_acceptable_;  // D7
  Duration upper_bound_;     // alpha, D2

  std::deque<Measured> matrices_;  // sent and not yet covered, oldest first
  std::optional<Instant> proof_;   // a VC-PROOF was sent then, and no REPLAY has come
  Duration longest_;               // of the finished measurements

  std::uint64_t ping_seq_ = 0;
  std::deque<Ping> pings_;
  Duration ping_gap_;
  Instant next_ping_;
  Instant next_tat_;
  Instant refresh_at_;  // say again what has not changed
  Duration said_tat_;
  Duration said_ub_ = kNoBound;
};

}  // namespace garrison::prime
