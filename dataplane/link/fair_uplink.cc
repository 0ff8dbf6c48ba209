#include "dataplane/link/fair_uplink.h"

#include <algorithm>

#include "dataplane/base/check.h"

namespace garrison::link {

FairUplink::FairUplink(std::size_t senders, std::uint64_t bytes_per_s) {
  CHECK(senders > 0);
  const bool limited = bytes_per_s != 0 && senders > 1;
  senders_.assign(senders, Sender(limited ? std::max<std::uint64_t>(bytes_per_s / senders, 1) : 0));
}

void FairUplink::add(std::size_t sender, TrafficClass traffic) {
  Sender& of = senders_.at(sender);
  ++(traffic == TrafficClass::timely ? of.timely : of.bounded);
  ++waiting_;
}

FairUplink::Turn FairUplink::next(Instant now) {
  CHECK(waiting_ > 0);
  for (std::size_t i = 0; i < senders_.size(); ++i) {
    const std::size_t at = (timely_turn_ + i) % senders_.size();
    if (senders_[at].timely > 0 && senders_[at].first.next() <= now) return {at, TrafficClass::timely, true};
  }
  while (!senders_[turn_].waits() || senders_[turn_].credit <= 0) next_turn();
  return {turn_, senders_[turn_].timely > 0 ? TrafficClass::timely : TrafficClass::bounded, false};
}

// Nobody saves anything up; who owes pays back, whether it waits or not.
void FairUplink::next_turn() {
  turn_ = (turn_ + 1) % senders_.size();
  Sender& of = senders_[turn_];
  of.credit = std::min<std::int64_t>(of.credit, 0) + kQuantum;
}

void FairUplink::sent(Instant now, const Turn& turn, std::size_t bytes) {
  CHECK(bytes <= kMaxFrameBytes);
  Sender& of = senders_.at(turn.sender);
  std::size_t& waiting = turn.traffic == TrafficClass::timely ? of.timely : of.bounded;
  CHECK(waiting > 0);
  --waiting;
  --waiting_;
  of.credit = std::max(of.credit - static_cast<std::int64_t>(bytes), -kMostDebt);
  if (!turn.first) return;
  of.first.on_sent(now, bytes);
  timely_turn_ = (turn.sender + 1) % senders_.size();
}

}  // namespace garrison::link
