// What the channels of one group share. Owned by ChannelGroup, used on its thread.
#pragma once

#include <limits>

#include "dataplane/base/instant.h"
#include "dataplane/link/channel_config.h"
#include "dataplane/link/channel_group.h"
#include "dataplane/link/growing_ring.h"
#include "dataplane/link/message_table.h"

namespace garrison::link {

struct GroupContext {
  ChannelConfig config;
  LocalEnd self;
  SiteId peer_site;
  SharedPort& port;
  MessageTable messages;
  GrowingRing<Delivered> timely;   // bounded by the slots of the receive slab
  GrowingRing<Delivered> bounded;  // likewise
  Instant last_now = Instant(std::numeric_limits<std::int64_t>::min());

  GrowingRing<Delivered>& delivered(TrafficClass traffic) { return traffic == TrafficClass::timely ? timely : bounded; }
};

}  // namespace garrison::link
