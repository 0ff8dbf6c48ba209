// Pacer: spreads what a port sends to a rate, a token bucket kept as one instant.
//
// Over any span the port sends at most rate * span + burst + one frame: a frame may leave while any of the bucket is
// left. A rate of zero is none. Pure; one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "dataplane/base/check.h"
#include "dataplane/base/instant.h"

namespace garrison::link {

class Pacer {
 public:
  struct Config {
    std::uint64_t bytes_per_s = 0;  // of whole Ethernet frames; 0: no limit
    std::size_t burst_bytes = 4 * 1500;
  };
  explicit Pacer(const Config& config) : bytes_per_s_(config.bytes_per_s) {
    CHECK(bytes_per_s_ == 0 || config.burst_bytes > 0);
    if (bytes_per_s_ != 0) burst_ = time_of(config.burst_bytes);
  }

  // When the next frame may leave; long ago: at once.
  [[nodiscard]] Instant next() const { return next_; }

  void on_sent(Instant now, std::size_t bytes) {
    if (bytes_per_s_ != 0) next_ = std::max(next_, now - burst_) + time_of(bytes);
  }

 private:
  // Rounded up: never above the rate.
  [[nodiscard]] Duration time_of(std::size_t bytes) const {
    return Duration(
        static_cast<std::int64_t>((bytes * std::uint64_t{1'000'000'000} + bytes_per_s_ - 1) / bytes_per_s_));
  }

  std::uint64_t bytes_per_s_;
  Duration burst_;
  Instant next_ = Instant(std::numeric_limits<std::int64_t>::min());
};

}  // namespace garrison::link
