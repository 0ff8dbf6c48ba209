#include "control/site/site_clock.h"

#include <algorithm>
#include <functional>

#include "dataplane/base/check.h"

namespace garrison::site {

SiteClock::SiteClock(std::size_t n, std::size_t f, Duration bound) : f_(f), bound_(bound), servers_(n) {
  CHECK(n > f && bound > Duration());
}

void SiteClock::on_tick(ServerId id, Instant clock) {
  CHECK(id.index() < servers_.size());
  Server& server = servers_[id.index()];
  if (server.known && clock <= server.last) return;
  if (!server.known) server.addition = now_ - clock;
  server.known = true;
  server.last = clock;
  const Instant edge = std::clamp(at(server), now_ - bound_, now_ + bound_);
  if (at(server) != edge) server.addition = edge - clock;

  std::vector<Instant> ticks;
  for (const Server& each : servers_) {
    if (each.known) ticks.push_back(at(each));
  }
  if (ticks.size() <= f_) return;
  const auto nth = ticks.begin() + static_cast<std::ptrdiff_t>(f_);
  std::nth_element(ticks.begin(), nth, ticks.end(), std::greater<>());
  now_ = std::max(now_, *nth);
}

Instant SiteClock::own_time(ServerId id, Instant time) const {
  const Server& server = servers_[id.index()];
  if (!server.known) return Instant();
  return time == Instant::never() ? time : time - server.addition;
}

}  // namespace garrison::site
