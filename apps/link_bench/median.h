#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace garrison::link_bench {

// Of one value at least; the upper one of two in the middle. Reorders.
inline double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace garrison::link_bench
