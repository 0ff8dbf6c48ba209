// Who stands on a modelled network, by number. On a site's own network that is the server's; on the wide-area network,
// which joins the servers of all sites, the sites' servers are numbered one site after the other.
#pragma once

#include <bitset>
#include <cstddef>

#include "dataplane/base/check.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/server_set.h"

namespace garrison::lab {

using StationId = ServerId;

inline constexpr std::size_t kMaxStations = kMaxServersPerSite * kMaxServersPerSite;

class StationSet {
 public:
  StationSet() = default;
  StationSet(ServerSet servers) {  // NOLINT(google-explicit-constructor): of a site's own network
    servers.for_each([this](ServerId server) { insert(server); });
  }
  void insert(StationId station) { bits_.set(station.index()); }
  void erase(StationId station) { bits_.reset(station.index()); }
  [[nodiscard]] bool contains(StationId station) const { return bits_.test(station.index()); }
  [[nodiscard]] bool empty() const { return bits_.none(); }
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t at = bits_._Find_first(); at < bits_.size(); at = bits_._Find_next(at)) {
      visit(StationId(static_cast<std::uint16_t>(at)));
    }
  }

 private:
  std::bitset<kMaxStations> bits_;
};

}  // namespace garrison::lab
