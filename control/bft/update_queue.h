// The FIFO queue of updates that a server holds and that are not executed yet [PRIME] 2: the leader proposes from its
// front, every other server gives the leader a timeout for the first of them. Bounded in number, in bytes and per
// client.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "control/bft/batch.h"
#include "control/bft/bft_config.h"
#include "dataplane/base/drops.h"

namespace garrison::bft {

class UpdateQueue {
 public:
  explicit UpdateQueue(const BftConfig& config) : config_(config) {}

  // A CLIENT-OP, behind all others. None when taken or held already; else why not.
  [[nodiscard]] std::optional<DropReason> add(Instant now, const message::VerifiedMessage& update);
  [[nodiscard]] bool accepts() const {
    return entries_.size() < config_.max_waiting_updates && bytes_ < config_.max_waiting_bytes;
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  // Null when it is not in the queue.
  [[nodiscard]] Stored find(const Digest& update) const;

  // Takes an update out. Whether it was the first.
  bool executed(const Digest& update);

  // Nothing is waiting any more.
  void clear();

  // A PRE-PREPARE of this view covers it.
  void proposed(const Digest& update);
  // A new view: nothing is proposed any more, nor handed to its leader.
  void forget_proposals(Instant now);
  [[nodiscard]] bool has_unproposed() const { return !unproposed_.empty(); }
  // The next batch, oldest first: at least one unless all are proposed, within the bounds of a batch.
  [[nodiscard]] std::vector<Digest> next_batch() const;
  // Those to be handed to the leader now, oldest first, at most `bytes` of them together: what no PRE-PREPARE has
  // covered for a period, and again after pauses that double, should the leader have lost it.
  [[nodiscard]] std::vector<Stored> hand_on(Instant now, std::size_t bytes);

 private:
  struct Entry {
    Stored update;
    std::uint64_t arrival = 0;
    Instant hand_on_at;  // the next time
    Duration pause;      // behind that
  };

  const BftConfig& config_;
  std::map<Digest, Entry> entries_;
  std::map<std::uint64_t, Digest> fifo_;  // by arrival
  std::map<std::uint64_t, Digest> unproposed_;
  std::map<std::uint32_t, std::size_t> per_client_;
  std::size_t bytes_ = 0;
  std::uint64_t arrivals_ = 0;
};

}  // namespace garrison::bft
