#include "control/state_transfer/snapshot.h"

#include <algorithm>

#include "control/ordering/state_reader.h"
#include "crypto/batch.h"
#include "dataplane/base/check.h"

namespace garrison::state_transfer {
namespace {

std::vector<Digest> leaves_of(ByteView bytes) {
  CHECK(!bytes.empty());
  std::vector<Digest> leaves;
  leaves.reserve(chunks_of(bytes.size()));
  for (std::uint32_t i = 0; i < chunks_of(bytes.size()); ++i) {
    leaves.push_back(
        crypto::leaf_digest(bytes.subspan(i * message::kStateChunkBytes, bytes_of_chunk(i, bytes.size()))));
  }
  return leaves;
}

}  // namespace

std::uint32_t chunks_of(std::uint64_t snapshot_bytes) {
  return static_cast<std::uint32_t>((snapshot_bytes + message::kStateChunkBytes - 1) / message::kStateChunkBytes);
}

std::size_t bytes_of_chunk(std::uint32_t index, std::uint64_t snapshot_bytes) {
  const std::uint64_t rest = snapshot_bytes - std::uint64_t{index} * message::kStateChunkBytes;
  return static_cast<std::size_t>(std::min<std::uint64_t>(rest, message::kStateChunkBytes));
}

Snapshot::Snapshot(Bytes bytes) : bytes_(std::move(bytes)), tree_(leaves_of(bytes_)) {}

void Snapshot::save(ordering::StateWriter& state) const { state.blob(bytes_); }

void Snapshot::load(ordering::StateReader& state) {
  const ByteView bytes = state.blob();
  if (bytes.empty()) return state.fail();
  *this = Snapshot(to_bytes(bytes));
}

ByteView Snapshot::chunk(std::uint32_t index) const {
  CHECK(index < chunks());
  return ByteView(bytes_).subspan(index * message::kStateChunkBytes, bytes_of_chunk(index, bytes_.size()));
}

bool proves(const Digest& root, std::uint64_t snapshot_bytes, std::uint32_t index, ByteView path, ByteView data) {
  const std::size_t chunks = chunks_of(snapshot_bytes);
  CHECK(index < chunks);
  return data.size() == bytes_of_chunk(index, snapshot_bytes) &&
         crypto::root_of_path(crypto::leaf_digest(data), index, chunks, path, chunks) == root;
}

}  // namespace garrison::state_transfer
