// How late the servers of one site are with their parts on its hub, as one of them hears it: what the local timeout of
// the second set follows, where it is not fixed [ARCH] 4.2.
//
// Late is a part of the first set by what passes between the turn of the own part and the part of that server, heard
// and verified; one that is never heard counts as `longest`. The timeout is what covers as many others as are correct
// in any case: the f that are latest move it no further than the latest of the rest, whoever they are.
//
// Pure; one thread.
#pragma once

#include <vector>

#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/link/round_trip.h"

namespace garrison::link {

class HubLateness {
 public:
  // `servers` of the site, of which `faulty` may be so; `shortest` and `longest` are the bounds of the timeout.
  HubLateness(std::size_t servers, std::size_t faulty, ServerId self, Duration shortest, Duration longest);

  void heard(ServerId server, Duration late);
  void missed(ServerId server) { heard(server, longest_); }
  [[nodiscard]] Duration timeout() const { return timeout_; }

 private:
  ServerId self_;
  std::size_t covered_;  // of the others
  Duration longest_;
  std::vector<RoundTrip> late_;  // by server
  Duration timeout_;
};

}  // namespace garrison::link
