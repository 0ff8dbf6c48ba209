// A faulty server on the blink links of its site [CUST] 5.1: what it does wrong as a forwarder and as a peer. Stands
// between the server's Member and what carries out its wishes; the Member inside stays consistent.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string_view>

#include "control/site/member.h"
#include "dataplane/base/instant.h"

namespace garrison::adversary {

enum class BlinkLie : std::uint8_t {
  drop,         // as the forwarder, it sends no link messages
  drop_timely,  // none of the TIMELY class
  withhold,     // as the peer, it introduces nothing and passes on no acknowledgement
  spurious,     // whoever is in office, it sends and introduces again and again what was sent and introduced before
  late,         // as the forwarder, it sends one link message of each class per timeout, just in time to stay in office
};
[[nodiscard]] std::string_view name(BlinkLie lie);
[[nodiscard]] std::optional<BlinkLie> blink_lie(std::string_view name);

class BlinkLiar {
 public:
  // `hold`: for so long the late one keeps what it might send.
  explicit BlinkLiar(BlinkLie lie, Duration hold = milliseconds(1000)) : lie_(lie), hold_(hold) {}

  // What the member wants done, before it is.
  void tamper(Instant now, site::Member::Outputs& outputs);

  [[nodiscard]] std::uint64_t acted() const { return acted_; }

 private:
  using Send = site::Member::SendUncoded;
  struct HeldBack {
    std::deque<Send> bounded;
    std::optional<Send> timely;  // the newest
    Instant until;
  };
  void hold_back(Instant now, std::vector<Send>& sends);
  void repeat(site::Member::Outputs& outputs);

  BlinkLie lie_;
  Duration hold_;
  std::map<SiteId, HeldBack> held_back_;
  std::deque<Send> sent_;         // the last few
  std::deque<Bytes> introduced_;  // likewise
  std::uint64_t acted_ = 0;
};

}  // namespace garrison::adversary
