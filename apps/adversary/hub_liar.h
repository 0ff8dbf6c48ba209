// A faulty server on the hub of its site [ARCH] 4.2: what it does wrong with the parts that it sends, and with what it
// puts on the hub. Stands between the server's Member and what carries out its wishes, and between its port and the
// hub; a greedy one may stand at a port on any network.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "control/site/member.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/instant.h"

namespace garrison::adversary {

enum class HubLie : std::uint8_t {
  silent,  // in the first set, it does not send
  eager,   // in the second set, it sends at once
  late,    // it sends its parts long after it should
  forged,  // frames in the names of all others of its site go before each of its own
  unsent,  // its parts are heard on the hub and never leave the site
  greedy,  // all its frames are marked TIMELY, and it sends them again as fast as its uplink takes them
};
[[nodiscard]] std::string_view name(HubLie lie);
[[nodiscard]] std::optional<HubLie> hub_lie(std::string_view name);

class HubLiar {
 public:
  // `servers` of its site; `late_by` of the late one. It lies in the first half of each period; zero: always.
  HubLiar(HubLie lie, std::size_t servers, Duration period = Duration(), Duration late_by = milliseconds(100))
      : lie_(lie), servers_(servers), period_(period), late_by_(late_by) {}

  // What the member wants done, before it is.
  void tamper(Instant now, site::Member::Outputs& outputs);

  // An Ethernet frame that leaves its port: others that it sends first, and whether this one leaves the site.
  struct OnHub {
    std::vector<Bytes> before;
    bool leaves = true;
    std::optional<Bytes> again{};  // what it then sends again and again
  };
  [[nodiscard]] OnHub on_frame(ByteView frame);

  [[nodiscard]] std::uint64_t acted() const { return acted_; }

 private:
  struct HeldBack {
    Instant until;
    site::Member::SendPart part;
  };
  HubLie lie_;
  std::size_t servers_;
  Duration period_;
  Duration late_by_;
  bool lies_ = true;  // now
  std::deque<HeldBack> held_back_;
  std::uint64_t acted_ = 0;
};

}  // namespace garrison::adversary
