// How long a faulty forwarder on a blink link may keep a link message and stay in office.
#pragma once

#include <algorithm>

#include "control/config/timing.h"

namespace garrison::lab {

// As long as the acknowledgement comes in time even when all that happens to it takes as long as it may.
[[nodiscard]] inline Duration blink_hold(const config::Topology& topology) {
  Duration longest;
  for (const config::WanPair& pair : topology.wan.pairs) {
    longest = std::max(longest, config::blink_timeout_bound(topology, pair));
  }
  return std::max(topology.wan.blink_timeout - longest, Duration());
}

}  // namespace garrison::lab
