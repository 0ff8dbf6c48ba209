// What crosses between the wan part of a server and its other parts: handles by value, as handles.h has them for the
// LAN. They exist only where there are several sites.
//
//   wan ── WanInbound ──▶ crypto ── verified ──▶ control ── SlotRef ──▶ wan   (wide-area receive slab, owned by wan)
//   wan ◀── WanOutbound ── control                                            (send slab, owned by control)
//   wan ── WanInbound of this site ──▶ crypto ── Overheard ──▶ wan            (wide-area receive slab)
//   wan ◀── LinkNews ── control
//
// A slot goes back to the slab that it is of: wan's is the one of every message that came as a WanInbound. The last two
// are of hub links: parts of its own site that a server has overheard are verified and go no further.
#pragma once

#include <cstddef>
#include <memory>

#include "apps/server/limits_of_parts.h"
#include "dataplane/base/bytes.h"
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
  Digest says{};  // of a part that was overheard: what its sender has to have signed
};

// For servers of one site, peers of this one. The slot comes back once, when none of them needs it. On the hub: a
// LINK-PART and behind it `parts` digests, of what each server of the site signs (site::Member::OnHub).
struct WanOutbound {
  SlotRef slot;
  SiteId to_site;
  ServerSet to;
  TrafficClass traffic{};
  std::uint8_t parts = 0;  // 0: not on the hub
  ServerSet first_set{};
  bool again = false;
  SeqNum sequence{};
};

struct Overheard {
  SlotRef slot;
  bool good = false;  // it says what it has to, and its signature is its sender's
};

// What the site's machine has learnt of another site, or of its own: BOUNDED link messages executed there, and servers
// of it that are convicted.
struct LinkNews {
  SiteId of;
  SeqNum executed;
  ServerSet convicted;
};

// Servers of this site that miss their turns on the hub link to another one, as far as its wan part can tell.
struct DutyNews {
  SiteId to;
  ServerSet missed;
};

struct WanQueues {
  std::unique_ptr<Queue<WanInbound>> received_timely;   // wan → crypto
  std::unique_ptr<Queue<WanInbound>> received_bounded;  // wan → crypto
  std::unique_ptr<Queue<SlotRef>> refused;              // crypto → wan: slots of messages that did not verify
  std::unique_ptr<Queue<SlotRef>> consumed;             // control → wan: slots of messages that were processed
  std::unique_ptr<Queue<WanOutbound>> to_send;          // control → wan
  std::unique_ptr<Queue<SlotRef>> sent;                 // wan → control
  std::unique_ptr<Queue<Overheard>> overheard;          // crypto → wan
  std::unique_ptr<Queue<LinkNews>> news;                // control → wan
  std::unique_ptr<Queue<DutyNews>> duties;              // wan → control
};

}  // namespace garrison::server
