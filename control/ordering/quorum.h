// The one place where a quorum is computed.
#pragma once

#include <cstddef>

namespace garrison::ordering {

// Any two quorums of n participants share a correct one, and n - f correct ones make a quorum, for n >= 3f + 1:
// ceil((n + f + 1) / 2), which is the papers' 2f + 1 when n = 3f + 1.
[[nodiscard]] constexpr std::size_t quorum(std::size_t n, std::size_t f) { return (n + f + 2) / 2; }

static_assert(quorum(4, 1) == 3 && quorum(7, 2) == 5 && quorum(16, 5) == 11);
static_assert(quorum(5, 1) == 4 && quorum(6, 1) == 4 && quorum(2, 0) == 2 && quorum(1, 0) == 1);

}  // namespace garrison::ordering
