// Which of the servers hosted in this process run. Published by the main thread, read by every worker once a pass.
#pragma once

#include "dataplane/base/server_set.h"
#include "dataplane/runtime/rcu.h"

namespace garrison::node {

struct Membership {
  ServerSet running;
};

using MembershipTable = runtime::RcuTable<Membership>;

}  // namespace garrison::node
