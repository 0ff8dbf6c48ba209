#include "control/config/timing.h"

#include <gtest/gtest.h>

namespace garrison::config {
namespace {

// [PRIME] 6: 6 L*_bounded + 2 K_Lat L*_timely + Delta_agg of PO-SUMMARY and SUMMARY-MATRIX + Delta_pp, and PO-REQUEST
// and PO-ACK that collect several.
TEST(TimingTest, local_ordering_waits_for_every_period_once_and_for_the_slowest_leader) {
  PrimeSettings local;
  local.po_request_period = milliseconds(1);
  local.po_summary_period = milliseconds(10);
  local.summary_matrix_period = milliseconds(100);
  local.delta_pp = milliseconds(1000);
  local.k_lat = 3;
  EXPECT_EQ(local_ordering_bound(local), kLocalLatency * 6 + kLocalLatency * 6 + milliseconds(1112));
}

TEST(TimingTest, global_bounds_follow_from_the_tick_and_from_local_ordering) {
  const PrimeSettings local;
  GlobalSettings global;
  global.site_clock_tick = milliseconds(7);
  global.site_clock_rest = milliseconds(9);
  global.sign_period = milliseconds(30);
  global.prime.pre_prepare_period = milliseconds(100);
  const Duration step = milliseconds(7) + local_ordering_bound(local);
  const GlobalBounds bounds = global_bounds(global, local);
  EXPECT_EQ(bounds.step, step);
  EXPECT_EQ(bounds.clock_bound, (milliseconds(9) + local_ordering_bound(local)) * 4);
  EXPECT_EQ(bounds.delta_pp, milliseconds(130) + step * 2);
}

}  // namespace
}  // namespace garrison::config
