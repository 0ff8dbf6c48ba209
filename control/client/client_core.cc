#include "control/client/client_core.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/check.h"

namespace garrison::client {
namespace {

constexpr std::int64_t kAverageWeight = 8;  // a new response time counts for 1/8

ServerId after(ServerId server, std::size_t servers) {
  return ServerId(static_cast<std::uint16_t>((server.index() + 1) % servers));
}

}  // namespace

ClientCore::ClientCore(const ClientConfig& config)
    : config_(config), ring_(config.window), preferred_(config.first_server) {
  CHECK(config_.servers >= 1 && config_.servers <= kMaxServersPerSite);
  CHECK(config_.faults < config_.servers);
  CHECK(config_.window >= 1 && config_.window <= service::kClientWindow);
  CHECK(config_.timeout_initial > Duration() && config_.timeout_max >= config_.timeout_initial);
  CHECK(config_.first_server.index() < config_.servers);
}

std::size_t ClientCore::replies_needed() const {
  return config_.pattern == Pattern::co_located ? 1 : config_.faults + 1;
}

bool ClientCore::window_full() const { return last_.value() + 1 - oldest_.value() >= config_.window; }

std::optional<SeqNum> ClientCore::submit(Instant now, Output& output) {
  if (window_full()) return std::nullopt;
  last_ = last_.next();
  ++stats_.submitted;
  if (config_.pattern == Pattern::one_server) choose_preferred();
  Pending& pending = slot(last_);
  pending = Pending{};
  pending.sequence = last_;
  pending.submitted = now;
  pending.timeout = config_.timeout_initial;
  pending.first = preferred_;
  pending.next = preferred_;
  attempt(now, pending, output);
  return last_;
}

// [PRIME] A.1: first one server, after a timeout another, then f+1, so that a correct one gets it; or f+1 from the
// start. Further attempts walk on, so that every server is asked in the end: the replies of f+1 are needed.
void ClientCore::attempt(Instant now, Pending& pending, Output& output) {
  ServerSet to = ServerSet::only(config_.first_server);
  if (config_.pattern != Pattern::co_located) {
    const bool one = config_.pattern == Pattern::one_server && pending.attempts < 2;
    const std::size_t several = config_.pattern == Pattern::all ? config_.servers : config_.faults + 1;
    to = next_servers(pending, one ? 1 : several);
  }
  ++pending.attempts;
  pending.due = now + pending.timeout;
  due_.emplace(pending.due, pending.sequence);
  output.sends.push_back({pending.sequence, to});
}

// A server that has answered would only repeat itself. Were all passed over, the sequence could not complete any more;
// it takes more than f faulty servers to get there, and then all are asked on.
ServerSet ClientCore::next_servers(Pending& pending, std::size_t count) const {
  const bool everyone_voted = pending.voters.size() == config_.servers;
  ServerSet chosen;
  for (std::size_t i = 0; i < config_.servers && chosen.size() < count; ++i) {
    if (everyone_voted || !pending.voters.contains(pending.next)) chosen.insert(pending.next);
    pending.next = after(pending.next, config_.servers);
  }
  return chosen;
}

void ClientCore::on_wakeup(Instant now, Output& output) {
  while (!due_.empty() && due_.begin()->first <= now) {
    Pending& pending = slot(due_.begin()->second);
    due_.erase(due_.begin());
    ++stats_.timeouts;
    if (pending.attempts == 1 && config_.pattern == Pattern::one_server) {
      Duration& average = response_[pending.first.index()];
      average = std::max(average, pending.timeout);
    }
    pending.timeout = std::min(pending.timeout * 2, config_.timeout_max);
    attempt(now, pending, output);
  }
}

Instant ClientCore::next_wakeup() const { return due_.empty() ? Instant::never() : due_.begin()->first; }

ReplyOutcome ClientCore::on_reply(Instant now, const message::ClientReply& reply, ServerId sender, Output& output) {
  const bool ours = reply.client == config_.client && reply.incarnation == config_.incarnation;
  const bool from_whom_it_says = reply.server == sender && sender.index() < config_.servers;
  const bool asked = reply.sequence != SeqNum() && reply.sequence <= last_;
  const bool believed = config_.pattern != Pattern::co_located || sender == config_.first_server;
  if (!ours || !from_whom_it_says || !asked || !believed) {
    ++stats_.foreign;
    return ReplyOutcome::foreign;
  }
  Pending& pending = slot(reply.sequence);
  if (pending.sequence != reply.sequence) {
    ++stats_.late;
    return ReplyOutcome::late;
  }
  const ReplyOutcome outcome = vote(pending, reply, sender);
  if (outcome == ReplyOutcome::completed) complete(now, pending, output);
  return outcome;
}

ReplyOutcome ClientCore::vote(Pending& pending, const message::ClientReply& reply, ServerId sender) {
  const auto same = std::find_if(pending.candidates.begin(), pending.candidates.end(), [&](const Candidate& one) {
    return one.state_sequence == reply.state_sequence && equal(one.result, reply.result);
  });
  const bool seen = same != pending.candidates.end();
  if (pending.voters.contains(sender)) {
    if (seen && same->voters.contains(sender)) return ReplyOutcome::repeated;
    ++stats_.changed;
    return ReplyOutcome::changed;
  }
  pending.voters.insert(sender);
  Candidate& candidate = seen ? *same : pending.candidates.emplace_back();
  if (!seen) {
    candidate.state_sequence = reply.state_sequence;
    candidate.result = to_bytes(reply.result);
  }
  candidate.voters.insert(sender);
  if (candidate.voters.size() < replies_needed()) return ReplyOutcome::counted;
  std::swap(candidate, pending.candidates.front());
  return ReplyOutcome::completed;
}

void ClientCore::complete(Instant now, Pending& pending, Output& output) {
  due_.erase({pending.due, pending.sequence});
  ++stats_.completed;
  if (config_.pattern == Pattern::one_server) note_response(pending.first, now - pending.submitted);
  Candidate& agreed = pending.candidates.front();
  output.completed.push_back(
      {pending.sequence, agreed.state_sequence, std::move(agreed.result), now - pending.submitted});
  pending = Pending{};
  while (oldest_ <= last_ && slot(oldest_).sequence != oldest_) oldest_ = oldest_.next();
}

void ClientCore::note_response(ServerId server, Duration response) {
  Duration& average = response_[server.index()];
  const Duration measured = std::max(response, nanoseconds(1));
  average = average == Duration() ? measured : average + (measured - average) / kAverageWeight;
  average = std::max(average, nanoseconds(1));
}

// [PRIME] A.1: favours the server with the best average response time. Servers never measured come first, so that each
// is tried; after that another one must be a quarter better, so that noise moves nobody.
void ClientCore::choose_preferred() {
  ServerId best = preferred_;
  for (ServerId one = after(preferred_, config_.servers); one != preferred_; one = after(one, config_.servers)) {
    if (response_[one.index()] < response_[best.index()]) best = one;
  }
  if (response_[best.index()] * 4 < response_[preferred_.index()] * 3) preferred_ = best;
}

}  // namespace garrison::client
