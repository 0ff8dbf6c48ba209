// Which updates of clients have entered the global order from here: several servers of a site introduce the same one
// when its client asked several, and the site must not introduce it twice. Part of the logical machine's state.
//
// Only a filter: exactly-once execution is the executor's (control/service/executor.h), so what is forgotten here costs
// bandwidth and nothing else. Bounded: per client of the key directory, the last kRemembered sequences.
#pragma once

#include <map>

#include "control/message/messages.h"
#include "dataplane/base/state_fields.h"
#include "dataplane/link/sliding_bitmap.h"

namespace garrison::site {

class Introduced {
 public:
  // Whether this update is to be introduced. One of an earlier incarnation is not.
  [[nodiscard]] bool fresh(const message::ClientOp& op) const {
    const auto at = clients_.find(op.client);
    if (at == clients_.end() || op.incarnation > at->second.incarnation) return true;
    return op.incarnation == at->second.incarnation && at->second.seen.fresh(op.sequence.value());
  }
  void insert(const message::ClientOp& op) {
    Client& client = clients_[op.client];
    if (op.incarnation > client.incarnation) client = {op.incarnation, {}};
    client.seen.insert(op.sequence.value());
  }

  STATE_FIELDS(clients_)

 private:
  static constexpr std::size_t kRemembered = 2048;
  struct Client {
    Incarnation incarnation;
    link::SlidingBitmap<kRemembered> seen;
    STATE_FIELDS(incarnation, seen)
  };
  std::map<ClientId, Client> clients_;
};

}  // namespace garrison::site
