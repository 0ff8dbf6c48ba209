#include "apps/adversary/network_faults.h"

#include <algorithm>

namespace garrison::adversary {
namespace {

constexpr std::size_t kKept = 512;  // messages that a Replayer remembers
constexpr Duration kBetweenCopies = microseconds(500);

bool among(const MessageTypes& types, message::MessageType type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

}  // namespace

Silent::Silent(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record,
               MessageTypes types, ServerSet to)
    : Adversary(std::move(core), context, record), types_(std::move(types)), to_(to) {}

void Silent::withhold(message::MessageType type, ServerSet& to) {
  if (!among(types_, type)) return;
  const ServerSet before = to;
  to_.for_each([&](ServerId one) { to.erase(one); });
  if (to != before) act();
}

Deaf::Deaf(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record,
           MessageTypes types, ServerSet from)
    : Adversary(std::move(core), context, record), types_(std::move(types)), from_(from) {}

bool Deaf::hears(const message::VerifiedMessage& message) {
  if (!is_of_participant(message) || !from_.contains(message.server()) || !among(types_, message.type())) return true;
  act();
  return false;
}

Late::Late(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record,
           MessageTypes types, Duration by)
    : Adversary(std::move(core), context, record), types_(std::move(types)), by_(by) {}

void Late::says(ordering::Sign& sign) {
  if (!among(types_, sign.type) || sign.to.empty()) return;
  act();
  send_later(sign, now() + by_);
}

void Late::forwards(ordering::Forward& forward) {
  if (!among(types_, forward.message->get().type()) || forward.to.empty()) return;
  act();
  send(forward.message, std::exchange(forward.to, {}), now() + by_);
}

Repeater::Repeater(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record,
                   std::uint64_t times)
    : Adversary(std::move(core), context, record), times_(times) {}

void Repeater::has_said(const message::VerifiedMessage& message) {
  const auto stored = std::make_shared<const message::StoredMessage>(message);
  for (std::uint64_t i = 1; i <= times_; ++i) {
    act();
    send(stored, others(), now() + kBetweenCopies * static_cast<std::int64_t>(i));
  }
}

Replayer::Replayer(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record,
                   std::uint64_t chance_millionths)
    : Adversary(std::move(core), context, record), chance_(chance_millionths) {}

bool Replayer::hears(const message::VerifiedMessage& message) {
  if (is_of_participant(message)) keep(message);
  if (kept_.empty() || !rng().chance(chance_)) return true;
  act();
  send(kept_[rng().below(kept_.size())],
       ServerSet::only(ServerId(static_cast<std::uint16_t>(rng().below(conspiracy().n())))));
  return true;
}

// Every message of the run has about the same chance of being among those kept.
void Replayer::keep(const message::VerifiedMessage& message) {
  const std::uint64_t place = kept_.size() < kKept ? kept_.size() : rng().below(seen_ + 1);
  ++seen_;
  if (place >= kKept) return;
  if (place == kept_.size()) kept_.emplace_back();
  kept_[place] = std::make_shared<const message::StoredMessage>(message);
}

}  // namespace garrison::adversary
