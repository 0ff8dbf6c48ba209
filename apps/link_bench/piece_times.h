// How long something takes of which much is to be done, on a machine that does other things, too. Short pieces are
// timed, and of those that stand at about the same place the median counts: what else the machine does meanwhile does
// not. Their places matter because messages complete towards the end. One thread.
#pragma once

#include <rte_cycles.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "apps/link_bench/median.h"
#include "dataplane/base/instant.h"
#include "dataplane/runtime/clock.h"

namespace garrison::link_bench {

class PieceTimes {
 public:
  struct Range {
    std::size_t from;
    std::size_t to;
  };
  // In each measurement so long, of pieces of so many.
  PieceTimes(Duration per_measurement, std::size_t piece) : per_measurement_(per_measurement), piece_(piece) {}

  // Nanoseconds per one of `total`: call(range) for all of them, again and again, each time behind begin_round(), which
  // is not timed.
  template <typename BeginRound, typename Call>
  double ns_each(std::size_t total, BeginRound&& begin_round, Call&& call) {
    for (std::vector<double>& times : times_) times.clear();
    const Instant end = clock_.now() + per_measurement_;
    const double ns_per_tick = 1e9 / static_cast<double>(rte_get_tsc_hz());
    const std::size_t pieces = (total + piece_ - 1) / piece_;
    const std::size_t places = std::min(pieces, times_.size());
    do {
      begin_round();
      for (std::size_t piece = 0; piece < pieces; ++piece) {
        const Range range{piece * piece_, std::min((piece + 1) * piece_, total)};
        go_on();
        call(range);
        pause();
        times_[piece * places / pieces].push_back(static_cast<double>(std::exchange(ticks_, 0)) * ns_per_tick /
                                                  static_cast<double>(range.to - range.from));
      }
    } while (clock_.now() < end);
    double sum = 0;
    for (std::size_t place = 0; place < places; ++place) sum += median(times_[place]);
    return sum / static_cast<double>(places);
  }

  // Within call(): what stands between the two is not timed.
  void pause() { ticks_ += rte_rdtsc_precise() - last_; }
  void go_on() { last_ = rte_rdtsc_precise(); }

 private:
  Duration per_measurement_;
  std::size_t piece_;
  runtime::Clock clock_;
  std::array<std::vector<double>, 20> times_;  // by place
  std::uint64_t last_ = 0;                     // ticks of the time stamp counter
  std::uint64_t ticks_ = 0;
};

}  // namespace garrison::link_bench
