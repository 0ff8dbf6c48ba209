// Prime [PRIME]: Byzantine fault-tolerant ordering whose performance a faulty leader cannot ruin.
//
// Here the sub-protocols are joined: an input goes to the one that it concerns, then each is asked whether it has
// something to say, then whatever is ordered and bound is delivered. One file per sub-protocol: intake (5.1, what
// enters), preorder (5.1), summaries (5.1, Fig. 1; 5.4.1), global_order (5.2), eligibility (5.2, M and L),
// reconciliation (5.3), suspect_leader (5.4, Fig. 4), leader_election (A.2), view_change (A.3), repair
// (retransmission). A core that the windows have left behind goes on from a checkpoint. One thread; the environment
// owns it.
#pragma once

#include <optional>

#include "control/ordering/ordering.h"
#include "control/prime/early_messages.h"
#include "control/prime/eligibility.h"
#include "control/prime/global_order.h"
#include "control/prime/intake.h"
#include "control/prime/leader_election.h"
#include "control/prime/preorder.h"
#include "control/prime/prime_config.h"
#include "control/prime/promises.h"
#include "control/prime/reconciliation.h"
#include "control/prime/repair.h"
#include "control/prime/summaries.h"
#include "control/prime/suspect_leader.h"
#include "control/prime/view_change.h"
#include "dataplane/base/state_fields.h"

namespace garrison::prime {

class Prime final : public ordering::OrderingCore {
 public:
  // CHECKs check(config).
  explicit Prime(const PrimeConfig& config);

  void step(Instant now, const ordering::Input& input, ordering::Output& output) override;
  [[nodiscard]] Instant next_wakeup() const override;
  [[nodiscard]] bool accepts_updates() const override { return intake_.accepts(); }
  [[nodiscard]] ordering::Progress progress() const override;
  [[nodiscard]] std::optional<ordering::Checkpoint> checkpoint() const override;
  [[nodiscard]] ordering::Status status() const override;
  void save(ordering::StateWriter& state) const override;
  [[nodiscard]] std::unique_ptr<ordering::OrderingCore> load(ordering::StateReader& state) const override;
  [[nodiscard]] const PrimeConfig& config() const { return config_; }

  STATE_FIELDS(config_, promises_, intake_, preorder_, summaries_, global_order_, eligibility_, suspect_leader_,
               election_, view_change_, early_, reconciliation_, repair_, view_, preinstalled_at_, last_suspicion_,
               view_change_took_, completed_, extended_, updates_delivered_)

 private:
  void on_message(Instant now, const message::VerifiedMessage& message, ordering::Output& output);
  void on_summary(Instant now, const message::VerifiedMessage& message, ordering::Output& output);
  void on_ping(Instant now, const message::VerifiedMessage& message, ordering::Output& output);
  // A message of the Global Ordering sub-protocol, or of a view change: for the view it belongs to.
  void on_ordering_message(Instant now, const message::VerifiedMessage& message, ordering::Output& output);
  void on_view_message(Instant now, const message::VerifiedMessage& message, ordering::Output& output);
  void dispatch_early(Instant now, ordering::Output& output);
  void preinstall(Instant now, View view, ordering::Output& output);
  [[nodiscard]] Reported report() const;
  void advance_view(Instant now, ordering::Output& output);
  void execute(ordering::Output& output);
  void restore(const ordering::Restored& checkpoint);
  void speak(Instant now, bool hurry, ordering::Output& output);

  PrimeConfig config_;
  Promises promises_;
  Intake intake_;
  Preorder preorder_;
  Summaries summaries_;
  GlobalOrder global_order_;
  Eligibility eligibility_;
  SuspectLeader suspect_leader_;
  LeaderElection election_;
  ViewChange view_change_;
  EarlyMessages early_;
  Reconciliation reconciliation_;
  Repair repair_;
  View view_;  // preinstalled last
  Instant preinstalled_at_;
  std::optional<ordering::Suspicion> last_suspicion_;
  std::optional<Duration> view_change_took_;  // from preinstalling to installing the view, here
  SummaryVector completed_;                   // eligibility_.executed() at the end of the last whole sequence
  SeqNum extended_;                           // the PRE-PREPARE whose matrix eligibility_ works through
  std::uint64_t updates_delivered_ = 0;
};

}  // namespace garrison::prime
