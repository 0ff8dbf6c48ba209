// Several leaves of one Merkle tree (merkle.h) proved together: what their paths have in common, or share with the path
// of a leaf that is known already, is said once. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/base/bytes.h"

namespace garrison::crypto {

// The place of a leaf, and its path as root_of_path() takes it.
struct LeafPath {
  std::size_t index = 0;
  ByteView siblings;
};
struct PlacedLeaf {
  std::size_t index = 0;
  Digest leaf{};
};

// What `others` need beside `known`: the digests that neither gives, level by level from the leaves, left to right. All
// are leaves of one tree of `count`.
[[nodiscard]] Bytes joint_proof(std::size_t count, const LeafPath& known, std::span<const LeafPath> others);

// The siblings of each of `others`. None unless they and `proof` lead to the root that `leaf` at `known` leads to, so
// that there is one proof for them.
[[nodiscard]] std::optional<std::vector<Bytes>> paths_of(std::size_t count, const LeafPath& known, const Digest& leaf,
                                                         std::span<const PlacedLeaf> others, ByteView proof);

}  // namespace garrison::crypto
