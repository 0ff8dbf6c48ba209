// The words of an inline command: separated by white space, with "double quotes" (\n \r \t \b \a \\ \" \xHH) and
// 'single quotes' (\'), as Redis reads them. Pure.
#pragma once

#include <optional>
#include <vector>

#include "dataplane/base/bytes.h"

namespace garrison::gateway {

// None when a quote is not closed, or is followed by something other than white space.
[[nodiscard]] std::optional<std::vector<Bytes>> inline_words(ByteView line);

}  // namespace garrison::gateway
