// What crosses between the wan part of a server and its other parts: handles by value, as handles.h has them for the
// LAN. They exist only where there are several sites.
//
//   wan ── WanInbound ──▶ crypto ── verified ──▶ control ── SlotRef ──▶ wan   (wide-area receive slab, owned by wan)
//   wan ◀── WanOutbound ── control                                            (send slab, owned by control)
//
// A slot goes back to the slab that it is of: wan's is the one of every message that came as a WanInbound.
#pragma once

#include <cstddef>
#include <memory>

#include "apps/server/limits_of_parts.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/queue.h"
#include "dataplane/base/server_set.h"
#include "dataplane/base/slab.h"
#include "dataplane/base/traffic.h"

namespace garrison::server {

struct WanInbound {
  SlotRef slot;
  SiteId from_site;
  ServerId from;
  TrafficClass traffic{};
};

// For servers of one site, peers of this one. The slot comes back once, when none of them needs it.
struct WanOutbound {
  SlotRef slot;
  SiteId to_site;
  ServerSet to;
  TrafficClass traffic{};
};

struct WanQueues {
  std::unique_ptr<Queue<WanInbound>> received_timely;   // wan → crypto
  std::unique_ptr<Queue<WanInbound>> received_bounded;  // wan → crypto
  std::unique_ptr<Queue<SlotRef>> refused;              // crypto → wan: slots of messages that did not verify
  std::unique_ptr<Queue<SlotRef>> consumed;             // control → wan: slots of messages that were processed
  std::unique_ptr<Queue<WanOutbound>> to_send;          // control → wan
  std::unique_ptr<Queue<SlotRef>> sent;                 // wan → control
};

}  // namespace garrison::server
