#include "dataplane/link/wide_config.h"

#include <algorithm>
#include <bit>

#include "dataplane/base/check.h"

namespace garrison::link {
namespace {

// A window is worth that many messages of the smallest size that counts.
constexpr std::size_t kSmallMessageBytes = 1024;
constexpr std::size_t kMinWindowMessages = 256;
constexpr std::size_t kMaxWindowMessages = 1024;
// What a site that is cut off can keep of the sender's memory: bringing it the rest is for ordered state.
constexpr std::size_t kQueuedWindows = 4;

std::size_t window_bytes(const WidePath& path, Duration there_and_back) {
  if (path.bytes_per_s == 0) return kMaxWideWindowBytes;
  const auto micros = static_cast<std::uint64_t>(there_and_back.ns()) / 1000;
  const std::uint64_t per_ms = path.bytes_per_s / 1000 + 1;
  return std::clamp<std::uint64_t>(2 * per_ms * (micros / 1000 + 1), kMinWideWindowBytes, kMaxWideWindowBytes);
}

}  // namespace

ChannelConfig wide_channel_config(const WidePath& path) {
  CHECK(path.round_trip > Duration() && path.round_trip <= seconds(10));
  CHECK(path.jitter >= Duration() && path.jitter <= seconds(10));
  ChannelConfig config;
  config.payload_bytes = wire::udp_payload_budget(path.ip_bytes);
  config.timely_copies = path.lossy ? 2 : 1;
  config.ack_delay = std::clamp(path.round_trip / 16, milliseconds(1), milliseconds(5));
  config.ack_every = 16;
  config.reordering = path.jitter;
  config.min_pto = std::max(config.min_pto, path.round_trip + path.jitter * 4 + config.ack_delay);
  config.max_pto = std::max(config.max_pto, config.min_pto * 4);
  config.hello_period = std::max(config.hello_period, path.round_trip + path.jitter);
  config.max_hello_period = std::max(config.max_hello_period, config.hello_period * 4);
  config.window_bytes = window_bytes(path, path.round_trip + path.jitter + config.ack_delay);
  config.window_messages =
      std::bit_ceil(std::clamp(config.window_bytes / kSmallMessageBytes, kMinWindowMessages, kMaxWindowMessages));
  config.queue_messages = kQueuedWindows * config.window_messages;
  config.queue_bytes = kQueuedWindows * config.window_bytes;
  return config;
}

RxSlabPlan plan_wide_rx_slab(std::size_t peers, std::size_t quota_bytes, std::size_t max_message_bytes) {
  CHECK(peers > 0 && quota_bytes >= 2 * max_message_bytes);
  RxSlabPlan plan;
  plan.owners = 2 * peers;
  plan.quota_bytes = quota_bytes;
  std::size_t slot_bytes = kSmallestWideSlot;
  for (; slot_bytes < max_message_bytes; slot_bytes *= kWideSlotStep) {
    plan.classes.push_back({.slot_bytes = slot_bytes, .slots = plan.owners * (quota_bytes / slot_bytes)});
  }
  plan.classes.push_back({.slot_bytes = max_message_bytes, .slots = plan.owners * (quota_bytes / max_message_bytes)});
  return plan;
}

}  // namespace garrison::link
