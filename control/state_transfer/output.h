// What state transfer asks its environment to do.
#pragma once

#include <optional>
#include <vector>

#include "control/ordering/ordering.h"

namespace garrison::state_transfer {

// Replace the executed state by `snapshot`, then hand the ordering core ordering::Restored{sequence, state}, at once:
// `sequence` is beyond the progress of the last tick(). f + 1 servers vouch for both.
struct Restore {
  SeqNum sequence;
  Bytes state;
  Bytes snapshot;
};

// Effects of one call, to be carried out in this order. Cleared and reused by the caller.
struct Output {
  std::optional<Restore> restore;
  std::vector<ordering::Sign> sign;
  std::vector<ordering::Forward> forward;
  std::vector<DropReason> drops;

  void clear() {
    restore.reset();
    sign.clear();
    forward.clear();
    drops.clear();
  }
};

// A message of this server, to be signed where the catalogue says so.
template <typename Message>
void say(const message::Envelope& envelope, const Message& message, ServerSet to, Output& output) {
  ordering::Sign sign;
  sign.type = Message::kType;
  sign.content = message::encode(envelope, message);
  sign.to = to;
  sign.traffic = message::find_row(Message::kType)->traffic;
  output.sign.push_back(std::move(sign));
}

}  // namespace garrison::state_transfer
