// What was executed: the last batches, for servers that lag, and what those servers hear about them.
//
// A server that lags believes a batch of the past when f+1 servers say that it is committed: one of them is correct.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <vector>

#include "control/bft/batch.h"
#include "control/bft/bft_config.h"

namespace garrison::bft {

class History {
 public:
  explicit History(const BftConfig& config) : config_(config) {}

  // Goes on behind `sequence`, of whose past nothing is known here.
  void restart(SeqNum sequence);
  // The next batch in order, complete.
  void executed(const SharedBatch& batch);
  [[nodiscard]] SeqNum last() const { return last_; }
  // Null when it is not kept.
  [[nodiscard]] SharedBatch find(SeqNum sequence) const;
  // An update of a batch that is kept; null when there is none.
  [[nodiscard]] Stored find_update(const Digest& update) const;

 private:
  const BftConfig& config_;
  std::deque<SharedBatch> batches_;  // the newest is that of last_
  std::map<Digest, Stored> updates_;
  SeqNum last_;
  std::size_t bytes_ = 0;
};

class CatchUp {
 public:
  explicit CatchUp(const BftConfig& config) : config_(config), ring_(config.catch_up_window) {}

  // `server` says that `updates` is the batch committed at `sequence`. Everything up to `executed` is over.
  // Whether it says something new.
  bool on_claim(ServerId server, SeqNum sequence, const std::vector<Digest>& updates, SeqNum executed);
  // The batch that f+1 servers agree on; null while they do not.
  [[nodiscard]] SharedBatch decided(SeqNum sequence) const;
  // Nothing up to here is needed any more.
  void executed(SeqNum sequence);

 private:
  struct Claim {
    SharedBatch batch;
    ServerSet from;
  };
  struct Slot {
    SeqNum sequence;
    ServerSet heard;            // the first claim of a server counts
    std::vector<Claim> claims;  // one, unless somebody lies
  };
  [[nodiscard]] const Slot& at(SeqNum sequence) const { return ring_[sequence.value() % ring_.size()]; }

  const BftConfig& config_;
  std::vector<Slot> ring_;
};

}  // namespace garrison::bft
