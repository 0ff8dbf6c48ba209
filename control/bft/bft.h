// BFT (Castro and Liskov) for one participant, as [PRIME] 2 and A.3.1 describe it: the baseline whose performance a
// malicious leader ruins within the timeouts that the others must grant it.
//
// Clients send updates to all servers; the leader orders batches of their digests. Update messages keep their clients'
// signatures. What servers say in the normal case is believed by its channel or its signature, as the topology has it
// (message::Authentication::configured), and never handed on; VIEW-CHANGE, NEW-VIEW and CHECKPOINT are signed.
//
// Here the parts are joined: update_queue (FIFO queue), log (PRE-PREPARE, PREPARE, COMMIT), checkpoints, view_change
// and new_view, leader_timer (suspecting), fetch (what a server lacks), history and repair (retransmission). One
// thread; the environment owns it.
#pragma once

#include "control/bft/bft_config.h"
#include "control/bft/checkpoints.h"
#include "control/bft/fetch.h"
#include "control/bft/history.h"
#include "control/bft/leader_timer.h"
#include "control/bft/log.h"
#include "control/bft/repair.h"
#include "control/bft/update_queue.h"
#include "control/bft/view_change.h"
#include "control/ordering/ordering.h"

namespace garrison::bft {

class Bft final : public ordering::OrderingCore {
 public:
  // CHECKs check(config).
  explicit Bft(const BftConfig& config);

  void step(Instant now, const ordering::Input& input, ordering::Output& output) override;
  [[nodiscard]] Instant next_wakeup() const override;
  [[nodiscard]] bool accepts_updates() const override { return queue_.accepts(); }
  [[nodiscard]] ordering::Status status() const override;
  [[nodiscard]] ordering::Progress progress() const override;
  [[nodiscard]] std::optional<ordering::Checkpoint> checkpoint() const override;
  [[nodiscard]] const BftConfig& config() const { return config_; }
  [[nodiscard]] Duration timeout() const { return timer_.timeout(); }
  [[nodiscard]] SeqNum stable() const { return checkpoints_.stable(); }
  [[nodiscard]] bool active() const { return view_change_.active(); }

 private:
  using Refusal = std::optional<DropReason>;
  Refusal on_message(Instant now, const message::VerifiedMessage& message, ordering::Output& output);
  Refusal on_client_op(Instant now, const message::VerifiedMessage& message, ordering::Output& output);
  Refusal on_pre_prepare(const message::VerifiedMessage& message, ordering::Output& output);
  Refusal on_batch(const message::VerifiedMessage& message, ordering::Output& output);
  Refusal on_updates(Instant now, const message::VerifiedMessage& message, ordering::Output& output);
  Refusal take_handed_on(Instant now, const message::VerifiedMessage& message, const message::BftUpdates& updates,
                         ordering::Output& output);

  void restored(SeqNum sequence, ordering::Output& output);
  void ask_for_digest(ordering::Output& output) const;
  void change_view(Instant now, ordering::Output& output);
  void leave_for(Instant now, View view, ordering::Output& output);
  void execute(Instant now, ordering::Output& output);
  [[nodiscard]] SharedBatch next_batch() const;
  void deliver(Instant now, const SharedBatch& batch, ordering::Output& output);
  void speak(Instant now, ordering::Output& output);
  void watch_leader(Instant now, ordering::Output& output);
  void hand_on(Instant now, ordering::Output& output);
  [[nodiscard]] bool leads() const { return view_change_.active() && view_change_.leader() == config_.self; }

  BftConfig config_;
  Promises promises_;
  UpdateQueue queue_;
  History history_;
  CatchUp catch_up_;
  Log log_;
  Checkpoints checkpoints_;
  ViewChange view_change_;
  LeaderTimer timer_;
  Fetch fetch_;
  Repair repair_;
  std::uint64_t updates_delivered_ = 0;
  // What status() shows of the leader.
  Duration waited_;
  std::optional<ordering::Suspicion> last_suspicion_;
  Instant left_at_;
  std::optional<Duration> view_change_took_;
};

}  // namespace garrison::bft
