// Which of the servers hosted in this process run. Published by the main thread, read by every worker once a pass.
#pragma once

#include <array>
#include <compare>

#include "dataplane/base/bounds.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/server_set.h"
#include "dataplane/runtime/rcu.h"

namespace garrison::node {

// One server of a topology. Ascends by site, then server.
struct SiteServer {
  SiteId site;
  ServerId server;
  friend auto operator<=>(const SiteServer&, const SiteServer&) = default;
};

struct Membership {
  std::array<ServerSet, kMaxSites> running;  // by SiteId

  [[nodiscard]] bool contains(SiteServer id) const { return running.at(id.site.index()).contains(id.server); }
  void insert(SiteServer id) { running.at(id.site.index()).insert(id.server); }
  void erase(SiteServer id) { running.at(id.site.index()).erase(id.server); }
};

using MembershipTable = runtime::RcuTable<Membership>;

}  // namespace garrison::node
