// Retransmission. Channels lose nothing except when a peer's queue overflows or a session is reset; then this brings
// the peer up to date, as far as the windows reach. (State transfer serves those further behind.)
//
// Every server repeats its newest PO-SUMMARY once a period. A summary that is heard again says what its sender still
// does not count: whoever had acknowledged that a whole period ago acknowledges it again to that server, and the
// introducer, or everyone once it is executed, sends the PO-REQUEST. Likewise the votes and PRE-PREPARE of sequences
// that were globally ordered a period ago and that the server has not executed as far as its RTT-PINGs say, and what
// they were ordered as, which holds whatever the view. Nothing is sent to a server that is silent, and ever more rarely
// to one that goes on lacking what it was sent: a faulty one can say so for ever.
#pragma once

#include <cstdint>
#include <vector>

#include "control/prime/global_order.h"
#include "control/prime/preorder.h"
#include "control/prime/summaries.h"
#include "dataplane/base/state_fields.h"

namespace garrison::prime {

class Repair {
 public:
  explicit Repair(const PrimeConfig& config);

  // Once a period: the newest PO-SUMMARY again, and what is held of the oldest sequences that have not been globally
  // ordered for a period. Whether it was time.
  bool tick(Instant now, Summaries& summaries, const GlobalOrder& global_order, Promises& promises,
            ordering::Output& output);
  [[nodiscard]] Instant next_wakeup() const { return tick_at_; }
  // Whether a server that shows that it lags may be helped now; not again for half a period.
  [[nodiscard]] bool may_help(Instant now, ServerId server);

  // `server` repeats that it counts `vec`.
  void on_repeated_summary(Instant now, ServerId server, const SummaryVector& vec, const Preorder& preorder,
                           const GlobalOrder& global_order, Promises& promises, ordering::Output& output);
  // A server repeats a vote for a sequence that is globally ordered here: the answer completes its certificates.
  void on_repeated_vote(Instant now, GlobalOrder::Repeated vote, const GlobalOrder& global_order, Promises& promises,
                        ordering::Output& output);

  STATE_FIELDS(config_, peers_, tick_at_, ticking_, ordered_at_tick_, budget_)

 private:
  // Between two repairs of a server: ever longer while what was sent is still lacked.
  class Pause {
   public:
    [[nodiscard]] bool over(Instant now) const { return now >= until_; }
    void begin(Instant now, Duration period, bool helped);

    STATE_FIELDS(until_, periods_)

   private:
    Instant until_;
    std::int64_t periods_ = 1;
  };

  // What one other server was like when its summary was heard again last.
  struct Peer {
    Instant repaired_at;
    bool known = false;
    SummaryVector vec;              // what it counted
    SummaryVector answered;         // what was acknowledged here
    SeqNum ordered;                 // what was globally ordered here
    SummaryVector requests_resent;  // the last of each introducer's that the last repair sent; 0: none
    SeqNum order_resent;            // likewise
    Pause requests_pause;
    Pause order_pause;
    Instant helped_from;   // no help before that
    Instant answers_from;  // start of the period that answers_left is about
    std::size_t answers_left = 0;
    STATE_FIELDS(repaired_at, known, vec, answered, ordered, requests_resent, order_resent, requests_pause, order_pause,
                 helped_from, answers_from, answers_left)
  };

  void repair_preorder(Instant now, ServerId server, Peer& peer, const SummaryVector& vec, const Preorder& preorder,
                       Promises& promises, ordering::Output& output);
  void repair_order(Instant now, ServerId server, Peer& peer, const GlobalOrder& global_order, Promises& promises,
                    ordering::Output& output);
  // Returns the bytes sent.
  std::size_t send_order(SeqNum sequence, const GlobalOrder::Held& held, ServerSet to, const GlobalOrder& global_order,
                         Promises& promises, ordering::Output& output) const;
  [[nodiscard]] bool forwards_pre_prepare(SeqNum sequence, ServerId leader) const;

  const PrimeConfig& config_;
  std::vector<Peer> peers_;
  Instant tick_at_;
  bool ticking_ = false;
  SeqNum ordered_at_tick_;
  std::size_t budget_ = 0;  // bytes left in the repair at hand
};

}  // namespace garrison::prime
