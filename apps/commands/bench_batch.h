// Messages that left under one signature, and what their verification takes, for `garrison bench crypto`.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "apps/commands/bench_timing.h"
#include "crypto/batch.h"

namespace garrison::apps {

struct SignedBatch {
  std::vector<Bytes> contents;
  std::vector<Bytes> blocks;  // as many
};

// Microseconds per message at a receiver that has parsed the signer's key, as servers do once, and knows no root: it
// meets two different batches of one size in turn, and keeps the root of one.
inline double measure_batch_verify_us(Duration budget, SystemId system, crypto::Principal signer,
                                      const crypto::KeyDirectory& directory,
                                      const std::array<SignedBatch, 2>& batches) {
  crypto::BatchVerifier verifier(system, directory, 1);
  const auto check = [&](std::size_t call) {
    const SignedBatch& batch = batches[call % 2];
    const std::uint64_t checked_before = verifier.signatures_checked();
    for (std::size_t i = 0; i < batch.contents.size(); ++i) {
      const Digest leaf = crypto::leaf_digest(batch.contents[i]);
      CHECK(verifier.verify(signer, directory.epoch(), leaf, batch.blocks[i]) == crypto::Verdict::good);
    }
    CHECK(verifier.signatures_checked() == checked_before + 1);
  };
  return measure_us(budget, check) / static_cast<double>(batches.front().contents.size());
}

}  // namespace garrison::apps
