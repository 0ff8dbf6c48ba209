// What durations of the local and of the global protocol must be to each other. Pure; any thread.
#pragma once

#include "control/config/topology.h"

namespace garrison::config {

// The longest that a message takes inside a site, from one server that wants it signed and sent to another that hears
// it. An assumption: nothing in a topology says it.
inline constexpr Duration kLocalLatency = milliseconds(1);

// How long the servers of a site take, at worst, to order an event that a correct one introduces while the leader is
// as slow as it may be: the bound of [PRIME] 6, beta = 6 L*_bounded + 2 K_Lat L*_timely + 3 Delta_agg, with the waits
// for PO-REQUEST and PO-ACK that collect several.
[[nodiscard]] Duration local_ordering_bound(const PrimeSettings& local);

// What a site must allow for, beyond its own ordering, before another server's tick is taken for a false one, and
// before the leader site's next PRE-PREPARE is late.
struct GlobalBounds {
  Duration step;         // by which the site clock may be late when it is waited for: a tick introduced just too late
  Duration clock_bound;  // the least B: four times what it may advance by at once when it is not
  Duration delta_pp;     // the least Delta_pp: a period, and what two sites' clocks and signing add to it
};
[[nodiscard]] GlobalBounds global_bounds(const GlobalSettings& global, const PrimeSettings& local);

// An acknowledgement that a site owes another one is said no later: the granularity of its timer.
inline constexpr Duration kAcknowledgeAfter = milliseconds(250);

// The least timeout of a blink link, [CUST] 7: L + (f + 2) T_local. L is the way there and back, both sites' saying
// what they say, and the acknowledgement timer; T_local is how long a local ordering takes when the leader is as slow
// as it may be. Where a topology does not say how long the way is, it is not counted.
[[nodiscard]] Duration blink_timeout_bound(const Topology& topology, const WanPair& pair);

}  // namespace garrison::config
