#include "control/prime/prime.h"

#include <algorithm>
#include <array>
#include <utility>

#include "control/prime/checkpoint_state.h"
#include "dataplane/base/check.h"

namespace garrison::prime {
namespace {

// Whether nobody passes on such messages of others.
bool comes_from_signer(message::MessageType type) {
  using message::MessageType;
  constexpr std::array kOwn = {MessageType::PoAck,  MessageType::PoSummary, MessageType::Prepare,
                               MessageType::Commit, MessageType::RttPing,   MessageType::RttPong};
  return std::find(kOwn.begin(), kOwn.end(), type) != kOwn.end();
}

// Every body that carries a view begins with it.
View view_of(const message::VerifiedMessage& message) {
  return View(Reader(message.content().subspan(message::kEnvelopeBytes)).u64());
}

PrimeConfig checked(const PrimeConfig& config) {
  CHECK(check(config).ok());
  return config;
}

}  // namespace

Prime::Prime(const PrimeConfig& config)
    : config_(checked(config)),
      promises_(config_.envelope),
      intake_(config_),
      preorder_(config_),
      summaries_(config_),
      global_order_(config_),
      eligibility_(config_.n),
      suspect_leader_(config_),
      election_(config_),
      view_change_(config_),
      early_(config_.n),
      reconciliation_(config_),
      repair_(config_),
      completed_(config_.n) {}

void Prime::step(Instant now, const ordering::Input& input, ordering::Output& output) {
  if (const auto* message = std::get_if<message::VerifiedMessage>(&input)) on_message(now, *message, output);
  if (const auto* checkpoint = std::get_if<ordering::Restored>(&input)) restore(*checkpoint);
  execute(output);
  advance_view(now, output);
  for (GlobalOrder::Accepted& accepted : global_order_.take_accepted()) {
    reconciliation_.on_matrix(now, accepted.sequence, std::move(accepted.rows), preorder_);
  }
  preorder_.reopen_windows();
  speak(now, std::holds_alternative<ordering::Hurry>(input), output);
}

void Prime::on_message(Instant now, const message::VerifiedMessage& message, ordering::Output& output) {
  using message::MessageType;
  if (ordering::is_introduced(message.type())) {
    if (const auto refused = intake_.take(message)) output.drops.push_back(*refused);
    return;
  }
  if (!message.is_participant() || message.server().index() >= config_.n) {
    return output.drops.push_back(DropReason::message_unknown_signer);
  }
  if (comes_from_signer(message.type())) reconciliation_.heard(now, message.server());
  switch (message.type()) {
    case MessageType::PoRequest:
      return preorder_.on_request(message, output);
    case MessageType::PoAck:
      return preorder_.on_ack(message, output);
    case MessageType::PoSummary:
      return on_summary(now, message, output);
    case MessageType::SummaryMatrix: {
      const auto matrix = message.as<message::SummaryMatrix>();
      const auto said = row_vectors(matrix.rows, config_.n);
      if (!said.has_value()) return output.drops.push_back(DropReason::message_malformed);
      return summaries_.adopt_rows(message, matrix.rows, *said, output);
    }
    case MessageType::PrePrepare:
    case MessageType::Prepare:
    case MessageType::Commit:
      return on_ordering_message(now, message, output);
    case MessageType::PrePrepareRequest:
      return global_order_.on_pre_prepare_request(message, promises_, output);
    case MessageType::Ordered:
      return global_order_.on_ordered(message, output);
    case MessageType::Recon:
      return reconciliation_.on_recon(now, message, preorder_, promises_, output);
    case MessageType::Inquiry:
      return reconciliation_.on_inquiry(message, preorder_, promises_, output);
    case MessageType::CorruptionProof:
      return reconciliation_.on_corruption_proof(message, output);
    case MessageType::RttPing:
      return on_ping(now, message, output);
    case MessageType::RttPong:
      return suspect_leader_.on_pong(now, message, promises_, output);
    case MessageType::RttMeasure:
      return suspect_leader_.on_rtt_measure(message, output);
    case MessageType::TatUb:
      return suspect_leader_.on_tat_ub(message, output);
    case MessageType::TatMeasure:
      return suspect_leader_.on_tat_measure(message, output);
    case MessageType::NewLeader:
      if (const auto view = election_.on_new_leader(message, view_, output)) preinstall(now, *view, output);
      return;
    case MessageType::NewLeaderProof:
      if (const auto view = election_.on_proof(message, view_, output)) preinstall(now, *view, output);
      return;
    case MessageType::Report:
    case MessageType::PcSet:
    case MessageType::VcEcho:
    case MessageType::VcReady:
    case MessageType::VcList:
    case MessageType::VcPartialSig:
    case MessageType::VcProof:
    case MessageType::Replay:
    case MessageType::ReplayPrepare:
    case MessageType::ReplayCommit:
      return on_view_message(now, message, output);
    default:
      return output.drops.push_back(DropReason::message_wrong_direction);
  }
}

void Prime::on_ordering_message(Instant now, const message::VerifiedMessage& message, ordering::Output& output) {
  const View view = view_of(message);
  if (view > view_ || (view == view_ && !global_order_.installed())) {
    if (!early_.keep(message)) output.drops.push_back(DropReason::prime_too_early);
    return;
  }
  const auto answer = [&](std::optional<GlobalOrder::Repeated> vote) {
    if (vote.has_value()) repair_.on_repeated_vote(now, *vote, global_order_, promises_, output);
  };
  switch (message.type()) {
    case message::MessageType::PrePrepare:
      return global_order_.on_pre_prepare(message, summaries_, promises_, output);
    case message::MessageType::Prepare:
      return answer(global_order_.on_prepare(message, promises_, output));
    default:
      return answer(global_order_.on_commit(message, promises_, output));
  }
}

void Prime::on_view_message(Instant now, const message::VerifiedMessage& message, ordering::Output& output) {
  const View view = view_of(message);
  if (view > view_) {
    if (!early_.keep(message)) output.drops.push_back(DropReason::prime_too_early);
    return;
  }
  if (view < view_) return output.drops.push_back(DropReason::prime_stale);
  view_change_.on_message(now, message, suspect_leader_, promises_, output);
  // A server that reports again has not got through the view change.
  const bool again = message.type() == message::MessageType::Report && global_order_.installed();
  if (again && repair_.may_help(now, message.server())) {
    view_change_.repeat(ServerSet::only(message.server()), promises_, output);
  }
}

void Prime::on_ping(Instant now, const message::VerifiedMessage& message, ordering::Output& output) {
  const auto ping = message.as<message::RttPing>();
  const ServerId server = message.server();
  global_order_.note_executed(server, ping.executed);
  if (ping.view < view_ && repair_.may_help(now, server)) {
    election_.send_proof(ServerSet::only(server), promises_, output);
  }
  suspect_leader_.on_ping(message, promises_, output);
}

// Leader election and view change [PRIME] A.2, A.3.

void Prime::preinstall(Instant now, View view, ordering::Output& output) {
  const Reported reported = report();
  view_ = view;
  preinstalled_at_ = now;
  global_order_.stop();
  suspect_leader_.start_view(now, view);
  summaries_.new_leader();
  election_.send_proof(config_.others(), promises_, output);
  view_change_.preinstall(view, reported, promises_, output);
  dispatch_early(now, output);
}

// Whatever this server has sent a COMMIT or REPLAY-COMMIT for, as far as it is not stable.
Reported Prime::report() const {
  return carried_over(global_order_.stable(), view_change_.replay_certificate(), view_change_.bound(),
                      global_order_.prepared());
}

void Prime::dispatch_early(Instant now, ordering::Output& output) {
  for (const Stored& message : early_.take()) on_message(now, message->get(), output);
}

void Prime::advance_view(Instant now, ordering::Output& output) {
  view_change_.advance(now, global_order_.executed(), suspect_leader_, promises_, output);
  if (!global_order_.installed() && view_change_.installed().has_value()) {
    global_order_.install(view_, *view_change_.installed(), view_change_.window());
    view_change_took_ = now - preinstalled_at_;
    dispatch_early(now, output);
    execute(output);
  }
  global_order_.show(now, summaries_, suspect_leader_);
  const bool proven = global_order_.leader_equivocated() || view_change_.leader_equivocated();
  if (suspect_leader_.suspects() && !election_.suspects(view_)) {
    last_suspicion_ = {view_, suspect_leader_.tat_leader(), suspect_leader_.tat_acceptable()};
  }
  if (proven || suspect_leader_.suspects()) election_.suspect(view_, promises_, output);  // E2, E3
}

void Prime::on_summary(Instant now, const message::VerifiedMessage& message, ordering::Output& output) {
  if (summaries_.adopt(message, output) != Summaries::Adopted::equal) return;
  const ServerId server = message.server();
  repair_.on_repeated_summary(now, server, summaries_.rows()[server.index()], preorder_, global_order_, promises_,
                              output);
}

// Strictly in order: a request that no certificate binds yet, or that is not held, holds up all behind it.
void Prime::execute(ordering::Output& output) {
  for (;;) {
    const SeqNum sequence = global_order_.executed().next();
    if (sequence != extended_) {
      const SummaryVector* eligible = global_order_.next_eligible();
      if (eligible == nullptr) return;
      eligibility_.extend(*eligible);
      extended_ = sequence;
    }
    while (const std::optional<PreorderId> id = eligibility_.next()) {
      const Stored request = preorder_.bound(*id);
      if (request == nullptr) return;
      std::vector<ByteView> updates = request->get().as<message::PoRequest>().updates;
      updates_delivered_ += updates.size();
      output.deliver.push_back({request, std::move(updates)});
      eligibility_.advance();
      preorder_.executed(*id, summaries_.counted_by_all(id->introducer));
      reconciliation_.executed(*id);
    }
    global_order_.executed_next();
    reconciliation_.skip_through(global_order_.executed());
    completed_ = eligibility_.executed();
    if (sequence.value() % config_.checkpoint_interval == 0) {
      output.checkpoints.push_back({sequence, encode_checkpoint(completed_), output.deliver.size(), false});
    }
  }
}

void Prime::restore(const ordering::Restored& checkpoint) {
  const SummaryVector executed = decode_checkpoint(checkpoint.state);
  eligibility_.jump_to(executed);
  preorder_.jump_to(executed);
  global_order_.jump_to(checkpoint.sequence, executed);
  reconciliation_.jump_to(checkpoint.sequence, executed);
  completed_ = executed;
  extended_ = checkpoint.sequence;
}

ordering::Progress Prime::progress() const { return {global_order_.executed(), global_order_.evident()}; }

std::optional<ordering::Checkpoint> Prime::checkpoint() const {
  if (eligibility_.executed() != completed_) return std::nullopt;
  return ordering::Checkpoint{global_order_.executed(), encode_checkpoint(completed_), 0, false};
}

void Prime::speak(Instant now, bool hurry, ordering::Output& output) {
  if (repair_.tick(now, summaries_, global_order_, promises_, output)) {
    election_.repeat(view_, promises_, output);
    if (!global_order_.installed() || !view_change_.settled()) {
      election_.send_proof(config_.others(), promises_, output);
      view_change_.repeat(config_.others(), promises_, output);
    }
  }
  preorder_.introduce(now, hurry, intake_, promises_, output);
  preorder_.acknowledge(now, hurry, promises_, output);
  summaries_.summarize(now, hurry, preorder_.preordered(), promises_, output);
  if (global_order_.installed() && summaries_.report(now, global_order_.leader(), promises_, output)) {
    suspect_leader_.matrix_sent(now, summaries_.rows());
  }
  suspect_leader_.run(now, global_order_.executed(), promises_, output);
  global_order_.propose(now, hurry, summaries_, promises_, output);
  reconciliation_.speak(now, preorder_, summaries_, promises_, output);
}

Instant Prime::next_wakeup() const {
  const Instant preorder = earlier(preorder_.next_wakeup(intake_), summaries_.next_wakeup(preorder_.preordered()));
  const Instant ordering = earlier(global_order_.next_wakeup(summaries_), suspect_leader_.next_wakeup());
  return earlier(earlier(preorder, ordering), earlier(reconciliation_.next_wakeup(), repair_.next_wakeup()));
}

ordering::Status Prime::status() const {
  ServerSet blacklist = summaries_.blacklisted();
  reconciliation_.blacklisted().for_each([&](ServerId server) { blacklist.insert(server); });
  return {.view = view_,
          .leader = config_.leader_of(view_),
          .view_installed = global_order_.installed(),
          .leader_suspected = election_.suspects(view_),
          .tat_leader = suspect_leader_.tat_leader(),
          .tat_acceptable = suspect_leader_.tat_acceptable(),
          .last_suspicion = last_suspicion_,
          .view_change_took = view_change_took_,
          .globally_ordered = global_order_.ordered(),
          .updates_delivered = updates_delivered_,
          .updates_waiting = intake_.waiting(),
          .requests_outstanding = preorder_.outstanding(),
          .blacklist = blacklist};
}

}  // namespace garrison::prime
