#include "apps/server/query_desk.h"

#include <algorithm>
#include <array>

#include "crypto/mac.h"

namespace garrison::server {

namespace {
constexpr std::size_t kBurst = 64;
constexpr std::size_t kOneOwner = 1;
constexpr std::size_t kNoQuota = ~std::size_t{0};
}  // namespace

QueryDesk::QueryDesk(const message::Envelope& envelope, const service::Executor& executor, Queues& queues,
                     DropCounters& drops)
    : envelope_(envelope),
      executor_(executor),
      queues_(queues),
      drops_(drops),
      answer_slab_(kAnswerClasses, kOneOwner, kNoQuota) {}

std::size_t QueryDesk::poll(Instant now) {
  take_back();
  may_answer_ = kQueriesPerPass;
  answer_due(now);
  const std::size_t waited = kQueriesPerPass - may_answer_;
  std::array<QueryInbound, kQueriesPerPass> burst;
  const std::size_t fresh = queues_.queries->pop(burst);
  for (std::size_t i = 0; i < fresh; ++i) take(now, burst[i]);
  return waited + fresh;
}

void QueryDesk::take_back() {
  std::array<SlotRef, kBurst> burst;
  for (std::size_t n = queues_.answers_sent->pop(burst); n > 0; n = queues_.answers_sent->pop(burst)) {
    for (std::size_t i = 0; i < n; ++i) answer_slab_.free(burst[i]);
  }
}

void QueryDesk::take(Instant now, const QueryInbound& inbound) {
  const auto query = message::decode<message::ClientQuery>(inbound.message);
  CHECK(query.has_value());  // the client part has decoded it
  if (!executor_.service().is_query(query->operation)) {
    drops_.add(DropReason::query_not_read_only);
  } else if (executor_.state_sequence() >= query->target) {
    answer(*query);
  } else if (waiting_.size() == kWaitingQueries) {
    drops_.add(DropReason::query_over_quota);
  } else {
    const Arrival arrival = ++last_arrival_;
    waiting_.emplace_hint(waiting_.end(), arrival, Waiting{*query, inbound.slot, now + service::kQueryWait});
    by_target_.emplace(query->target, arrival);
    return;
  }
  done(inbound.slot, inbound.client);
}

void QueryDesk::on_executed() {
  while (may_answer_ > 0 && !by_target_.empty() && by_target_.begin()->first <= executor_.state_sequence()) {
    answer_waiting(by_target_.begin()->second);
  }
}

// Also what the state has jumped over by being taken over from others.
void QueryDesk::answer_due(Instant now) {
  on_executed();
  while (may_answer_ > 0 && !waiting_.empty() && waiting_.begin()->second.until <= now) {
    answer_waiting(waiting_.begin()->first);
  }
}

void QueryDesk::answer_waiting(Arrival arrival) {
  const auto found = waiting_.find(arrival);
  const Waiting& one = found->second;
  --may_answer_;
  if (executor_.state_sequence() >= one.query.token) {
    answer(one.query);
  } else {
    drops_.add(DropReason::query_expired);
  }
  done(one.slot, one.query.client);
  by_target_.erase({one.query.target, arrival});
  waiting_.erase(found);
}

void QueryDesk::answer(const message::ClientQuery& query) {
  executor_.service().query(query.operation, result_);
  const Bytes content = message::encode(
      envelope_, message::QueryReply{.server = ServerId(static_cast<std::uint16_t>(envelope_.signer.index)),
                                     .client = query.client,
                                     .incarnation = query.incarnation,
                                     .number = query.number,
                                     .round = query.round,
                                     .state_sequence = executor_.state_sequence(),
                                     .result = result_});
  std::optional<SlotRef> slot = answer_slab_.allocate(0, content.size() + sizeof(crypto::Tag));
  if (!slot.has_value()) return drops_.add(DropReason::ring_full);  // the client asks again
  slot->length = static_cast<std::uint32_t>(content.size());
  std::copy(content.begin(), content.end(), answer_slab_.bytes(*slot).begin());
  CHECK(queues_.answers->push_one({.slot = *slot, .client = query.client}));
  answered_.add();
}

void QueryDesk::done(SlotRef slot, ClientId client) { CHECK(queues_.queries_done->push_one({slot, client})); }

Instant QueryDesk::next_wakeup() const { return waiting_.empty() ? Instant::never() : waiting_.begin()->second.until; }

}  // namespace garrison::server
