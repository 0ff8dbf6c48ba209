// Runs slow jobs on all cores and reports their progress where it was called.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "dataplane/base/result.h"

namespace garrison::config {

using Job = std::function<Result<void>()>;
// Called on the calling thread.
using JobProgress = std::function<void(std::size_t done, std::size_t total)>;

// Jobs start in their order and touch nothing in common. The first error, after which no further job starts.
[[nodiscard]] Result<void> run_jobs(const std::vector<Job>& jobs, const JobProgress& progress);

}  // namespace garrison::config
