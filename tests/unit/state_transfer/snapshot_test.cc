#include "control/state_transfer/snapshot.h"

#include <gtest/gtest.h>

#include "crypto/batch.h"

namespace garrison::state_transfer {
namespace {

constexpr std::size_t kChunk = message::kStateChunkBytes;

Bytes bytes_of(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 + i / kChunk);
  return bytes;
}

TEST(SnapshotTest, every_chunk_proves_itself_at_its_own_place_only) {
  for (const std::size_t size : {std::size_t{1}, kChunk - 1, kChunk, kChunk + 1, 5 * kChunk, 9 * kChunk + 77}) {
    const Snapshot snapshot(bytes_of(size));
    Bytes whole;
    for (std::uint32_t i = 0; i < snapshot.chunks(); ++i) {
      const ByteView data = snapshot.chunk(i);
      const Bytes path = snapshot.path(i);
      EXPECT_TRUE(proves(snapshot.root(), size, i, path, data));
      for (std::uint32_t other = 0; other < snapshot.chunks(); ++other) {
        if (other != i) {
          EXPECT_FALSE(proves(snapshot.root(), size, other, path, data));
        }
      }
      whole.insert(whole.end(), data.begin(), data.end());
    }
    EXPECT_EQ(whole, bytes_of(size));
  }
}

TEST(SnapshotTest, a_changed_byte_or_length_proves_nothing) {
  const Snapshot snapshot(bytes_of(3 * kChunk + 5));
  Bytes data = to_bytes(snapshot.chunk(1));
  data[7] ^= 1U;
  EXPECT_FALSE(proves(snapshot.root(), snapshot.size(), 1, snapshot.path(1), data));
  EXPECT_FALSE(proves(snapshot.root(), snapshot.size(), 1, snapshot.path(1), snapshot.chunk(1).first(kChunk - 1)));
  EXPECT_FALSE(proves(snapshot.root(), snapshot.size() - 1, 3, snapshot.path(3), snapshot.chunk(3)));
  EXPECT_FALSE(proves(snapshot.root(), snapshot.size() - kChunk, 2, snapshot.path(2), snapshot.chunk(2)))
      << "another size is another tree";
}

TEST(SnapshotTest, the_same_bytes_cut_otherwise_prove_nothing_under_the_same_root) {
  // Two halves of a chunk, as a server with another chunk size would hash them.
  const Bytes bytes = bytes_of(kChunk);
  const ByteView view(bytes);
  const std::vector<Digest> halves{crypto::leaf_digest(view.first(kChunk / 2)),
                                   crypto::leaf_digest(view.subspan(kChunk / 2))};
  const crypto::MerkleTree otherwise(halves);
  EXPECT_NE(Snapshot(bytes).root(), otherwise.root());
  // Its own pieces are refused even under its own root: they have the wrong length and number.
  EXPECT_FALSE(proves(otherwise.root(), bytes.size(), 0, otherwise.siblings(0), view.first(kChunk / 2)));
  EXPECT_FALSE(proves(otherwise.root(), bytes.size(), 0, otherwise.siblings(0), view));
}

}  // namespace
}  // namespace garrison::state_transfer
