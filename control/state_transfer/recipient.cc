#include "control/state_transfer/recipient.h"

#include <algorithm>
#include <utility>

#include "control/ordering/state_reader.h"

namespace garrison::state_transfer {

bool Recipient::behind() const {
  return progress_.evident > progress_.executed && ticked_at_ >= progressed_at_ + config_.stall;
}

void Recipient::tick(Instant now, const ordering::Progress& progress, Output& output) {
  const bool first = !std::exchange(started_, true);
  if (first || progress.executed != progress_.executed || progress.evident <= progress.executed) progressed_at_ = now;
  progress_ = progress;
  ticked_at_ = now;
  switch (phase_) {
    case Phase::none:
      if (behind()) begin_attempt(now, output);
      return;
    case Phase::asking:
      if (!behind()) return give_up();
      if (now >= attempt_at_ + config_.attempt) return begin_attempt(now, output);
      if (now >= ask_at_) ask(now, output);
      return;
    case Phase::fetching:
      // Repair has overtaken it.
      if (fetch_->offer().sequence <= progress.executed) return give_up();
      if (fetch_->hopeless() || now >= fetch_->advanced_at() + config_.attempt) {
        give_up();
        return begin_attempt(now, output);
      }
      fetch_->tick(now, output);
  }
}

void Recipient::begin_attempt(Instant now, Output& output) {
  phase_ = Phase::asking;
  attempt_at_ = now;
  ++number_;
  if (at_ <= progress_.evident) {
    // More than one boundary ahead of what the others order now, so that the request is there before they are.
    at_ = SeqNum((progress_.evident.value() / config_.checkpoint_interval + 2) * config_.checkpoint_interval);
  }
  offers_ = {};
  ask(now, output);
}

void Recipient::ask(Instant now, Output& output) {
  ask_at_ = now + config_.repeat_period;
  say(config_.envelope, message::StateRequest{number_, progress_.executed, at_},
      ServerSet::all(config_.n).without(config_.self), output);
}

void Recipient::give_up() {
  phase_ = Phase::none;
  offers_ = {};
  fetch_.reset();
}

void Recipient::on_checkpoint(Instant now, const message::VerifiedMessage& message, Output& output) {
  const auto said = message.as<message::Checkpoint>();
  if (phase_ == Phase::none || said.sequence <= progress_.executed) {
    return output.drops.push_back(DropReason::state_unasked);
  }
  if (said.snapshot_bytes > config_.max_snapshot_bytes) {
    return output.drops.push_back(DropReason::message_oversized);
  }
  Offer offer{said.sequence, said.snapshot_bytes, said.root, to_bytes(said.state)};
  std::optional<Offer>& held = offers_[message.server().index()];
  if (held.has_value() && held->sequence == offer.sequence && *held != offer) {
    return output.drops.push_back(DropReason::state_conflict);
  }
  held = std::move(offer);
  if (phase_ == Phase::fetching) {
    if (*held == fetch_->offer()) fetch_->add_holder(now, message.server(), output);
    return;
  }
  ServerSet holders;
  for (std::size_t i = 0; i < config_.n; ++i) {
    if (offers_[i] == held) holders.insert(ServerId(static_cast<std::uint16_t>(i)));
  }
  if (holders.size() <= config_.f) return;
  phase_ = Phase::fetching;
  fetch_.emplace(config_, *held, now);
  holders.for_each([&](ServerId holder) { fetch_->add_holder(now, holder, output); });
}

void Recipient::on_chunk(Instant now, const message::VerifiedMessage& message, Output& output) {
  const auto chunk = message.as<message::StateChunk>();
  if (phase_ != Phase::fetching || chunk.sequence != fetch_->offer().sequence || chunk.root != fetch_->offer().root) {
    return output.drops.push_back(DropReason::state_unasked);
  }
  fetch_->on_chunk(now, message.server(), chunk, output);
  if (!fetch_->complete()) return;
  output.restore = Restore{fetch_->offer().sequence, fetch_->offer().state, fetch_->take()};
  give_up();
  progressed_at_ = now;
}

Instant Recipient::next_wakeup() const {
  switch (phase_) {
    case Phase::none:
      return progress_.evident > progress_.executed ? progressed_at_ + config_.stall : Instant::never();
    case Phase::asking:
      return earlier(ask_at_, attempt_at_ + config_.attempt);
    case Phase::fetching:
      return earlier(fetch_->next_wakeup(), fetch_->advanced_at() + config_.attempt);
  }
  return Instant::never();
}

void Recipient::save(ordering::StateWriter& state) const {
  state.put(fetch_.has_value());
  state.put_fields(*this);
}

void Recipient::load(ordering::StateReader& state) {
  if (state.get<bool>()) fetch_.emplace(config_, Offer{}, Instant());
  state.get_fields(*this);
}

}  // namespace garrison::state_transfer
