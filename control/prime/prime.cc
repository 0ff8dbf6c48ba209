#include "control/prime/prime.h"

#include <algorithm>

#include "dataplane/base/check.h"

namespace garrison::prime {
namespace {

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
      repair_(config_) {}

void Prime::step(Instant now, const ordering::Input& input, ordering::Output& output) {
  if (const auto* message = std::get_if<message::VerifiedMessage>(&input)) on_message(now, *message, output);
  execute(output);
  preorder_.reopen_windows();
  speak(now, output);
}

void Prime::on_message(Instant now, const message::VerifiedMessage& message, ordering::Output& output) {
  using message::MessageType;
  if (message.type() == MessageType::ClientOp) {
    if (const auto refused = intake_.take(message)) output.drops.push_back(*refused);
    return;
  }
  if (message.signer().kind != crypto::Principal::Kind::server || message.signer().index >= config_.n) {
    return output.drops.push_back(DropReason::message_unknown_signer);
  }
  const auto answer = [&](std::optional<GlobalOrder::Repeated> vote) {
    if (vote.has_value()) repair_.on_repeated_vote(now, *vote, global_order_, promises_, output);
  };
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
      return global_order_.on_pre_prepare(message, summaries_, promises_, output);
    case MessageType::Prepare:
      return answer(global_order_.on_prepare(message, promises_, output));
    case MessageType::Commit:
      return answer(global_order_.on_commit(message, promises_, output));
    default:
      return output.drops.push_back(DropReason::message_wrong_direction);
  }
}

void Prime::on_summary(Instant now, const message::VerifiedMessage& message, ordering::Output& output) {
  if (summaries_.adopt(message, output) != Summaries::Adopted::equal) return;
  const ServerId server = message.server();
  repair_.on_repeated_summary(now, server, summaries_.rows()[server.index()], preorder_, global_order_, promises_,
                              output);
}

// Strictly in order: a request that no certificate binds yet, or that is not held, holds up all behind it.
void Prime::execute(ordering::Output& output) {
  while (global_order_.executed() < global_order_.ordered()) {
    const SeqNum sequence = global_order_.executed().next();
    if (sequence != extended_) {
      eligibility_.extend(global_order_.eligible(sequence));
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
    }
    global_order_.executed_next();
  }
}

void Prime::speak(Instant now, ordering::Output& output) {
  repair_.tick(now, summaries_, global_order_, promises_, output);
  preorder_.introduce(now, intake_, promises_, output);
  preorder_.acknowledge(now, promises_, output);
  summaries_.summarize(now, preorder_.preordered(), promises_, output);
  summaries_.report(now, global_order_.leader(), promises_, output);
  global_order_.propose(now, summaries_, promises_, output);
}

Instant Prime::next_wakeup() const {
  const Instant preorder = earlier(preorder_.next_wakeup(intake_), summaries_.next_wakeup(preorder_.preordered()));
  return earlier(earlier(preorder, global_order_.next_wakeup(summaries_)), repair_.next_wakeup());
}

ordering::Status Prime::status() const {
  return {.view = global_order_.view(),
          .leader = global_order_.leader(),
          .globally_ordered = global_order_.ordered(),
          .updates_delivered = updates_delivered_,
          .updates_waiting = intake_.waiting(),
          .requests_outstanding = preorder_.outstanding(),
          .blacklist = summaries_.blacklisted()};
}

}  // namespace garrison::prime
