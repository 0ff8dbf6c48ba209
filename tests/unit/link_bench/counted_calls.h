// Counts what this program's code calls of the allocator and of locks, while it is told to. Per thread.
#pragma once

#include <cstdint>

namespace garrison::link_bench {

struct Calls {
  std::uint64_t allocations = 0;  // and frees
  std::uint64_t locks = 0;
};
void start_counting();
Calls stop_counting();

}  // namespace garrison::link_bench
