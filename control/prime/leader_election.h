// The Leader Election sub-protocol [PRIME] A.2: servers that suspect the leader vote for the next view; a quorum of
// votes for a view moves everyone to it.
//
// A server that suspects keeps taking part; it stops only with a quorum's votes for a later view in its hands, which it
// passes on. Of each server the vote for the highest view is kept: a correct server's votes only rise.
#pragma once

#include <optional>
#include <vector>

#include "control/prime/promises.h"
#include "dataplane/base/state_fields.h"

namespace garrison::prime {

class LeaderElection {
 public:
  explicit LeaderElection(const PrimeConfig& config);

  // NEW-LEADER for the view behind `current`, once.
  void suspect(View current, Promises& promises, ordering::Output& output);
  [[nodiscard]] bool suspects(View current) const { return suspected_ && *suspected_ == current; }

  // The view to preinstall now, if these votes are a quorum's for one later than `current`. The caller then says so.
  [[nodiscard]] std::optional<View> on_new_leader(const message::VerifiedMessage& message, View current,
                                                  ordering::Output& output);
  [[nodiscard]] std::optional<View> on_proof(const message::VerifiedMessage& message, View current,
                                             ordering::Output& output);
  // NEW-LEADER-PROOF of the view preinstalled last; nothing in view 0.
  void send_proof(ServerSet to, Promises& promises, ordering::Output& output) const;
  // Once a period: this server's vote again while nothing has come of it.
  void repeat(View current, const Promises& promises, ordering::Output& output) const;

  STATE_FIELDS(config_, votes_, voted_, proof_, proof_view_, suspected_)

 private:
  [[nodiscard]] std::optional<View> elected(View view);

  const PrimeConfig& config_;
  std::vector<Stored> votes_;  // NEW-LEADER by server; null: none
  std::vector<View> voted_;    // what they say
  std::vector<Stored> proof_;  // a quorum's votes for proof_view_
  View proof_view_;
  std::optional<View> suspected_;  // the view whose leader this server has voted out
};

}  // namespace garrison::prime
