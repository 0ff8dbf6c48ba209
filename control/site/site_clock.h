// The site clock: a time that every server of a site agrees on, because it follows from the ticks in local order.
//
// The clock is the (f + 1)-th highest of the servers' latest ticks: at least one correct server's clock is not below
// it and at least one is not above it, so f faulty servers can neither push nor hold it, and it only moves forward.
// Ticks come in each server's own time. The first one of a server is taken for the clock's time at that place of the
// order, and fixes what is added to its later ones. A later one that strays from the clock by more than `bound` is
// taken for the edge it has passed, and fixes the addition anew: never for the clock itself, or servers that are ahead
// and behind by turns would ratchet it.
//
// A state machine without time of its own; every server of the site feeds it the same ticks in the same order.
#pragma once

#include <optional>
#include <vector>

#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/state_fields.h"

namespace garrison::site {

class SiteClock {
 public:
  // n servers, f of them faulty. `bound` is at least four times the tick period and the longest local ordering.
  SiteClock(std::size_t n, std::size_t f, Duration bound);

  // The tick of `server` (below n), when it is executed. One that is not higher than that server's last does not
  // count.
  void on_tick(ServerId server, Instant clock);

  // From zero, when f + 1 servers have ticked first.
  [[nodiscard]] Instant now() const { return now_; }

  // What `server` reads on its own clock when that is worth `time` as a tick; at once when its first tick is still to
  // come.
  [[nodiscard]] Instant own_time(ServerId server, Instant time) const;

  STATE_FIELDS(f_, bound_, servers_, now_)

 private:
  struct Server {
    bool known = false;
    Instant last;       // its own time
    Duration addition;  // from its time to the clock's
    STATE_FIELDS(known, last, addition)
  };
  [[nodiscard]] Instant at(const Server& server) const { return server.last + server.addition; }

  std::size_t f_;
  Duration bound_;
  std::vector<Server> servers_;
  Instant now_;
};

}  // namespace garrison::site
