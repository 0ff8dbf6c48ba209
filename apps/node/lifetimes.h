// A server whose promises are not on disk must not come back: it could break what it promised before. This keeps a
// note of every server that ever ran, beside its keys, and refuses a second life.
#pragma once

#include <string>

#include "dataplane/base/ids.h"
#include "dataplane/base/result.h"

namespace garrison::node {

// Notes that `server` runs under key epoch `epoch` of `system`; refuses when the note is there already. The note is
// durable before this returns.
[[nodiscard]] Result<void> begin_life(const std::string& state_directory, const std::string& server, SystemId system,
                                      KeyEpoch epoch);

}  // namespace garrison::node
