#include "dataplane/link/hub_lateness.h"

#include <algorithm>
#include <array>

#include "dataplane/base/bounds.h"
#include "dataplane/base/check.h"

namespace garrison::link {

HubLateness::HubLateness(std::size_t servers, std::size_t faulty, ServerId self, Duration shortest, Duration longest)
    : self_(self),
      covered_(servers - 1 - faulty),
      longest_(longest),
      late_(servers, RoundTrip(shortest, longest, Duration(), Duration())),
      timeout_(shortest) {
  CHECK(faulty + 1 < servers && self.index() < servers && shortest <= longest);
}

void HubLateness::heard(ServerId server, Duration late) {
  late_[server.index()].sample(std::min(late, longest_));
  std::array<Duration, kMaxServersPerSite> timeouts{};
  std::size_t others = 0;
  for (std::size_t i = 0; i < late_.size(); ++i) {
    if (i != self_.index()) timeouts.at(others++) = late_[i].timeout(0);
  }
  const auto nth = timeouts.begin() + static_cast<std::ptrdiff_t>(covered_ - 1);
  std::ranges::nth_element(timeouts.begin(), nth, timeouts.begin() + static_cast<std::ptrdiff_t>(others));
  timeout_ = *nth;
}

}  // namespace garrison::link
