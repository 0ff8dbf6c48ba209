// Smoothed round-trip time and the retransmission timeout (RFC 6298, RFC 9002 section 5), in integers.
#pragma once

#include <algorithm>

#include "dataplane/base/instant.h"

namespace garrison::link {

class RoundTrip {
 public:
  RoundTrip(Duration min_timeout, Duration max_timeout, Duration ack_delay, Duration reordering)
      : min_timeout_(min_timeout), max_timeout_(max_timeout), ack_delay_(ack_delay), reordering_(reordering) {}

  void reset() { srtt_ = rttvar_ = Duration(); }

  void sample(Duration rtt) {
    if (srtt_ == Duration()) {
      srtt_ = rtt;
      rttvar_ = rtt / 2;
      return;
    }
    const Duration error = rtt > srtt_ ? rtt - srtt_ : srtt_ - rtt;
    rttvar_ = (rttvar_ * 3 + error) / 4;
    srtt_ = (srtt_ * 7 + rtt) / 8;
  }

  [[nodiscard]] Duration smoothed() const { return srtt_; }

  [[nodiscard]] Duration timeout(unsigned doublings) const {
    const Duration base = std::max(min_timeout_, srtt_ + rttvar_ * 4 + ack_delay_);
    return std::min(max_timeout_, base * (std::int64_t{1} << std::min(doublings, 20U)));
  }

  // How long after it was sent a frame is given, although later frames have arrived: where the path reorders, as long
  // as it may be late. And where its content was sent `tries` times already: a receiver that has no memory for it now
  // would otherwise be sent it at the rate of the network.
  [[nodiscard]] Duration patience(unsigned tries) const {
    const Duration late = reordering_ == Duration() ? Duration() : srtt_ + reordering_;
    if (tries <= 1) return late;
    return std::max(late, std::min(timeout(0), (srtt_ * 2) * (std::int64_t{1} << std::min(tries - 1, 20U))));
  }

 private:
  Duration min_timeout_;
  Duration max_timeout_;
  Duration ack_delay_;
  Duration reordering_;
  Duration srtt_;
  Duration rttvar_;
};

}  // namespace garrison::link
