// Slab: preallocated slots in size classes with a byte quota per owner.
//
// One thread allocates and frees. Others may read or write a slot's bytes between two hand-overs of its SlotRef
// through a Queue, which orders the accesses; they give it back through a return queue, never by free().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/base/bytes.h"

namespace garrison {

// A slot and how many of its bytes are in use. Plain value; meaningless without its Slab.
struct SlotRef {
  std::uint32_t slot = 0;
  std::uint32_t length = 0;
};

struct SlabClass {
  std::size_t slot_bytes;
  std::size_t slots;
};

class Slab {
 public:
  // Classes ascend by slot_bytes. Owners are 0..owners-1; each may hold at most quota_bytes of slot bytes.
  Slab(std::span<const SlabClass> classes, std::size_t owners, std::size_t quota_bytes);

  // The smallest free slot that holds `length`; none when the owner's quota or every fitting class is used up.
  [[nodiscard]] std::optional<SlotRef> allocate(std::size_t owner, std::size_t length);
  // Allocating thread only. Freeing a slot twice is a CHECK.
  void free(SlotRef ref);

  // First ref.length bytes of the slot. Any thread that was handed the ref.
  [[nodiscard]] MutableBytes bytes(SlotRef ref);
  [[nodiscard]] ByteView bytes(SlotRef ref) const;
  // The whole slot, for a writer that will extend ref.length.
  [[nodiscard]] MutableBytes whole(SlotRef ref);

  [[nodiscard]] std::size_t used_bytes(std::size_t owner) const { return used_[owner]; }
  [[nodiscard]] std::size_t slots_in_use() const { return in_use_; }
  [[nodiscard]] std::size_t largest() const { return classes_.back().slot_bytes; }

 private:
  struct Class {
    std::size_t slot_bytes;
    std::uint32_t first_slot;
    std::uint32_t slots;
    std::unique_ptr<std::uint8_t[]> memory;
    std::vector<std::uint32_t> free_slots;
  };
  [[nodiscard]] const Class& class_of(std::uint32_t slot) const;

  std::vector<Class> classes_;
  std::vector<std::int16_t> owner_of_;  // by slot; -1 while free
  std::vector<std::size_t> used_;       // slot bytes held, by owner
  std::size_t quota_bytes_;
  std::size_t in_use_ = 0;
};

}  // namespace garrison
