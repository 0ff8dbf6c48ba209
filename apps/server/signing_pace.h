// When a server signs next. Each signature costs every other server of the site one to verify: with processors to spare
// they are made at once, and the busier this one is, the longer it waits, so that more messages share one signature.
// All servers of a site have much the same to do, so that each can go by its own load.
#pragma once

#include <algorithm>

#include "dataplane/base/instant.h"

namespace garrison::server {

class SigningPace {
 public:
  // `longest`: between two signatures when there is no time left at all.
  explicit SigningPace(Duration longest) : longest_(longest) {}

  // Before each round of work, with its time; worked() after it. A round lasts until the next one begins.
  void on_round(Instant now) {
    const std::int64_t passed = std::clamp<std::int64_t>((now - round_at_).ns(), 0, kOver.ns());
    load_ += ((worked_ ? kWhole : 0) - load_) * passed / kOver.ns();
    round_at_ = now;
  }
  void worked(bool any) { worked_ = any; }

  void on_signed(Instant now) { signed_at_ = now; }
  [[nodiscard]] Instant next() const {
    constexpr std::int64_t kFree = kWhole / 4 * 3;
    return signed_at_ + Duration(longest_.ns() * std::max<std::int64_t>(0, load_ - kFree) / (kWhole - kFree));
  }

 private:
  static constexpr Duration kOver = milliseconds(20);
  static constexpr std::int64_t kWhole = std::int64_t{1} << 30U;

  Duration longest_;
  Instant round_at_;
  Instant signed_at_;
  std::int64_t load_ = 0;  // the share of the last kOver that was spent with work, of kWhole
  bool worked_ = false;
};

}  // namespace garrison::server
