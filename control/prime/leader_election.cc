#include "control/prime/leader_election.h"

#include <algorithm>

namespace garrison::prime {

LeaderElection::LeaderElection(const PrimeConfig& config) : config_(config), votes_(config.n), voted_(config.n) {}

void LeaderElection::suspect(View current, Promises& promises, ordering::Output& output) {
  if (suspects(current)) return;
  suspected_ = current;
  promises.say(message::NewLeader{current.next()}, config_.others(), kNoSupersedeKey, output);
}

std::optional<View> LeaderElection::on_new_leader(const message::VerifiedMessage& message, View current,
                                                  ordering::Output& output) {
  const View view = message.as<message::NewLeader>().view;
  const std::size_t voter = message.server().index();
  if (view <= current) {
    output.drops.push_back(DropReason::prime_stale);
    return std::nullopt;
  }
  if (votes_[voter] != nullptr && view <= voted_[voter]) {
    output.drops.push_back(view == voted_[voter] ? DropReason::prime_duplicate : DropReason::prime_stale);
    return std::nullopt;
  }
  votes_[voter] = store(message);
  voted_[voter] = view;
  return elected(view);
}

std::optional<View> LeaderElection::elected(View view) {
  std::vector<Stored> votes;
  for (std::size_t i = 0; i < config_.n; ++i) {
    if (votes_[i] != nullptr && voted_[i] == view) votes.push_back(votes_[i]);
  }
  if (votes.size() < config_.quorum()) return std::nullopt;
  proof_ = std::move(votes);
  proof_view_ = view;
  return view;
}

std::optional<View> LeaderElection::on_proof(const message::VerifiedMessage& message, View current,
                                             ordering::Output& output) {
  const auto proof = message.as<message::NewLeaderProof>();
  if (proof.view <= current) {
    output.drops.push_back(proof.view == current ? DropReason::prime_duplicate : DropReason::prime_stale);
    return std::nullopt;
  }
  ServerSet voters;
  std::vector<Stored> votes;
  for (const ByteView bytes : proof.votes) {
    const message::VerifiedMessage vote = message::inner_message(message, bytes);
    if (vote.as<message::NewLeader>().view != proof.view || voters.contains(vote.server())) continue;
    voters.insert(vote.server());
    votes.push_back(store(vote));
  }
  if (votes.size() < config_.quorum()) {
    output.drops.push_back(DropReason::prime_bad_proof);
    return std::nullopt;
  }
  proof_ = std::move(votes);
  proof_view_ = proof.view;
  return proof.view;
}

void LeaderElection::send_proof(ServerSet to, Promises& promises, ordering::Output& output) const {
  if (proof_.empty()) return;
  message::NewLeaderProof proof{proof_view_, {}};
  for (const Stored& vote : proof_) proof.votes.push_back(vote->get().bytes());
  promises.say(proof, to, kNoSupersedeKey, output);
}

void LeaderElection::repeat(View current, const Promises& promises, ordering::Output& output) const {
  const std::size_t self = config_.self.index();
  if (votes_[self] != nullptr && voted_[self] == current.next()) {
    promises.repeat(votes_[self], config_.others(), output);
  }
}

}  // namespace garrison::prime
