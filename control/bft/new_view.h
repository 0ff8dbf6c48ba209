// What a new view carries over, as a function of VIEW-CHANGEs alone: the leader computes it, everyone else recomputes
// it.
//
// VIEW-CHANGEs hold claims, not certificates, because under MACs a PREPARE convinces its receiver only. From claims of
// a quorum the batch of a sequence number follows like this (docs/adr/0010):
//   * a batch d that some server claims prepared in view v is chosen if a quorum claims nothing prepared there in a
//   later
//     view, nor another batch in v, and f+1 servers claim that they pre-prepared d in v or later: one of them is
//     correct and holds it. Had another batch been committed before, neither could be.
//   * where a quorum claims nothing prepared, nothing was committed, and the null request is chosen.
//   * else more VIEW-CHANGEs are needed; those of all correct servers are enough.
#pragma once

#include <optional>
#include <vector>

#include "control/bft/bft_config.h"

namespace garrison::bft {

struct Carried {
  SeqNum start;                 // the highest stable checkpoint claimed, each of which is proven
  std::vector<Digest> batches;  // of start + 1, start + 2, ... up to the last one that anyone claims prepared
  friend bool operator==(const Carried&, const Carried&) = default;
};

// `changes` are valid VIEW-CHANGEs of different servers for one view. None while they do not decide.
[[nodiscard]] std::optional<Carried> carry_over(const std::vector<message::BftViewChange>& changes,
                                                const BftConfig& config);

// Whether the claims of a VIEW-CHANGE can be those of a correct server: within the window of its checkpoint, in order,
// of earlier views. Its proof of the checkpoint is not looked at.
[[nodiscard]] bool claims_fit(const message::BftViewChange& change, const BftConfig& config);

}  // namespace garrison::bft
