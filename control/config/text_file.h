// Configuration files as text. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "dataplane/base/result.h"

namespace garrison::config {

// At most 1 MiB. The error is one line: "PATH: cannot be read: why; ADVICE".
[[nodiscard]] Result<std::string> read_text_file(const std::string& path, std::string_view advice);

}  // namespace garrison::config
