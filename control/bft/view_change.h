// Replacing a leader: VIEW-CHANGE, NEW-VIEW [PRIME] A.3.1.
//
// A server that suspects the leader leaves the view with a VIEW-CHANGE for the next one. The leader of that view
// answers a quorum of them with a NEW-VIEW, which names the VIEW-CHANGEs that it rests on and what follows from them;
// every server recomputes that. f+1 VIEW-CHANGEs for later views take a server along.
//
// A NEW-VIEW convinces whoever sees it. One of a view that a server has missed still tells it what was not committed
// before (Log::settle()), so servers hand the newest one on.
//
// Memory: the newest few VIEW-CHANGEs of each server, one undecided NEW-VIEW of each, and the newest valid one with its
// VIEW-CHANGEs.
#pragma once

#include <optional>
#include <vector>

#include "control/bft/checkpoints.h"
#include "control/bft/log.h"
#include "control/bft/new_view.h"

namespace garrison::bft {

class ViewChange {
 public:
  explicit ViewChange(const BftConfig& config);

  // The view that this server works in, or has left for.
  [[nodiscard]] View view() const { return view_; }
  [[nodiscard]] ServerId leader() const { return config_.leader_of(view_); }
  // Whether it works in it.
  [[nodiscard]] bool active() const { return installed_ == view_; }
  // Of the newest valid NEW-VIEW known.
  [[nodiscard]] View installed() const { return installed_; }
  // A quorum has left for view() or a later one: the leader of view() is elected, or is being given up.
  [[nodiscard]] bool elected() const;

  // VIEW-CHANGE for `view`, a later one.
  void leave_for(View view, const Checkpoints& checkpoints, Log& log, Promises& promises, ordering::Output& output);

  // A VIEW-CHANGE of any server. Its checkpoint counts with `checkpoints` like any other. Why it was refused, if it
  // was.
  std::optional<DropReason> on_view_change(const message::VerifiedMessage& message, Checkpoints& checkpoints,
                                           ordering::Output& output);
  std::optional<DropReason> on_new_view(const message::VerifiedMessage& message, ordering::Output& output);

  // The later view that f+1 servers have left for, and this one has not.
  [[nodiscard]] std::optional<View> taken_along() const;
  // NEW-VIEW, by the leader of view() once the VIEW-CHANGEs decide.
  void announce(Promises& promises, ordering::Output& output);

  // A NEW-VIEW that has turned out valid, newest last; empty when there is no more.
  struct Installed {
    View view;
    Carried carried;
  };
  std::optional<Installed> next_installed(ordering::Output& output);
  // The leader of view() has signed a NEW-VIEW that does not follow from its VIEW-CHANGEs.
  [[nodiscard]] bool leader_lied() const { return leader_lied_; }

  // For those that lack them: whose VIEW-CHANGE for `view` is held; the own newest one; the newest valid NEW-VIEW, null
  // for view 0, and what it rests on.
  [[nodiscard]] ServerSet holders(View view) const;
  [[nodiscard]] Stored own() const;
  [[nodiscard]] const Stored& new_view() const { return new_view_; }
  [[nodiscard]] const std::vector<Stored>& basis() const { return basis_; }

 private:
  struct Change {
    View view;
    Stored message;
  };
  [[nodiscard]] const Change* find(ServerId server, View view) const;
  [[nodiscard]] bool proves(const message::VerifiedMessage& message, const message::BftViewChange& change,
                            std::vector<message::VerifiedMessage>& checkpoints) const;
  // The VIEW-CHANGEs that a NEW-VIEW names; none while some are not held.
  [[nodiscard]] std::optional<std::vector<Stored>> find_basis(const message::BftNewView& new_view) const;

  const BftConfig& config_;
  View view_;
  View installed_;
  bool leader_lied_ = false;
  View announced_;
  std::vector<std::vector<Change>> changes_;  // by server, by ascending view
  std::vector<Stored> candidates_;            // NEW-VIEWs that are not decided, by their leader
  Stored new_view_;
  std::vector<Stored> basis_;
};

}  // namespace garrison::bft
