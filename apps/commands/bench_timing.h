// How measurements of single operations are timed.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "dataplane/base/check.h"
#include "dataplane/base/instant.h"

namespace garrison::apps {

inline constexpr std::size_t kRounds = 9;

// Processor time of the calling thread: what else the machine does is not measured.
inline double thread_seconds() {
  timespec now{};
  CHECK(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Microseconds per call of operation(i): the median of several rounds that together take `budget`.
template <typename Operation>
double measure_us(Duration budget, Operation&& operation) {
  const double per_round = budget.seconds() / kRounds;
  std::vector<double> rounds(kRounds);
  std::size_t calls = 0;
  operation(calls++);  // the first one fills caches
  for (double& round : rounds) {
    std::size_t done = 0;
    double elapsed = 0;
    for (const double start = thread_seconds(); done == 0 || elapsed < per_round;) {
      for (std::size_t burst = std::max<std::size_t>(1, done / 4); burst > 0; --burst, ++done) operation(calls++);
      elapsed = thread_seconds() - start;
    }
    round = elapsed * 1e6 / static_cast<double>(done);
  }
  std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
  return rounds[kRounds / 2];
}

}  // namespace garrison::apps
