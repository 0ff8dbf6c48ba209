#include "dataplane/base/slab.h"

#include "dataplane/base/check.h"

namespace garrison {

Slab::Slab(std::span<const SlabClass> classes, std::size_t owners, std::size_t quota_bytes)
    : used_(owners, 0), quota_bytes_(quota_bytes) {
  CHECK(!classes.empty() && owners > 0 && owners < 32'768);
  std::uint32_t next_slot = 0;
  for (const SlabClass& spec : classes) {
    CHECK(classes_.empty() || spec.slot_bytes > classes_.back().slot_bytes);
    Class made{.slot_bytes = spec.slot_bytes,
               .first_slot = next_slot,
               .slots = static_cast<std::uint32_t>(spec.slots),
               .memory = std::make_unique_for_overwrite<std::uint8_t[]>(spec.slot_bytes * spec.slots),
               .free_slots = {}};
    made.free_slots.reserve(spec.slots);
    for (std::uint32_t i = made.slots; i > 0; --i) made.free_slots.push_back(next_slot + i - 1);
    next_slot += made.slots;
    classes_.push_back(std::move(made));
  }
  owner_of_.assign(next_slot, -1);
}

std::optional<SlotRef> Slab::allocate(std::size_t owner, std::size_t length) {
  CHECK(owner < used_.size());
  for (Class& fit : classes_) {
    if (fit.slot_bytes < length || fit.free_slots.empty()) continue;
    if (used_[owner] + fit.slot_bytes > quota_bytes_) return std::nullopt;
    const std::uint32_t slot = fit.free_slots.back();
    fit.free_slots.pop_back();
    owner_of_[slot] = static_cast<std::int16_t>(owner);
    used_[owner] += fit.slot_bytes;
    ++in_use_;
    return SlotRef{.slot = slot, .length = static_cast<std::uint32_t>(length)};
  }
  return std::nullopt;
}

void Slab::free(SlotRef ref) {
  CHECK(ref.slot < owner_of_.size() && owner_of_[ref.slot] >= 0);
  const auto owner = static_cast<std::size_t>(owner_of_[ref.slot]);
  owner_of_[ref.slot] = -1;
  Class& home = const_cast<Class&>(class_of(ref.slot));  // NOLINT: our own, through the const search
  used_[owner] -= home.slot_bytes;
  home.free_slots.push_back(ref.slot);
  --in_use_;
}

const Slab::Class& Slab::class_of(std::uint32_t slot) const {
  for (const Class& candidate : classes_) {
    if (slot < candidate.first_slot + candidate.slots) return candidate;
  }
  check_failed("slot belongs to this slab", __FILE__, __LINE__);
}

MutableBytes Slab::whole(SlotRef ref) {
  const Class& home = class_of(ref.slot);
  return {home.memory.get() + (ref.slot - home.first_slot) * home.slot_bytes, home.slot_bytes};
}

MutableBytes Slab::bytes(SlotRef ref) {
  const MutableBytes slot = whole(ref);
  CHECK(ref.length <= slot.size());
  return slot.first(ref.length);
}

ByteView Slab::bytes(SlotRef ref) const {
  const Class& home = class_of(ref.slot);
  CHECK(ref.length <= home.slot_bytes);
  return {home.memory.get() + (ref.slot - home.first_slot) * home.slot_bytes, ref.length};
}

}  // namespace garrison
