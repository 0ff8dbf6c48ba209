// Appends little-endian words and byte strings to a growing buffer: what Writer is for memory of known size.
#pragma once

#include <concepts>
#include <cstddef>

#include "dataplane/base/bytes.h"

namespace garrison::service {

template <std::unsigned_integral T>
void append(Bytes& out, T value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof value);
  store_le(out.data() + at, value);
}

inline void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

}  // namespace garrison::service
