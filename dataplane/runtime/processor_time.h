// Processor time, for measurements: what else the machine does is not in it.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>

#include "dataplane/base/check.h"
#include "dataplane/base/instant.h"

namespace garrison::runtime {

// Seconds of processor time of the calling thread so far. A system call.
inline double thread_seconds() {
  timespec now{};
  CHECK(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Mean over calls that together take `at_least`. The time is looked at more and more rarely, so that a call that is
// shorter than the look is not measured with it.
template <typename Call>
double seconds_per_call(Duration at_least, Call&& call) {
  std::size_t done = 0;
  double elapsed = 0;
  for (const double start = thread_seconds(); done == 0 || elapsed < at_least.seconds();) {
    for (std::size_t burst = std::max<std::size_t>(1, done / 4); burst > 0; --burst, ++done) call();
    elapsed = thread_seconds() - start;
  }
  return elapsed / static_cast<double>(done);
}

}  // namespace garrison::runtime
