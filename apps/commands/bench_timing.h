// How measurements of single operations are timed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/base/instant.h"
#include "dataplane/runtime/processor_time.h"

namespace garrison::apps {

inline constexpr std::int64_t kRounds = 9;

// Microseconds per call of operation(i): the median of several rounds that together take `budget`.
template <typename Operation>
double measure_us(Duration budget, Operation&& operation) {
  std::vector<double> rounds(kRounds);
  std::size_t calls = 0;
  operation(calls++);  // the first one fills caches
  for (double& round : rounds) {
    round = 1e6 * runtime::seconds_per_call(budget / kRounds, [&] { operation(calls++); });
  }
  std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
  return rounds[kRounds / 2];
}

}  // namespace garrison::apps
