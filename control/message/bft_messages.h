// The messages of BFT (Castro and Liskov) as values; [PRIME] 2 and A.3.1 describe the protocol. Included by messages.h.
//
// What is ordered is a batch: digests of updates, which clients send to every server themselves.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "control/message/catalogue.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"

namespace garrison::message {

// What identifies a batch whatever view proposes it: SHA-256 over "garrison-bft-batch-1" and the digests. That of no
// updates, the null request, is all zeros.
[[nodiscard]] Digest batch_digest(std::span<const Digest> updates);
inline constexpr Digest kNullBatch{};

// The leader of `view` is the signer. An update's digest is the leaf digest of its CLIENT-OP.
struct BftPrePrepare {
  static constexpr MessageType kType = MessageType::BftPrePrepare;
  View view;
  SeqNum sequence;
  std::vector<Digest> updates;  // 1..kMaxUpdatesPerBatch
};

struct BftPrepare {
  static constexpr MessageType kType = MessageType::BftPrepare;
  View view;
  SeqNum sequence;
  Digest batch{};
};

struct BftCommit {
  static constexpr MessageType kType = MessageType::BftCommit;
  View view;
  SeqNum sequence;
  Digest batch{};
};

// The signer's state after executing everything up to `sequence` has this digest.
struct BftCheckpoint {
  static constexpr MessageType kType = MessageType::BftCheckpoint;
  SeqNum sequence;
  Digest state{};
};

// One sequence number of a VIEW-CHANGE, and the last view in which the signer did what the list says.
struct BftClaim {
  SeqNum sequence;
  View view;
  Digest batch{};
  friend bool operator==(const BftClaim&, const BftClaim&) = default;
};

// The signer leaves for `view`. Claims, not certificates: what others said to the signer may convince the signer only.
struct BftViewChange {
  static constexpr MessageType kType = MessageType::BftViewChange;
  View view;
  SeqNum stable;                       // last stable checkpoint
  std::vector<ByteView> checkpoints;   // signed CHECKPOINTs that prove it, by ascending signer; none for 0
  std::vector<BftClaim> prepared;      // by ascending sequence
  std::vector<BftClaim> pre_prepared;  // the newest batch the signer pre-prepared; by ascending sequence
};

// The leader of `view` is the signer. It names the VIEW-CHANGEs that it rests on; `batches` are its PRE-PREPAREs for
// start + 1, start + 2, ..., which follow from them.
struct BftNewView {
  static constexpr MessageType kType = MessageType::BftNewView;
  struct Basis {
    ServerId server;
    Digest view_change{};  // leaf digest
  };
  View view;
  SeqNum start;              // stable checkpoint that the view starts from
  std::vector<Basis> basis;  // by ascending server
  std::vector<Digest> batches;
};

// Where the signer stands, so that others see what it lacks.
struct BftStatus {
  static constexpr MessageType kType = MessageType::BftStatus;
  View view;       // it works in, or has sent a VIEW-CHANGE for
  View installed;  // of the newest NEW-VIEW it knows to be valid; less than `view` while that one is awaited
  SeqNum stable;
  SeqNum executed;
  std::uint32_t view_changes = 0;  // ServerSet: whose VIEW-CHANGE for `view` it holds
};

// Asks for updates of a batch, by bits of their place in it, or for the batch itself when no bit is set.
struct BftFetch {
  static constexpr MessageType kType = MessageType::BftFetch;
  SeqNum sequence;
  Digest batch{};
  std::array<std::uint8_t, kMaxUpdatesPerBatch / 8> missing{};
};

// What stands in a batch, and whether the signer knows that it is committed at this sequence number.
struct BftBatch {
  static constexpr MessageType kType = MessageType::BftBatch;
  SeqNum sequence;
  bool committed = false;
  std::vector<Digest> updates;  // 0..kMaxUpdatesPerBatch
};

// Whole CLIENT-OPs: of the batch at `sequence`, or handed to the leader to be ordered when that is 0.
struct BftUpdates {
  static constexpr MessageType kType = MessageType::BftUpdates;
  SeqNum sequence;
  std::vector<ByteView> updates;  // 1..kMaxUpdatesPerBatch
};

}  // namespace garrison::message
