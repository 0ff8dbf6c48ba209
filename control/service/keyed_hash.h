// SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012): a keyed hash for tables whose keys
// clients choose. Without the key a client cannot make its keys collide. Nothing outside a table depends on it.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/base/bytes.h"

namespace garrison::service {

std::uint64_t sip_hash_13(const std::array<std::uint64_t, 2>& key, ByteView bytes);

}  // namespace garrison::service
