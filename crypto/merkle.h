// Merkle trees over message digests in the shape of RFC 6962 2.1: a tree of n leaves splits at the largest power of
// two below n, so index and count alone fix a path's length and the side of each of its digests.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/base/bounds.h"
#include "dataplane/base/bytes.h"

namespace garrison::crypto {

// SHA-256(0x01 | left | right). Leaves carry the prefix 0x00 (leaf_digest in crypto/batch.h).
[[nodiscard]] Digest node_digest(const Digest& left, const Digest& right);

// A leaf's siblings, lowest first.
struct MerklePath {
  std::array<Digest, kMaxMerklePath> siblings;
  std::size_t length = 0;
  [[nodiscard]] std::span<const Digest> view() const { return {siblings.data(), length}; }
};

// Digests on the path of the leaf `index` of `count`. index < count.
[[nodiscard]] std::size_t path_length(std::size_t index, std::size_t count);

class MerkleTree {
 public:
  // At least one leaf; path() is for trees of at most kMaxMerkleLeaves.
  explicit MerkleTree(std::span<const Digest> leaves);
  [[nodiscard]] const Digest& root() const { return levels_.back().front(); }
  [[nodiscard]] MerklePath path(std::size_t index) const;
  // The digests of the leaf's path one after the other, whatever the size of the tree.
  [[nodiscard]] Bytes siblings(std::size_t index) const;

 private:
  std::vector<std::vector<Digest>> levels_;  // leaves first; a last node without a partner moves up as it is
};

// The root that the path leads to, or none unless index < count <= most and the path has exactly that leaf's length.
// `siblings` is the path's digests one after the other.
[[nodiscard]] std::optional<Digest> root_of_path(const Digest& leaf, std::size_t index, std::size_t count,
                                                 ByteView siblings, std::size_t most = kMaxMerkleLeaves);

}  // namespace garrison::crypto
