#include "crypto/joint_proof.h"

#include <map>
#include <set>
#include <utility>

#include "crypto/merkle.h"
#include "dataplane/base/check.h"

namespace garrison::crypto {

namespace {

using Level = std::map<std::size_t, Digest>;  // nodes by their place

// False when two nodes would have one place.
bool put(Level& level, std::size_t index, const Digest& node) {
  const auto [at, fresh] = level.try_emplace(index, node);
  return fresh || at->second == node;
}

std::vector<Level> siblings_of(std::size_t count, const LeafPath& path) {
  std::vector<Level> levels;
  Reader reader(path.siblings);
  for (std::size_t index = path.index; count > 1; index /= 2, count = (count + 1) / 2) {
    Level& level = levels.emplace_back();
    if ((index ^ 1U) < count) level[index ^ 1U] = reader.array<sizeof(Digest)>();
  }
  return levels;
}

// All nodes on the way from the leaves to the root, and beside it; what nobody has given is the next of `proof`. None
// when two of them contradict each other: where the way of a leaf meets that of `known`, it makes one of its siblings.
std::optional<std::vector<Level>> climb(std::size_t count, const LeafPath& known, const Digest& leaf,
                                        std::span<const PlacedLeaf> others, Reader& proof) {
  std::vector<Level> levels = siblings_of(count, known);
  Level climbing;
  climbing[known.index] = leaf;
  for (const PlacedLeaf& other : others) {
    if (other.index >= count || !put(climbing, other.index, other.leaf)) return std::nullopt;
  }
  for (std::size_t l = 0; l < levels.size(); ++l, count = (count + 1) / 2) {
    Level& level = levels[l];
    for (const auto& [index, node] : climbing) {
      if (!put(level, index, node)) return std::nullopt;
    }
    Level parents;
    for (const auto& [index, node] : climbing) {
      const std::size_t sibling = index ^ 1U;
      if (index > sibling && climbing.contains(sibling)) continue;  // they were hashed together
      if (sibling >= count) {
        parents[index / 2] = node;
        continue;
      }
      auto beside = level.find(sibling);
      if (beside == level.end()) {
        beside = level.emplace(sibling, proof.array<sizeof(Digest)>()).first;
      }
      parents[index / 2] = index < sibling ? node_digest(node, beside->second) : node_digest(beside->second, node);
    }
    climbing = std::move(parents);
  }
  return levels;
}

Bytes siblings_in(const std::vector<Level>& levels, std::size_t count, std::size_t index) {
  Bytes out;
  for (std::size_t l = 0; count > 1; ++l, index /= 2, count = (count + 1) / 2) {
    if ((index ^ 1U) >= count) continue;
    const Digest& sibling = levels[l].at(index ^ 1U);
    out.insert(out.end(), sibling.begin(), sibling.end());
  }
  return out;
}

}  // namespace

Bytes joint_proof(std::size_t count, const LeafPath& known, std::span<const LeafPath> others) {
  const std::vector<Level> given = siblings_of(count, known);
  std::vector<Level> needed(given.size());
  std::set<std::size_t> climbing{known.index};
  for (const LeafPath& other : others) {
    const std::vector<Level> levels = siblings_of(count, other);
    for (std::size_t l = 0; l < levels.size(); ++l) needed[l].insert(levels[l].begin(), levels[l].end());
    climbing.insert(other.index);
  }
  Bytes proof;
  for (std::size_t l = 0; l < needed.size(); ++l) {
    for (const auto& [index, node] : needed[l]) {
      if (climbing.contains(index) || given[l].contains(index)) continue;
      proof.insert(proof.end(), node.begin(), node.end());
    }
    std::set<std::size_t> parents;
    for (const std::size_t index : climbing) parents.insert(index / 2);
    climbing = std::move(parents);
  }
  return proof;
}

std::optional<std::vector<Bytes>> paths_of(std::size_t count, const LeafPath& known, const Digest& leaf,
                                           std::span<const PlacedLeaf> others, ByteView proof) {
  if (known.index >= count || known.siblings.size() != path_length(known.index, count) * sizeof(Digest)) {
    return std::nullopt;
  }
  Reader reader(proof);
  const auto levels = climb(count, known, leaf, others, reader);
  if (!levels.has_value() || !reader.done()) return std::nullopt;
  std::vector<Bytes> paths;
  for (const PlacedLeaf& other : others) paths.push_back(siblings_in(*levels, count, other.index));
  return paths;
}

}  // namespace garrison::crypto
