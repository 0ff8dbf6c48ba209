// What crosses between the forwarder part of a server and its other parts: handles by value, as handles.h has them.
// They exist only where links of the server's site go over dependable forwarders.
//
//   forwarder ── BundleInbound ──▶ crypto ── verified ──▶ control ── SlotRef ──▶ forwarder    (its receive slab)
//   forwarder ◀── Presentation ── control                                         (send slab, owned by control)
#pragma once

#include <memory>

#include "apps/server/handles.h"
#include "apps/server/limits_of_parts.h"
#include "dataplane/base/queue.h"

namespace garrison::server {

// A LINK-BUNDLE in this server's own name, with what a forwarder says that site `source` has sent. Nothing of it is
// verified.
struct BundleInbound {
  SlotRef slot;
  SiteId source;
  TrafficClass traffic{};
};

// A link message for the forwarders, in the order of the DF sequences.
struct Presentation {
  SlotRef slot;
  SeqNum df_sequence;
  SiteId to;
  TrafficClass traffic{};
};

struct ForwarderQueues {
  std::unique_ptr<Queue<BundleInbound>> received;    // forwarder → crypto
  std::unique_ptr<Queue<SlotRef>> refused;           // crypto → forwarder: slots of messages that did not verify
  std::unique_ptr<Queue<VerifiedInbound>> verified;  // crypto → control
  std::unique_ptr<Queue<SlotRef>> consumed;          // control → forwarder: slots of messages that were processed
  std::unique_ptr<Queue<Presentation>> to_present;   // control → forwarder
  std::unique_ptr<Queue<SlotRef>> presented;         // forwarder → control
};

// Received link messages of one site that are not yet processed.
inline constexpr std::array<SlabClass, 3> kBundleClasses{{{2048, 128}, {16 * 1024, 32}, {64 * 1024, 16}}};
inline constexpr std::size_t kBundleQuotaBytes = std::size_t{1536} * 1024;

}  // namespace garrison::server
