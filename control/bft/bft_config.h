// What a BFT core is told once, and the bounds of everything it keeps.
#pragma once

#include <cstddef>

#include "control/message/messages.h"
#include "control/ordering/quorum.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/result.h"
#include "dataplane/base/server_set.h"

namespace garrison::bft {

struct BftConfig {
  message::Envelope envelope;  // of every message this server signs
  ServerId self;
  std::size_t n = 4;
  std::size_t f = 1;

  // What the first update of a server's queue may take to be executed, and a NEW-VIEW to arrive. Doubled by every view
  // change. [PRIME] 2: BFT has no mechanism for reducing it, and 2.2 attacks just that; `keep_timeout` is that reading.
  // Without it the timeout returns to this value as soon as a view executes the first update of the queue.
  Duration timeout = milliseconds(300);
  bool keep_timeout = false;

  Duration retransmit_period = milliseconds(200);
  Duration fetch_period = milliseconds(20);  // before an update that is missing is asked for, and asked for again

  // One PRE-PREPARE.
  std::size_t max_updates_per_batch = message::kMaxUpdatesPerBatch;
  std::size_t max_batch_bytes = 64 * 1024;  // of updates, unless there is one only
  std::size_t pipeline = 4;                 // own PRE-PREPAREs not yet committed; further updates wait, and batch

  // Sequence numbers between the low water mark, the last stable checkpoint, and the high one.
  std::size_t checkpoint_interval = 128;
  std::size_t window = 256;  // a multiple of checkpoint_interval

  // Updates that clients sent and that are not executed yet.
  std::size_t max_waiting_updates = 16384;
  std::size_t max_waiting_per_client = 1024;
  std::size_t max_waiting_bytes = std::size_t{64} << 20U;

  // Executed batches that are kept for servers that lag, stable or not.
  std::size_t kept_sequences = 1024;
  std::size_t kept_bytes = std::size_t{32} << 20U;
  // Sequence numbers a server that lags asks about at a time.
  std::size_t catch_up_window = 64;
  std::size_t fetch_window = 16;

  // What is resent to one server per retransmit_period.
  std::size_t repair_bytes = std::size_t{512} << 10U;

  [[nodiscard]] std::size_t quorum() const { return ordering::quorum(n, f); }
  [[nodiscard]] ServerId leader_of(View view) const { return ServerId(static_cast<std::uint16_t>(view.value() % n)); }
  [[nodiscard]] ServerSet others() const { return ServerSet::all(n).without(self); }
};

// A timeout doubles at most so often.
inline constexpr unsigned kMaxDoublings = 10;

// Whether the numbers fit each other. Bft CHECKs it.
[[nodiscard]] Result<void> check(const BftConfig& config);

}  // namespace garrison::bft
