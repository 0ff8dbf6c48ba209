// ChannelConfig for a path between sites, from what is known of the path. Both ends compute the same from the same.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/base/bounds.h"
#include "dataplane/base/instant.h"
#include "dataplane/link/channel_config.h"

namespace garrison::link {

struct WidePath {
  std::uint64_t bytes_per_s = 0;  // what one server may send into it; 0: no limit
  Duration round_trip = milliseconds(100);
  Duration jitter = milliseconds(10);  // by how much a round trip may be longer
  std::size_t ip_bytes = kDefaultPathIpBytes;
  bool lossy = false;
};

// Window: twice what the path holds in a round trip, so that a loss does not empty it, within these bounds.
inline constexpr std::size_t kMinWideWindowBytes = 2 * kMaxMessageBytes;
inline constexpr std::size_t kMaxWideWindowBytes = std::size_t{8} << 20U;

// Frames are lost when they are later than the jitter explains, not when they are overtaken; nothing is sent again
// before a round trip and four times its variation are over. Acknowledgements cost bytes that are dear here, and are
// fewer than on a LAN.
[[nodiscard]] ChannelConfig wide_channel_config(const WidePath& path);

// Receive slots of wide-area channels: on a long path a whole window waits behind one lost frame.
inline constexpr std::size_t kSmallestWideSlot = 2048;
inline constexpr std::size_t kWideSlotStep = 4;  // from one class to the next

// Quota, per peer and lane, that holds a window of messages of any sizes: each in a slot of at most kWideSlotStep times
// its size, or the smallest.
[[nodiscard]] constexpr std::size_t wide_quota_bytes(const ChannelConfig& config) {
  return kWideSlotStep * config.window_bytes + kSmallestWideSlot * config.window_messages +
         2 * config.max_message_bytes;
}

// For `peers` peers, of whose channels these are the largest quota and message. Every class alone holds all quotas, so
// no mix of sizes takes large slots for small messages. What is never used is address space only.
[[nodiscard]] RxSlabPlan plan_wide_rx_slab(std::size_t peers, std::size_t quota_bytes, std::size_t max_message_bytes);

}  // namespace garrison::link
