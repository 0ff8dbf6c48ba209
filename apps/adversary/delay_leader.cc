#include "apps/adversary/delay_leader.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace garrison::adversary {

using message::MessageType;

namespace {

// It holds back for a share of the view's age at most: while servers still find shorter round trips, the bound falls,
// and what is on its way by then cannot be hurried up any more.
constexpr std::int64_t kCaution = 16;

bool harms(MessageType type) { return type == MessageType::TatMeasure || type == MessageType::NewLeader; }

// Left out, they leave the bound to the slowest of the correct servers.
bool lowers_bound(MessageType type) { return type == MessageType::RttMeasure || type == MessageType::TatUb; }

}  // namespace

DelayLeader::DelayLeader(std::unique_ptr<ordering::OrderingCore> core, const Context& context,
                         Conspiracy::Record& record, const Config& config)
    : Adversary(std::move(core), context, record), config_(config), asked_for_(conspiracy().n()) {}

void DelayLeader::follow_view() {
  const View view = status().view;
  if (std::exchange(view_, view) == view) return;
  view_since_ = now();
  std::fill(asked_for_.begin(), asked_for_.end(), prime::SummaryVector());
  way_ = longest_hold_ = Duration();
  asked_at_.reset();
}

bool DelayLeader::accomplice_leads() const { return conspiracy().faulty().contains(status().leader); }

bool DelayLeader::hears(const message::VerifiedMessage& message) {
  follow_view();
  if (!leads()) return true;
  if (message.type() == MessageType::PoSummary) return false;
  const bool from_confidant = is_of_participant(message) && conspiracy().confidants().contains(message.server());
  if (!from_confidant) return true;
  learn_way(message);
  const bool asks = message.type() == MessageType::VcProof || (message.type() == MessageType::SummaryMatrix &&
                                                               is_news(message.as<message::SummaryMatrix>().rows));
  if (asks && !asked_at_.has_value()) asked_at_ = now();
  return true;
}

// A turnaround is a round trip at least. The longest one that a confidant has reported shows what queues, processors
// and larger messages add.
void DelayLeader::learn_way(const message::VerifiedMessage& message) {
  if (message.type() == MessageType::RttMeasure) {
    const auto said = message.as<message::RttMeasure>();
    if (said.view == view_) way_ = std::max(way_, said.rtt);
  } else if (message.type() == MessageType::TatMeasure) {
    const auto said = message.as<message::TatMeasure>();
    if (said.view == view_) way_ = std::max(way_, said.max_tat - longest_hold_);
  }
}

bool DelayLeader::is_news(const message::MatrixRows& matrix) {
  const auto rows = prime::row_vectors(matrix, conspiracy().n());
  if (!rows.has_value()) return false;
  bool news = false;
  for (std::size_t j = 0; j < rows->size(); ++j) {
    if (prime::at_least_as_up_to_date(asked_for_[j], (*rows)[j])) continue;
    news = true;
    asked_for_[j] = (*rows)[j];
  }
  return news;
}

// None while the bound is not known: the longest turnaround of the view counts, whenever it was.
Duration DelayLeader::delay() const {
  if (config_.by != Duration()) return config_.by;
  const Duration bound = status().tat_acceptable;
  if (bound == Duration(std::numeric_limits<std::int64_t>::max())) return Duration();
  const Duration dared = std::max(Duration(), bound - way_ - config_.margin);
  return std::min(dared, (now() - view_since_) / kCaution);
}

// The core says it as soon as it can, so it covers every report that has arrived.
void DelayLeader::says(ordering::Sign& sign) {
  follow_view();
  if (accomplice_leads() && lowers_bound(sign.type)) {
    act();
    sign.to = {};
    return;
  }
  if (!leads()) {
    if (!accomplice_leads() || !harms(sign.type)) return;
    act();
    sign.to = {};
    return;
  }
  if (sign.type != MessageType::PrePrepare && sign.type != MessageType::Replay) return;
  act();
  // What it has shown by itself, such as its own PO-SUMMARYs, nobody asks for.
  if (const auto pre_prepare = message::decode<message::PrePrepare>(sign.content)) is_news(pre_prepare->rows);
  const Instant asked = std::exchange(asked_at_, std::nullopt).value_or(now());
  last_sent_at_ = std::max({last_sent_at_, asked + delay(), now()});
  longest_hold_ = std::max(longest_hold_, last_sent_at_ - asked);
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
