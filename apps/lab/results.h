// The results of an experiment as files: CSV and plots.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/lab/experiment_run.h"
#include "dataplane/base/result.h"

namespace garrison::lab {

// One line per point, with a head line. Fields need no quotes.
[[nodiscard]] std::string to_csv(const std::vector<Point>& points);
// Over the number of clients, with the paper's points and the limit.
[[nodiscard]] std::string throughput_svg(const Experiment& experiment, const std::vector<Point>& points);
[[nodiscard]] std::string latency_svg(const Experiment& experiment, const std::vector<Point>& points);

// Whole or not at all: written beside `path` first.
[[nodiscard]] Result<void> write_file(const std::string& path, std::string_view text);

}  // namespace garrison::lab
