#include "control/state_transfer/state_transfer.h"

namespace garrison::state_transfer {

void StateTransfer::on_message(Instant now, const message::VerifiedMessage& message, Output& output) {
  using message::MessageType;
  if (!message.is_participant() || message.server().index() >= config_.n) {
    return output.drops.push_back(DropReason::message_unknown_signer);
  }
  if (message.server() == config_.self) {
    if (message.type() == MessageType::Checkpoint) donor_.on_own_checkpoint(message);
    return;
  }
  switch (message.type()) {
    case MessageType::StateRequest:
      return donor_.on_request(now, message, output);
    case MessageType::StateFetch:
      return donor_.on_fetch(now, message, output);
    case MessageType::Checkpoint:
      return recipient_.on_checkpoint(now, message, output);
    case MessageType::StateChunk:
      return recipient_.on_chunk(now, message, output);
    default:
      return output.drops.push_back(DropReason::message_wrong_direction);
  }
}

void StateTransfer::tick(Instant now, const ordering::Progress& progress, Output& output) {
  donor_.tick(now, progress.executed);
  recipient_.tick(now, progress, output);
}

Instant StateTransfer::next_wakeup() const { return earlier(donor_.next_wakeup(), recipient_.next_wakeup()); }

Status StateTransfer::status() const {
  Status status;
  status.catching_up = recipient_.catching_up();
  if (const Fetch* fetch = recipient_.fetch(); fetch != nullptr) {
    status.target = fetch->offer().sequence;
    status.chunks = fetch->chunks();
    status.chunks_held = fetch->held();
  }
  status.checkpoint = donor_.last_made();
  status.restored = restored_;
  status.snapshots_kept = donor_.kept();
  return status;
}

}  // namespace garrison::state_transfer
