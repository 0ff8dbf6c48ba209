// Answers the queries of clients from the state that this server has executed, without ordering (docs/adr/0014): the
// control part's, on its thread.
//
// A query names the state sequence at which it is to be answered. It is answered from the state right behind that
// update if the server passes it while the query waits here; from the present state if the server is beyond it. After
// service::kQueryWait it is answered from the present state, or dropped if that is older than the query's token.
//
// Ordering comes first: a pass takes in kQueriesPerPass queries and answers as many that have waited; what more has
// become due is answered by later passes, from later states.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "apps/server/queues.h"
#include "control/message/messages.h"
#include "control/service/executor.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/instant.h"

namespace garrison::server {

class QueryDesk {
 public:
  // `envelope` is this server's. The others outlive it; `executor` stays the same object.
  QueryDesk(const message::Envelope& envelope, const service::Executor& executor, Queues& queues, DropCounters& drops);

  // Once per pass. Returns queries taken in, answered or let go.
  std::size_t poll(Instant now);
  // The executor has executed one more update. Answers what waits for this state.
  void on_executed();
  [[nodiscard]] Instant next_wakeup() const;

  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::uint64_t answered() const { return answered_.get(); }  // any thread
  [[nodiscard]] Slab& answer_slab() { return answer_slab_; }

 private:
  using Arrival = std::uint64_t;  // rises, and so does `until`
  struct Waiting {
    message::ClientQuery query;
    SlotRef slot;
    Instant until;
  };

  void take_back();
  void take(Instant now, const QueryInbound& inbound);
  void answer_waiting(Arrival arrival);
  void answer_due(Instant now);
  void answer(const message::ClientQuery& query);
  void done(SlotRef slot, ClientId client);

  message::Envelope envelope_;
  const service::Executor& executor_;
  Queues& queues_;
  DropCounters& drops_;
  Slab answer_slab_;
  Bytes result_;  // scratch
  Arrival last_arrival_ = 0;
  std::map<Arrival, Waiting> waiting_;                     // at most kWaitingQueries
  std::set<std::pair<std::uint64_t, Arrival>> by_target_;  // the same
  std::size_t may_answer_ = 0;                             // of those that wait, until the next poll()
  Counter answered_;
};

}  // namespace garrison::server
