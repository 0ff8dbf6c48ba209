// The messages that a group still has to send: the caller's bytes, kept by reference, once for all peers.
//
// An entry lives as long as some peer's queue refers to it; then its handle comes out of next_released(), once.
// Bounded by the peers' queues together.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/link/growing_ring.h"

namespace garrison::link {

class MessageTable {
 public:
  using Index = std::uint32_t;

  explicit MessageTable(std::size_t capacity) : entries_(capacity) {
    CHECK(capacity < std::numeric_limits<Index>::max());
    free_.reserve(capacity);
    for (std::size_t i = capacity; i > 0; --i) free_.push_back(static_cast<Index>(i - 1));
  }

  // With one reference, the caller's.
  [[nodiscard]] Index add(ByteView message, std::uint64_t handle) {
    CHECK(!free_.empty());
    const Index index = free_.back();
    free_.pop_back();
    entries_[index] = Entry{.message = message, .handle = handle, .references = 1};
    return index;
  }
  void retain(Index index) { ++entries_[index].references; }
  void release(Index index) {
    Entry& entry = entries_[index];
    CHECK(entry.references > 0);
    if (--entry.references > 0) return;
    released_.push(entry.handle);
    free_.push_back(index);
  }

  [[nodiscard]] ByteView message(Index index) const { return entries_[index].message; }

  [[nodiscard]] std::optional<std::uint64_t> next_released() {
    if (released_.empty()) return std::nullopt;
    const std::uint64_t handle = released_.front();
    released_.pop();
    return handle;
  }

 private:
  struct Entry {
    ByteView message;
    std::uint64_t handle = 0;
    std::uint32_t references = 0;
  };
  std::vector<Entry> entries_;
  std::vector<Index> free_;
  GrowingRing<std::uint64_t> released_;
};

}  // namespace garrison::link
