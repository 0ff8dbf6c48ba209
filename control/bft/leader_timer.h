// How long a server waits for the leader [PRIME] 2: one timer, for the first update of its queue or for the NEW-VIEW.
#pragma once

#include <algorithm>

#include "control/bft/bft_config.h"

namespace garrison::bft {

class LeaderTimer {
 public:
  explicit LeaderTimer(const BftConfig& config) : config_(config), timeout_(config.timeout) {}

  [[nodiscard]] bool runs() const { return deadline_ != Instant::never(); }
  [[nodiscard]] bool expired(Instant now) const { return now >= deadline_; }
  [[nodiscard]] Instant deadline() const { return deadline_; }
  [[nodiscard]] Duration timeout() const { return timeout_; }
  // For how long it has run.
  [[nodiscard]] Duration waited(Instant now) const { return runs() ? timeout_ - (deadline_ - now) : Duration(); }

  void restart(Instant now) { deadline_ = now + timeout_; }
  void stop() { deadline_ = Instant::never(); }

  // A view change occurs.
  void lengthen() {
    timeout_ = std::min(timeout_ * 2, config_.timeout * (std::int64_t{1} << kMaxDoublings));
    stop();
  }
  // The first update of the queue has been executed.
  void progress() {
    if (!config_.keep_timeout) timeout_ = config_.timeout;
  }

 private:
  const BftConfig& config_;
  Duration timeout_;
  Instant deadline_ = Instant::never();
};

}  // namespace garrison::bft
