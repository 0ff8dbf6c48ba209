// The chunks of one proven checkpoint, on their way from several servers.
//
// Each server has one range of chunks under way at a time. A chunk that does not prove itself excludes the server that
// sent it; one that does not come in time is asked for elsewhere, and its server waits out a penalty that doubles.
// Memory: the snapshot itself, whose size f + 1 servers vouch for.
#pragma once

#include <array>
#include <cstdint>
#include <set>

#include "control/state_transfer/output.h"
#include "control/state_transfer/snapshot.h"
#include "control/state_transfer/transfer_config.h"
#include "dataplane/base/state_fields.h"

namespace garrison::state_transfer {

// What a CHECKPOINT says.
struct Offer {
  SeqNum sequence;
  std::uint64_t snapshot_bytes = 0;
  Digest root{};
  Bytes state;
  friend bool operator==(const Offer&, const Offer&) = default;
  STATE_FIELDS(sequence, snapshot_bytes, root, state)
};

class Fetch {
 public:
  Fetch(const TransferConfig& config, const Offer& offer, Instant now);

  // `server` has said CHECKPOINT for it. Asks it at once.
  void add_holder(Instant now, ServerId server, Output& output);
  // Of this checkpoint, by its sequence and root.
  void on_chunk(Instant now, ServerId from, const message::StateChunk& chunk, Output& output);
  void tick(Instant now, Output& output);
  [[nodiscard]] Instant next_wakeup() const;

  [[nodiscard]] const Offer& offer() const { return offer_; }
  [[nodiscard]] std::uint32_t chunks() const { return chunks_; }
  [[nodiscard]] std::uint32_t held() const { return held_; }
  [[nodiscard]] bool complete() const { return held_ == chunks_; }
  // Every server that vouched for it has sent chunks that are not of it.
  [[nodiscard]] bool hopeless() const;
  // When the last chunk was taken.
  [[nodiscard]] Instant advanced_at() const { return advanced_at_; }
  // The snapshot, once complete().
  [[nodiscard]] Bytes take() { return std::move(bytes_); }

  STATE_FIELDS(config_, offer_, chunks_, bytes_, held_, next_, returned_, holders_, advanced_at_)

 private:
  struct Holder {
    bool vouches = false;
    bool excluded = false;
    std::uint32_t first = 0;
    std::uint32_t count = 0;     // of the range under way
    std::uint64_t missing = 0;   // one bit per chunk of it; 0: none is under way
    Instant deadline;            // of the range under way
    Instant not_before;          // of the next one
    std::uint32_t timeouts = 0;  // one after the other
    Instant quota_from;
    std::size_t quota_used = 0;
    STATE_FIELDS(vouches, excluded, first, count, missing, deadline, not_before, timeouts, quota_from, quota_used)
  };

  void ask(Instant now, Output& output);
  void ask(Instant now, ServerId server, Output& output);
  void hand_back(Holder& holder);
  [[nodiscard]] bool anything_to_ask() const { return next_ < chunks_ || !returned_.empty(); }

  const TransferConfig& config_;
  Offer offer_;
  std::uint32_t chunks_;
  Bytes bytes_;
  std::uint32_t held_ = 0;
  std::uint32_t next_ = 0;            // chunks from here on were never asked for
  std::set<std::uint32_t> returned_;  // chunks below that must be asked for again
  std::array<Holder, kMaxServersPerSite> holders_;
  Instant advanced_at_;
};

}  // namespace garrison::state_transfer
