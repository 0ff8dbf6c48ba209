#include "control/client/query_core.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "dataplane/base/check.h"

namespace garrison::client {

namespace {
// A lead that was not needed shrinks by an eighth.
constexpr std::uint64_t kLeadShare = 8;

std::uint64_t plus(std::uint64_t sequence, std::uint64_t more) {
  return sequence + std::min(more, std::numeric_limits<std::uint64_t>::max() - sequence);
}
}  // namespace

QueryStats& QueryStats::operator+=(const QueryStats& other) {
  submitted += other.submitted;
  answered += other.answered;
  at_once += other.at_once;
  ordered += other.ordered;
  timeouts += other.timeouts;
  stale += other.stale;
  late += other.late;
  foreign += other.foreign;
  return *this;
}

QueryCore::QueryCore(const QueryConfig& config) : config_(config) {
  CHECK(config_.servers >= 1 && config_.servers <= kMaxServersPerSite);
  CHECK(config_.servers > 2 * config_.faults);
  CHECK(config_.window >= 1 && config_.window <= service::kQueryWindow);
  CHECK(config_.rounds >= 1);
  CHECK(config_.round_timeout > service::kQueryWait);
}

std::optional<std::uint64_t> QueryCore::submit(Instant now, QueryOutput& output) {
  if (window_full()) return std::nullopt;
  ++stats_.submitted;
  const std::uint64_t number = ++last_;
  Pending& pending = pending_[number];
  pending.submitted = now;
  pending.token = token_;
  pending.answers.resize(config_.servers);
  ask(now, number, pending, token_, output);
  return number;
}

void QueryCore::ask(Instant now, std::uint64_t number, Pending& pending, std::uint64_t target, QueryOutput& output) {
  pending.due = now + config_.round_timeout;
  due_.emplace(pending.due, number);
  output.asks.push_back({number, pending.round, pending.token, std::max(pending.token, target)});
}

void QueryCore::on_ordered(std::uint64_t state_sequence) { token_ = std::max(token_, state_sequence); }

AnswerOutcome QueryCore::on_answer(Instant now, const message::QueryReply& reply, ServerId sender,
                                   QueryOutput& output) {
  const bool ours = reply.client == config_.client && reply.incarnation == config_.incarnation;
  const bool from_whom_it_says = reply.server == sender && sender.index() < config_.servers;
  const bool asked = reply.number != 0 && reply.number <= last_;
  const auto query = pending_.find(reply.number);
  const bool over = query == pending_.end();
  if (!ours || !from_whom_it_says || !asked || (!over && reply.round > query->second.round)) {
    ++stats_.foreign;
    return AnswerOutcome::foreign;
  }
  if (over) {
    ++stats_.late;
    return AnswerOutcome::late;
  }
  Pending& pending = query->second;
  std::optional<Answer>& own = pending.answers[sender.index()];
  if (own.has_value() && own->round >= reply.round) return AnswerOutcome::repeated;
  own = Answer{reply.round, reply.state_sequence, {}};
  if (reply.state_sequence < pending.token) {
    ++stats_.stale;
  } else {
    own->result = to_bytes(reply.result);
    if (agreeing(pending, *own) > config_.faults) {
      accept(now, query, *own, output);
      return AnswerOutcome::accepted;
    }
  }
  // Those that have not answered may be the faulty ones.
  if (answers_of_round(pending) >= config_.servers - config_.faults) next_round(now, query, output);
  return AnswerOutcome::counted;
}

std::size_t QueryCore::agreeing(const Pending& pending, const Answer& with) const {
  return static_cast<std::size_t>(std::ranges::count_if(pending.answers, [&](const std::optional<Answer>& one) {
    return one.has_value() && one->state_sequence == with.state_sequence && one->result == with.result;
  }));
}

std::size_t QueryCore::answers_of_round(const Pending& pending) const {
  return static_cast<std::size_t>(std::ranges::count_if(pending.answers, [&](const std::optional<Answer>& one) {
    return one.has_value() && one->round == pending.round;
  }));
}

// The (f+1)-th highest state sequence that servers have answered from, so one that a correct server has reached; 0 if
// fewer have answered.
std::uint64_t QueryCore::reached_by_correct(const Pending& pending) const {
  std::vector<std::uint64_t> sequences;
  for (const std::optional<Answer>& one : pending.answers) {
    if (one.has_value()) sequences.push_back(one->state_sequence);
  }
  if (sequences.size() <= config_.faults) return 0;
  std::ranges::sort(sequences, std::greater());
  return sequences[config_.faults];
}

void QueryCore::accept(Instant now, Queries::iterator query, Answer& agreed, QueryOutput& output) {
  const Pending& pending = query->second;
  ++stats_.answered;
  if (pending.round == 0) {
    ++stats_.at_once;
    lead_ -= (lead_ + kLeadShare - 1) / kLeadShare;
  }
  token_ = std::max(token_, agreed.state_sequence);
  due_.erase({pending.due, query->first});
  output.answered.push_back({query->first, agreed.state_sequence, std::move(agreed.result), now - pending.submitted});
  pending_.erase(query);
}

// A round that named a state in vain named one that servers had passed, most likely: the next one looks further ahead,
// by as much as they have moved on since.
void QueryCore::next_round(Instant now, Queries::iterator query, QueryOutput& output) {
  Pending& pending = query->second;
  due_.erase({pending.due, query->first});
  if (pending.round + 1 == config_.rounds) {
    ++stats_.ordered;
    output.to_order.push_back(query->first);
    pending_.erase(query);
    return;
  }
  const std::uint64_t reached = std::max(pending.reached, reached_by_correct(pending));
  if (pending.reached > 0) lead_ = std::min(std::max(2 * lead_, reached - pending.reached), kMaxQueryLead);
  pending.reached = reached;
  ++pending.round;
  ask(now, query->first, pending, plus(reached, lead_), output);
}

void QueryCore::on_wakeup(Instant now, QueryOutput& output) {
  while (!due_.empty() && due_.begin()->first <= now) {
    ++stats_.timeouts;
    next_round(now, pending_.find(due_.begin()->second), output);
  }
}

Instant QueryCore::next_wakeup() const { return due_.empty() ? Instant::never() : due_.begin()->first; }

}  // namespace garrison::client
