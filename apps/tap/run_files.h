// A tap that reads captures instead of ports.
#pragma once

#include <string>
#include <vector>

#include "apps/tap/pipeline.h"
#include "dataplane/base/result.h"

namespace garrison::tap {

// Feeds one or two files to `pipeline`. What is wrong with the files beyond their first frame is in the result, a line
// each: what stands before that was heard.
[[nodiscard]] Result<std::vector<std::string>> run_files(const std::vector<std::string>& paths, Pipeline& pipeline);

}  // namespace garrison::tap
