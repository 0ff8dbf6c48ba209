// The clock of the client library's shells.
#pragma once

#include <chrono>

#include "dataplane/base/instant.h"

namespace garrison::client {

inline Instant steady_now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return Instant(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

}  // namespace garrison::client
