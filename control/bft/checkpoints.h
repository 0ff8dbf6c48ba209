// CHECKPOINT: every checkpoint_interval sequence numbers each server signs the digest of its state. Quorum matching
// ones make the checkpoint stable: the low water mark. They are the proof that a VIEW-CHANGE carries.
//
// Memory: the newest few CHECKPOINTs of each server, and one proof.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "control/bft/batch.h"
#include "control/bft/bft_config.h"

namespace garrison::bft {

class Checkpoints {
 public:
  explicit Checkpoints(const BftConfig& config) : config_(config), heard_(config.n) {}

  // This server's own, of the state after executing `sequence` (ordering::CheckpointDigest).
  void reached(SeqNum sequence, const Digest& state, Promises& promises, ordering::Output& output);
  // Why it was refused, if it was. May raise stable().
  std::optional<DropReason> on_checkpoint(const message::VerifiedMessage& message, ordering::Output& output);

  [[nodiscard]] SeqNum stable() const { return stable_; }
  [[nodiscard]] const Digest& stable_state() const { return stable_state_; }
  // Signed CHECKPOINTs of stable(), by ascending server; none for 0.
  [[nodiscard]] const std::vector<Stored>& proof() const { return proof_; }
  // This server's own beyond stable(), by ascending sequence.
  [[nodiscard]] std::vector<Stored> own() const;

 private:
  [[nodiscard]] std::size_t kept_per_server() const { return config_.window / config_.checkpoint_interval + 1; }
  void try_stable(SeqNum sequence, const Digest& state);

  const BftConfig& config_;
  std::vector<std::map<SeqNum, Stored>> heard_;  // by server; beyond stable()
  std::vector<Stored> proof_;
  SeqNum stable_;
  Digest stable_state_{};
};

}  // namespace garrison::bft
