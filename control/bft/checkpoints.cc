#include "control/bft/checkpoints.h"

namespace garrison::bft {

void Checkpoints::reached(SeqNum sequence, const Digest& state, Promises& promises, ordering::Output& output) {
  promises.promise(message::BftCheckpoint{sequence, state}, ordering::kWholeBody, config_.others(), output);
}

std::optional<DropReason> Checkpoints::on_checkpoint(const message::VerifiedMessage& message,
                                                     ordering::Output& output) {
  const auto checkpoint = message.as<message::BftCheckpoint>();
  if (checkpoint.sequence <= stable_) return DropReason::bft_stale;
  if (checkpoint.sequence.value() % config_.checkpoint_interval != 0) return DropReason::message_malformed;
  std::map<SeqNum, Stored>& heard = heard_[message.server().index()];
  if (const auto known = heard.find(checkpoint.sequence); known != heard.end()) {
    if (known->second->get().digest() == message.digest()) return DropReason::bft_duplicate;
    output.blame.push_back({message.server(), DropReason::bft_equivocation, known->second, store(message)});
    return DropReason::bft_equivocation;
  }
  heard.emplace(checkpoint.sequence, store(message));
  if (heard.size() > kept_per_server()) heard.erase(heard.begin());
  try_stable(checkpoint.sequence, checkpoint.state);
  return std::nullopt;
}

void Checkpoints::try_stable(SeqNum sequence, const Digest& state) {
  std::vector<Stored> proof;
  for (const std::map<SeqNum, Stored>& heard : heard_) {
    const auto at = heard.find(sequence);
    if (at == heard.end() || at->second->get().as<message::BftCheckpoint>().state != state) continue;
    proof.push_back(at->second);
  }
  if (proof.size() < config_.quorum()) return;
  proof_ = std::move(proof);
  stable_ = sequence;
  stable_state_ = state;
  for (std::map<SeqNum, Stored>& heard : heard_) heard.erase(heard.begin(), heard.upper_bound(stable_));
}

std::vector<Stored> Checkpoints::own() const {
  std::vector<Stored> own;
  for (const auto& [sequence, message] : heard_[config_.self.index()]) own.push_back(message);
  return own;
}

}  // namespace garrison::bft
