#include "apps/adversary/delay_leader.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace garrison::adversary {

using message::MessageType;

DelayLeader::DelayLeader(std::unique_ptr<ordering::OrderingCore> core, const Context& context,
                         Conspiracy::Record& record, const Config& config)
    : Adversary(std::move(core), context, record), config_(config), reported_(conspiracy().n()) {}

void DelayLeader::follow_view() {
  const View view = status().view;
  if (view == std::exchange(view_, view)) return;
  std::fill(reported_.begin(), reported_.end(), prime::SummaryVector());
  round_trip_ = Duration();
  asked_at_.reset();
}

bool DelayLeader::accomplice_leads() const { return conspiracy().faulty().contains(status().leader); }

bool DelayLeader::hears(const message::VerifiedMessage& message) {
  follow_view();
  if (!leads()) return true;
  if (message.type() == MessageType::PoSummary) return false;
  const bool from_confidant =
      message.signer().kind == crypto::Principal::Kind::server && conspiracy().confidants().contains(message.server());
  if (!from_confidant) return true;
  if (message.type() == MessageType::RttMeasure) {
    round_trip_ = std::max(round_trip_, message.as<message::RttMeasure>().rtt);
  }
  const bool asks =
      message.type() == MessageType::VcProof || (message.type() == MessageType::SummaryMatrix && brings_news(message));
  if (asks && !asked_at_.has_value()) asked_at_ = now();
  return true;
}

bool DelayLeader::brings_news(const message::VerifiedMessage& summary_matrix) {
  const auto rows = prime::row_vectors(summary_matrix.as<message::SummaryMatrix>().rows, conspiracy().n());
  if (!rows.has_value()) return false;
  bool news = false;
  for (std::size_t j = 0; j < rows->size(); ++j) {
    if (prime::at_least_as_up_to_date(reported_[j], (*rows)[j])) continue;
    news = true;
    reported_[j] = (*rows)[j];
  }
  return news;
}

// None while the bound is not known: the longest turnaround of the view counts, whenever it was.
Duration DelayLeader::delay() const {
  if (config_.by != Duration()) return config_.by;
  const Duration bound = status().tat_acceptable;
  if (bound == Duration(std::numeric_limits<std::int64_t>::max())) return Duration();
  return std::max(Duration(), bound - round_trip_ - config_.margin);
}

// The core says it as soon as it can, so it covers every report that has arrived.
void DelayLeader::says(ordering::Sign& sign) {
  follow_view();
  if (!leads()) {
    const bool harms = sign.type == MessageType::TatMeasure || sign.type == MessageType::NewLeader;
    if (!harms || !accomplice_leads()) return;
    act();
    sign.to = {};
    return;
  }
  if (sign.type != MessageType::PrePrepare && sign.type != MessageType::Replay) return;
  act();
  const Instant due = std::exchange(asked_at_, std::nullopt).value_or(now()) + delay();
  last_sent_at_ = std::max({last_sent_at_, due, now()});
  sign.to = conspiracy().confidants().without(context().self);
  send_later(sign, last_sent_at_);
}

void DelayLeader::forwards(ordering::Forward& forward) {
  const message::VerifiedMessage& message = forward.message->get();
  const bool own = message.signer() == context().envelope.signer;
  if (!own || (message.type() != MessageType::PrePrepare && message.type() != MessageType::Replay)) return;
  ServerSet to;
  forward.to.for_each([&](ServerId one) {
    if (now() >= last_sent_at_ && conspiracy().confidants().contains(one)) to.insert(one);
  });
  forward.to = to;
}

}  // namespace garrison::adversary
