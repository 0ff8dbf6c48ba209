// The leader that delays as much as it can get away with [PRIME] 5.4 Fig. 3, 7, and its accomplices.
//
// It ignores PO-SUMMARYs and learns rows from SUMMARY-MATRIXes alone, sends PRE-PREPAREs to the fewest correct servers
// that keep it in office, and each of them so late that their turnaround time, from sending the SUMMARY-MATRIX that it
// covers to receiving it, stays just below what is acceptable: it knows that bound as everybody does, and the round
// trips from their RTT-MEASUREs. It does the same with a VC-PROOF and its REPLAY, as far as a bound is known by then.
// Other faulty servers neither report turnaround times nor vote for another leader.
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
  [[nodiscard]] bool brings_news(const message::VerifiedMessage& summary_matrix);
  [[nodiscard]] Duration delay() const;
  [[nodiscard]] bool accomplice_leads() const;

  Config config_;
  View view_;
  std::vector<prime::SummaryVector> reported_;  // the most up-to-date rows that confidants have reported
  Duration round_trip_;                         // the longest that a confidant has measured in this view
  std::optional<Instant> asked_at_;             // the oldest report that nothing covers yet
  Instant last_sent_at_;                        // when the last PRE-PREPARE goes out
};

}  // namespace garrison::adversary
