// Bounds and times of the channels between servers. The defaults are those of a LAN; wide_config.h makes others.
//
// Both ends of a channel run with the same values: a receiver holds the window that its sender uses.
#pragma once

#include <cstddef>
#include <vector>

#include "dataplane/base/bounds.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/slab.h"
#include "dataplane/wire/frame.h"

namespace garrison::link {

struct ChannelConfig {
  // Longest UDP payload, header and tag included. At most kMaxFrameBytes - kEncapsulationBytes.
  std::size_t payload_bytes = wire::udp_payload_budget(kDefaultPathIpBytes);
  std::size_t max_message_bytes = kMaxMessageBytes;

  // BOUNDED, per peer. What may be sent and not yet acknowledged ...
  std::size_t window_messages = 256;      // a power of two
  std::size_t window_bytes = 256 * 1024;  // message bytes
  // ... and what may wait in all, the window included. One more marks the peer lagging.
  std::size_t queue_messages = 4096;  // a power of two, at least window_messages
  std::size_t queue_bytes = 16 * 1024 * 1024;

  // TIMELY, per peer. A full queue gives up its oldest message.
  std::size_t timely_queue_messages = 64;
  std::size_t timely_copies = 1;      // 2 on paths that lose packets
  std::size_t timely_reassembly = 4;  // messages being reassembled at once

  // Acknowledgement: at the latest after ack_delay, at once after ack_every frames.
  Duration ack_delay = milliseconds(1);
  std::size_t ack_every = 8;

  // By how much frames of one path may overtake each other. 0: none do, so a gap is a loss, and told at once.
  Duration reordering;

  // Retransmission without word from the peer: srtt + 4 rttvar + ack_delay within these bounds, doubling.
  Duration min_pto = milliseconds(20);
  Duration max_pto = seconds(1);

  // HELLO while there is no session, doubling from the first to the second. So long may two servers that can hear each
  // other again go without one, and a site of 3f + 1 with f faulty ones can spare no other.
  Duration hello_period = milliseconds(20);
  Duration max_hello_period = milliseconds(100);
};

// Sizes of a receive slab for `peers` peers, such that whatever one of them sends or leaves unfinished cannot keep
// another one from receiving: an owner per peer and lane, each with `quota_bytes`, and so many slots of the largest
// class that every owner may fill its quota with them. `quota_bytes` per owner is memory that is really reserved; at
// least two largest messages.
struct RxSlabPlan {
  std::vector<SlabClass> classes;
  std::size_t owners = 0;
  std::size_t quota_bytes = 0;
};
[[nodiscard]] RxSlabPlan plan_rx_slab(const ChannelConfig& config, std::size_t peers, std::size_t quota_bytes);

}  // namespace garrison::link
