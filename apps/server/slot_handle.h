// A slot of the send slab as the handle by which channels know a message, and back.
#pragma once

#include <cstdint>

#include "dataplane/base/slab.h"

namespace garrison::server {

inline std::uint64_t handle_of(SlotRef slot) { return static_cast<std::uint64_t>(slot.slot) << 32U | slot.length; }
inline SlotRef slot_of(std::uint64_t handle) {
  return {.slot = static_cast<std::uint32_t>(handle >> 32U), .length = static_cast<std::uint32_t>(handle)};
}

}  // namespace garrison::server
