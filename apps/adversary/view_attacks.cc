#include "apps/adversary/view_attacks.h"

#include <algorithm>

#include "control/ordering/quorum.h"

namespace garrison::adversary {

using message::MessageType;

LieTimes::LieTimes(std::unique_ptr<ordering::OrderingCore> core, const Context& context, Conspiracy::Record& record,
                   MessageTypes types, bool high)
    : Adversary(std::move(core), context, record),
      types_(std::move(types)),
      lie_(high ? message::kLongestMeasured : Duration()) {}

void LieTimes::says(ordering::Sign& sign) {
  if (std::find(types_.begin(), types_.end(), sign.type) == types_.end()) return;
  const auto replace = [&](auto message, auto field) {
    if (!message.has_value()) return;
    act();
    (*message).*field = lie_;
    sign.content = message::encode(context().envelope, *message);
  };
  replace(message::decode<message::TatMeasure>(sign.content), &message::TatMeasure::max_tat);
  replace(message::decode<message::RttMeasure>(sign.content), &message::RttMeasure::rtt);
  replace(message::decode<message::TatUb>(sign.content), &message::TatUb::tat_ub);
}

void CryWolf::says(ordering::Sign& sign) {
  const View view = status().view;
  if (cried_in_ == view || sign.type == MessageType::NewLeader) return;
  cried_in_ = view;
  act();
  ordering::Sign cry = sign;
  cry.type = MessageType::NewLeader;
  cry.traffic = message::find_row(cry.type)->traffic;
  cry.supersede_key = 0;
  lie(cry, message::encode(context().envelope, message::NewLeader{view.next()}), others());
}

Bytes EquivocateReport::second_version(const ordering::Sign& sign) {
  auto report = message::decode<message::Report>(sign.content);
  if (!report.has_value()) return {};
  // Both claim something that a receiver may wait for in vain.
  if (rng().chance(500'000)) {
    report->stable_aru = SeqNum(report->stable_aru.value() + 1);
  } else {
    ++report->num_seq;
  }
  return message::encode(context().envelope, *report);
}

bool EquivocateReplay::hears(const message::VerifiedMessage& message) {
  if (message.type() != MessageType::VcPartialSig) return true;
  const auto signature = message.as<message::VcPartialSig>();
  if (signature.view > view_) {
    view_ = signature.view;
    signatures_.clear();
  }
  if (signature.view == view_) {
    signatures_[{signature.ids.bits(), signature.start_seq}][message.server()] = to_bytes(message.bytes());
  }
  return true;
}

Bytes EquivocateReplay::second_version(const ordering::Sign& sign) {
  auto replay = message::decode<message::Replay>(sign.content);
  if (!replay.has_value()) return {};
  for (const auto& [binding, votes] : signatures_) {
    const bool other = binding != Binding{replay->ids.bits(), replay->start_seq};
    if (!other || votes.size() < ordering::quorum(conspiracy().n(), conspiracy().f())) continue;
    replay->ids = ServerSet::from_bits(binding.first);
    replay->start_seq = binding.second;
    replay->proof.clear();
    for (const auto& [server, vote] : votes) replay->proof.emplace_back(vote);
    return message::encode(context().envelope, *replay);
  }
  // The same decision in other words.
  std::reverse(replay->proof.begin(), replay->proof.end());
  return message::encode(context().envelope, *replay);
}

}  // namespace garrison::adversary
