// Messages with which the servers of a site make a signature together (control/site/threshold_sign.h). Part of
// messages.h.
#pragma once

#include <cstdint>
#include <vector>

#include "control/message/catalogue.h"
#include "dataplane/base/bytes.h"

namespace garrison::message {

// THRESHOLD-SIGN [CUST] 5.2. The signer's share of the site's signature on `statement`, which is all that the share and
// its proof depend on. A correct server signs one statement per batch.
struct SigShare {
  static constexpr MessageType kType = MessageType::SigShare;
  std::uint64_t batch = 0;
  ByteView statement;  // 1..kMaxStatementBytes
  ByteView share;      // 1..kMaxSignatureBytes
  ByteView proof;      // 0..kMaxShareProofBytes; empty: none
};

// What the sender misses of a batch: its signature, or a proof that the receiver's share is correct.
struct SigRequest {
  static constexpr MessageType kType = MessageType::SigRequest;
  std::uint64_t batch = 0;
  bool proof = false;
};

// Whole signed SIG-SHAREs of one server that convict it: one that cannot be a correct server's by itself, or two with
// different shares of one statement.
struct SigEvidence {
  static constexpr MessageType kType = MessageType::SigEvidence;
  std::vector<ByteView> shares;  // 1 or 2
};

// The signature of a batch, to a server that asked for it.
struct SigComplete {
  static constexpr MessageType kType = MessageType::SigComplete;
  std::uint64_t batch = 0;
  ByteView signature;  // 1..kMaxSignatureBytes
};

}  // namespace garrison::message
