// A snapshot as it travels: chunks of kStateChunkBytes, each provable by itself against the root that CHECKPOINT names.
//
// Size and chunk size fix the number of chunks and the length of each, and a path proves a chunk's place among that
// many: bytes that were cut in another way have another root.
#pragma once

#include <cstdint>
#include <vector>

#include "control/ordering/ordering.h"
#include "crypto/merkle.h"
#include "dataplane/base/bytes.h"

namespace garrison::state_transfer {

[[nodiscard]] std::uint32_t chunks_of(std::uint64_t snapshot_bytes);
// index < chunks_of(snapshot_bytes).
[[nodiscard]] std::size_t bytes_of_chunk(std::uint32_t index, std::uint64_t snapshot_bytes);

class Snapshot {
 public:
  Snapshot() : Snapshot(Bytes(1)) {}  // to be loaded
  // Not empty. Hashes all of it.
  explicit Snapshot(Bytes bytes);

  [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }
  [[nodiscard]] const Digest& root() const { return tree_.root(); }
  [[nodiscard]] std::uint32_t chunks() const { return chunks_of(bytes_.size()); }
  [[nodiscard]] ByteView chunk(std::uint32_t index) const;
  [[nodiscard]] Bytes path(std::uint32_t index) const { return tree_.siblings(index); }

  void save(ordering::StateWriter& state) const;
  void load(ordering::StateReader& state);

 private:
  Bytes bytes_;
  crypto::MerkleTree tree_;
};

// Whether `data` is chunk `index` of the snapshot of that size and root. index < chunks_of(snapshot_bytes).
[[nodiscard]] bool proves(const Digest& root, std::uint64_t snapshot_bytes, std::uint32_t index, ByteView path,
                          ByteView data);

}  // namespace garrison::state_transfer
