#include "control/config/timing.h"

#include <algorithm>

namespace garrison::config {

Duration local_ordering_bound(const PrimeSettings& local) {
  const Duration rounds = kLocalLatency * 6 + kLocalLatency * (2 * std::int64_t{local.k_lat});
  const Duration preordering = local.po_request_period * 2 + local.po_summary_period + local.summary_matrix_period;
  return rounds + preordering + local.delta_pp;
}

GlobalBounds global_bounds(const GlobalSettings& global, const PrimeSettings& local) {
  const Duration step = global.site_clock_tick + local_ordering_bound(local);
  return {.step = step,
          .clock_bound = (global.site_clock_rest + local_ordering_bound(local)) * 4,
          .delta_pp = global.prime.pre_prepare_period + global.sign_period + step * 2};
}

Duration blink_timeout_bound(const Topology& topology, const WanPair& pair) {
  const Duration ordered = local_ordering_bound(topology.prime);
  const Duration said = topology.global.sign_period + topology.global.site_clock_tick + ordered;
  const std::size_t f = std::max(topology.site(pair.first).f, topology.site(pair.second).f);
  return (pair.delay + said) * 2 + kAcknowledgeAfter + ordered * static_cast<std::int64_t>(f + 2);
}

}  // namespace garrison::config
