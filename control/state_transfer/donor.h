// The answering side of state transfer: checkpoints on request, and their chunks.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "control/state_transfer/output.h"
#include "control/state_transfer/snapshot.h"
#include "control/state_transfer/transfer_config.h"
#include "dataplane/base/state_fields.h"

namespace garrison::state_transfer {

class Donor {
 public:
  explicit Donor(const TransferConfig& config) : config_(config) {}

  void on_request(Instant now, const message::VerifiedMessage& message, Output& output);
  void on_fetch(Instant now, const message::VerifiedMessage& message, Output& output);
  // This server's own CHECKPOINT, signed: kept for those that ask again.
  void on_own_checkpoint(const message::VerifiedMessage& message);

  // See StateTransfer.
  [[nodiscard]] bool wants(Instant now, SeqNum sequence) const;
  void keep(Instant now, const ordering::Checkpoint& checkpoint, Bytes snapshot, Output& output);

  // This server has executed up to `executed`. Drops what nobody fetches any more.
  void tick(Instant now, SeqNum executed);
  [[nodiscard]] Instant next_wakeup() const;

  [[nodiscard]] SeqNum last_made() const { return last_made_; }
  [[nodiscard]] std::size_t kept() const;  // counts a snapshot once, whoever fetches it

  STATE_FIELDS(config_, askers_, executed_, executed_at_, ticked_at_, last_made_)

 private:
  struct Kept {
    SeqNum sequence;
    Bytes state;
    Snapshot snapshot;
    Instant made_at;
    std::shared_ptr<const message::StoredMessage> message;  // CHECKPOINT; null until it comes back signed
    STATE_FIELDS(sequence, state, snapshot, made_at, message)
  };
  // What one other server asks for. Its claims matter to nobody else.
  struct Asker {
    std::uint64_t number = 0;  // of the newest attempt that was accepted; 0: none yet
    SeqNum executed;
    SeqNum at;
    bool open = false;  // the attempt has no snapshot yet
    Instant accepted_at;
    Instant heard_at;
    Instant repeated_at;
    std::shared_ptr<Kept> kept;
    Instant quota_from;
    std::size_t quota_used = 0;
    STATE_FIELDS(number, executed, at, open, accepted_at, heard_at, repeated_at, kept, quota_from, quota_used)
  };

  [[nodiscard]] bool wants(const Asker& asker, Instant now, SeqNum sequence) const;
  void accept(Instant now, Asker& asker, const message::StateRequest& request, Output& output) const;
  [[nodiscard]] bool within_quota(Instant now, Asker& asker, std::size_t bytes) const;

  const TransferConfig& config_;
  std::array<Asker, kMaxServersPerSite> askers_;
  SeqNum executed_;
  Instant executed_at_;  // when executed_ last rose
  Instant ticked_at_;
  SeqNum last_made_;
};

}  // namespace garrison::state_transfer
