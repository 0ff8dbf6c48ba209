// The leader that delays as much as it can get away with [PRIME] 5.4 Fig. 3, 7, and its accomplices.
//
// It ignores PO-SUMMARYs and learns rows from SUMMARY-MATRIXes alone, sends PRE-PREPAREs to the fewest correct servers
// that keep it in office, and each of them so late that their turnaround time, from sending the SUMMARY-MATRIX that it
// covers to receiving it, stays just below what is acceptable. It knows that bound as everybody does. What a turnaround
// takes beside its own hold it learns from what those servers tell everyone: RTT-MEASUREs, and TAT-MEASUREs less the
// longest hold. It does the same with a VC-PROOF and its REPLAY, as far as a bound is known by then.
// The faulty servers neither report turnaround times nor vote for another leader, and keep to themselves the round
// trips and upper bounds that would lower what is acceptable.
#pragma once

#include <optional>
#include <vector>

#include "apps/adversary/adversary.h"
#include "control/prime/summaries.h"

namespace garrison::adversary {

class DelayLeader final : public Adversary {
 public:
  struct Config {
    Duration by;      // the turnaround time beyond a round trip; zero: what the bound allows
    Duration margin;  // left below the bound
  };
  DelayLeader(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record,
              const Config& config);

 protected:
  bool hears(const message::VerifiedMessage& message) override;
  void says(ordering::Sign& sign) override;
  void forwards(ordering::Forward& forward) override;

 private:
  void follow_view();
  void learn_way(const message::VerifiedMessage& message);
  // Whether the matrix goes beyond asked_for_, which it then does no more.
  bool is_news(const message::MatrixRows& matrix);
  [[nodiscard]] Duration delay() const;
  [[nodiscard]] bool accomplice_leads() const;

  Config config_;
  std::optional<View> view_;
  Instant view_since_;
  std::vector<prime::SummaryVector> asked_for_;  // the most up-to-date rows that confidants have reported
  Duration way_;                                 // what a turnaround takes beside the hold, the longest of this view
  Duration longest_hold_;                        // from a report to sending what covers it, in this view
  std::optional<Instant> asked_at_;              // the oldest report that nothing covers yet
  Instant last_sent_at_;                         // when the last PRE-PREPARE goes out
};

}  // namespace garrison::adversary
