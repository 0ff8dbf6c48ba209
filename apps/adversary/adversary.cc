#include "apps/adversary/adversary.h"

#include <utility>

#include "crypto/batch.h"

namespace garrison::adversary {
namespace {

constexpr std::size_t kMaxLate = 16384;       // messages held back; what exceeds it is lost
constexpr std::size_t kMaxRemembered = 4096;  // own messages that came back signed

std::uint64_t seed_of(const Context& context) {
  return context.seed * 0x9e3779b97f4a7c15U + context.self.value() * 0x100000001b3U +
         context.conspiracy->records().size();
}

}  // namespace

Adversary::Adversary(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record)
    : core_(std::move(core)),
      inner_(dynamic_cast<Adversary*>(core_.get())),
      context_(context),
      record_(record),
      rng_(seed_of(context)) {}

bool Adversary::hears(const message::VerifiedMessage& /*message*/) { return true; }
void Adversary::says(ordering::Sign& /*sign*/) {}
void Adversary::has_said(const message::VerifiedMessage& /*message*/) {}
void Adversary::forwards(ordering::Forward& /*forward*/) {}
void Adversary::delivers(ordering::Deliver& /*batch*/) {}
Instant Adversary::acts_at() const { return Instant::never(); }
void Adversary::acts() {}

void Adversary::step(Instant now, const ordering::Input& input, ordering::Output& output) {
  now_ = now;
  output_ = &output;
  const auto* message = std::get_if<message::VerifiedMessage>(&input);
  if (std::holds_alternative<ordering::Wakeup>(input)) {
    if (core_->next_wakeup() <= now) run_core(input);
  } else if (message != nullptr && message->signer() == context_.envelope.signer) {
    take_back(*message);
  } else if (message == nullptr || !conspiracy().begun() || hears(*message)) {
    run_core(input);
  }
  if (conspiracy().begun() && acts_at() <= now) acts();
  send_due();
  output.sign = std::exchange(signs_, {});
  output_ = nullptr;
}

Instant Adversary::next_wakeup() const {
  const Instant own = conspiracy().begun() ? acts_at() : Instant::never();
  const Instant wakeup = earlier(core_->next_wakeup(), own);
  return late_.empty() ? wakeup : earlier(wakeup, late_.begin()->first);
}

// What the core wants, in the order of the contract; what it wants delivered, signed and passed on goes past its hook.
// One step of the adversary may be several of the core: each adds to the output.
void Adversary::run_core(const ordering::Input& input) {
  const std::size_t delivered = output_->deliver.size();
  const std::size_t forwarded = output_->forward.size();
  core_->step(now_, input, *output_);
  const bool begun = conspiracy().begun();
  for (std::size_t i = delivered; begun && i < output_->deliver.size(); ++i) delivers(output_->deliver[i]);
  for (ordering::Sign& sign : std::exchange(output_->sign, {})) {
    saying_ = {};
    if (begun) says(sign);
    hand_out(std::move(sign), std::exchange(saying_, {}));
  }
  if (!begun) return;
  for (std::size_t i = forwarded; i < output_->forward.size(); ++i) forwards(output_->forward[i]);
  std::erase_if(output_->forward, [](const ordering::Forward& forward) { return forward.to.empty(); });
}

void Adversary::hand_out(ordering::Sign sign, Expected expected) {
  expected.digest = crypto::leaf_digest(sign.content);
  expected_.push_back(expected);
  signs_.push_back(std::move(sign));
}

void Adversary::lie(const ordering::Sign& like, Bytes content, ServerSet to) {
  ordering::Sign sign = like;
  sign.content = std::move(content);
  sign.to = to.without(context_.self);
  Expected expected;
  expected.a_lie = true;
  hand_out(std::move(sign), expected);
}

void Adversary::send_later(ordering::Sign& sign, Instant at) {
  saying_.later = at;
  saying_.to = std::exchange(sign.to, {});
  saying_.traffic = sign.traffic;
  saying_.after = sign.after;
}

void Adversary::send(const Stored& message, ServerSet to, Instant at) {
  if (late_.size() < kMaxLate) late_.emplace(at, ordering::Forward{message, to, TrafficClass::bounded, 0});
}

// What was handed out comes back in order. The outermost adversary recognises it, and tells those inside, whose content
// it may have replaced: with what was said before, too.
void Adversary::take_back(const message::VerifiedMessage& message) {
  const bool first_again = !expected_.empty() && expected_.front().digest == message.digest();
  const bool comes_back = std::exchange(comes_back_, std::nullopt).value_or(first_again);
  const auto pass_in = [&] {
    if (inner_ != nullptr) inner_->comes_back_ = comes_back;
    run_core(message);
  };
  if (!comes_back) {  // a copy by way of a peer
    const auto known = own_.find(message.digest());
    if (known == own_.end() || !known->second) pass_in();
    return;
  }
  const Expected expected = expected_.front();
  expected_.pop_front();
  if (own_.insert_or_assign(message.digest(), expected.a_lie).second) own_in_order_.push_back(message.digest());
  if (own_in_order_.size() > kMaxRemembered) {
    own_.erase(own_in_order_.front());
    own_in_order_.pop_front();
  }
  if (expected.later.has_value() && late_.size() < kMaxLate) {
    late_.emplace(*expected.later, ordering::Forward{std::make_shared<const message::StoredMessage>(message),
                                                     expected.to, expected.traffic, expected.after});
  }
  has_said(message);
  if (!expected.a_lie) pass_in();
}

void Adversary::send_due() {
  while (!late_.empty() && late_.begin()->first <= now_) {
    ordering::Forward forward = std::move(late_.begin()->second);
    late_.erase(late_.begin());
    forward.to = forward.to.without(context_.self);
    if (!forward.to.empty()) output_->forward.push_back(std::move(forward));
  }
}

}  // namespace garrison::adversary
