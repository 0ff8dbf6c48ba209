// Bounds that clients and the reply table of every server must agree on.
#pragma once

#include <cstddef>

namespace garrison::service {

// A client never submits a sequence number this far or further beyond its oldest unanswered one; a server never
// executes further beyond the executed prefix.
inline constexpr std::size_t kClientWindow = 256;

}  // namespace garrison::service
