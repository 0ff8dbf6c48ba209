// Bounds that clients and every server must agree on.
#pragma once

#include <cstddef>

#include "dataplane/base/instant.h"

namespace garrison::service {

// A client never submits a sequence number this far or further beyond its oldest unanswered one; a server never
// executes further beyond the executed prefix.
inline constexpr std::size_t kClientWindow = 256;

// Queries that a client has under way within its site (docs/adr/0014), and how long a server keeps one that asks for a
// state which it has not reached.
inline constexpr std::size_t kQueryWindow = 64;
inline constexpr Duration kQueryWait = milliseconds(50);

}  // namespace garrison::service
