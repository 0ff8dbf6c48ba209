// A tap that reads captures instead of ports.
#pragma once

#include <string>
#include <vector>

#include "apps/tap/account.h"
#include "dataplane/base/result.h"

namespace garrison::tap {

// Feeds one or two files to `account`. What is wrong with the files beyond their first frame is in the result, a line
// each: what stands before that was counted.
[[nodiscard]] Result<std::vector<std::string>> run_files(const std::vector<std::string>& paths, Account& account);

}  // namespace garrison::tap
