#include "crypto/merkle.h"

#include "crypto/digest.h"

namespace garrison::crypto {

namespace {

// One level up: the leaf's place among the nodes there, and how many they are.
struct Place {
  std::size_t index;
  std::size_t count;

  [[nodiscard]] bool is_root() const { return count == 1; }
  [[nodiscard]] std::size_t sibling() const { return index ^ 1U; }
  [[nodiscard]] bool has_sibling() const { return sibling() < count; }
  void climb() { index /= 2, count = (count + 1) / 2; }
};

Digest node_digest_of(ByteView left, ByteView right) {
  static constexpr std::uint8_t kNodePrefix[] = {1};
  return thread_sha256().update(kNodePrefix).update(left).update(right).finish();
}

}  // namespace

Digest node_digest(const Digest& left, const Digest& right) { return node_digest_of(left, right); }

std::size_t path_length(std::size_t index, std::size_t count) {
  CHECK(index < count);
  std::size_t length = 0;
  for (Place place{index, count}; !place.is_root(); place.climb()) length += place.has_sibling() ? 1 : 0;
  return length;
}

MerkleTree::MerkleTree(std::span<const Digest> leaves) {
  CHECK(!leaves.empty());
  levels_.emplace_back(leaves.begin(), leaves.end());
  while (levels_.back().size() > 1) {
    const std::vector<Digest>& below = levels_.back();
    std::vector<Digest> level;
    level.reserve((below.size() + 1) / 2);
    for (std::size_t i = 0; i + 1 < below.size(); i += 2) level.push_back(node_digest(below[i], below[i + 1]));
    if (below.size() % 2 == 1) level.push_back(below.back());
    levels_.push_back(std::move(level));
  }
}

MerklePath MerkleTree::path(std::size_t index) const {
  CHECK(index < levels_.front().size() && levels_.front().size() <= kMaxMerkleLeaves);
  MerklePath path;
  Place place{index, levels_.front().size()};
  for (const std::vector<Digest>& level : levels_) {
    if (place.has_sibling()) path.siblings[path.length++] = level[place.sibling()];
    place.climb();
  }
  return path;
}

Bytes MerkleTree::siblings(std::size_t index) const {
  CHECK(index < levels_.front().size());
  Bytes out;
  Place place{index, levels_.front().size()};
  for (const std::vector<Digest>& level : levels_) {
    if (place.has_sibling()) out.insert(out.end(), level[place.sibling()].begin(), level[place.sibling()].end());
    place.climb();
  }
  return out;
}

std::optional<Digest> root_of_path(const Digest& leaf, std::size_t index, std::size_t count, ByteView siblings,
                                   std::size_t most) {
  if (index >= count || count > most) return std::nullopt;
  if (siblings.size() != path_length(index, count) * sizeof(Digest)) return std::nullopt;
  Digest node = leaf;
  for (Place place{index, count}; !place.is_root(); place.climb()) {
    if (!place.has_sibling()) continue;
    const ByteView sibling = siblings.first(sizeof(Digest));
    siblings = siblings.subspan(sizeof(Digest));
    node = place.index % 2 == 0 ? node_digest_of(node, sibling) : node_digest_of(sibling, node);
  }
  return node;
}

}  // namespace garrison::crypto
