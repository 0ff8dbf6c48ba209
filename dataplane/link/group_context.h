// What the channels of one group share. Owned by ChannelGroup, used on its thread.
#pragma once

#include <cstdint>
#include <limits>

#include "dataplane/base/drops.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/slab.h"
#include "dataplane/link/channel_config.h"
#include "dataplane/link/channel_group.h"
#include "dataplane/link/growing_ring.h"
#include "dataplane/link/message_table.h"

namespace garrison::link {

struct GroupContext {
  ChannelConfig config;
  SystemId system;
  SiteId site;
  ServerId self;
  Incarnation mine;
  std::size_t servers;
  Slab& rx_slab;
  DropCounters& drops;
  MessageTable messages;
  GrowingRing<Delivered> timely;   // bounded by the slots of rx_slab
  GrowingRing<Delivered> bounded;  // likewise
  std::uint64_t port_sequence = 0;
  Instant last_now = Instant(std::numeric_limits<std::int64_t>::min());

  GrowingRing<Delivered>& delivered(TrafficClass traffic) { return traffic == TrafficClass::timely ? timely : bounded; }
};

}  // namespace garrison::link
