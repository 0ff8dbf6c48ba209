#include "control/prime/view_change.h"

#include <algorithm>

#include "dataplane/base/check.h"

namespace garrison::prime {
namespace {

using message::MessageType;

// A newer VC-PROOF or REPLAY never exists, so nothing supersedes one.
constexpr std::uint16_t kProofKey = kNoSupersedeKey;

template <typename Votes>
std::size_t matching(const Votes& votes, const Digest& digest, SeqNum start_seq) {
  std::size_t count = 0;
  votes.from.for_each([&](ServerId voter) {
    count += votes.digest[voter.index()] == digest && votes.start_seq[voter.index()] == start_seq ? 1 : 0;
  });
  return count;
}

}  // namespace

ViewChange::ViewChange(const PrimeConfig& config) : config_(config), broadcast_(config) {}

void ViewChange::preinstall(View view, const Reported& reported, Promises& promises, ordering::Output& output) {
  view_ = view;
  broadcast_.start_view(view);
  peers_.assign(config_.n, {});
  lists_.assign(config_.n, std::nullopt);
  signatures_.clear();
  listed_ = proved_ = proposed_ = leader_equivocated_ = committed_ = false;
  replay_ = nullptr;
  window_.reset();
  for (Votes* votes : {&prepares_, &commits_}) {
    *votes = {{}, std::vector<Stored>(config_.n), std::vector<Digest>(config_.n), std::vector<SeqNum>(config_.n)};
  }
  installed_.reset();
  said_.clear();

  const std::size_t count = reported.prepared.size() + (reported.replay == nullptr ? 0 : 1);
  CHECK(count <= config_.max_pc_sets());
  const message::Report report{view, reported.stable, static_cast<std::uint32_t>(count)};
  promises.promise(report, kWholeBody, config_.others(), output);
  std::uint32_t seq = 0;
  for (const PrepareCertificatePtr& certificate : reported.prepared) {
    promises.promise(pc_set(view, ++seq, *certificate), kPcSetTagBytes, config_.others(), output);
  }
  if (reported.replay != nullptr) {
    promises.promise(pc_set(view, ++seq, *reported.replay), kPcSetTagBytes, config_.others(), output);
  }
}

void ViewChange::on_message(Instant now, const message::VerifiedMessage& message, SuspectLeader& suspect_leader,
                            Promises& promises, ordering::Output& output) {
  switch (message.type()) {
    case MessageType::Report:
      return broadcast_.on_content(message, 0, output);
    case MessageType::PcSet: {
      const std::uint32_t seq = message.as<message::PcSet>().seq;
      if (seq == 0) return output.drops.push_back(DropReason::message_malformed);
      return broadcast_.on_content(message, seq, output);
    }
    case MessageType::VcEcho:
      return broadcast_.on_echo(message, output);
    case MessageType::VcReady:
      return broadcast_.on_ready(message, promises, output);
    case MessageType::VcList:
      return on_list(message, output);
    case MessageType::VcPartialSig:
      return on_partial_sig(message, output);
    case MessageType::VcProof:
      return on_proof(message, promises, output);
    case MessageType::Replay:
      return on_replay(now, message, suspect_leader, output);
    case MessageType::ReplayPrepare: {
      const auto vote = message.as<message::ReplayPrepare>();
      return on_vote(prepares_, message, vote.digest, SeqNum(0), output);
    }
    case MessageType::ReplayCommit: {
      const auto vote = message.as<message::ReplayCommit>();
      return on_vote(commits_, message, vote.digest, vote.start_seq, output);
    }
    default:
      return output.drops.push_back(DropReason::message_wrong_direction);
  }
}

void ViewChange::advance(Instant now, SeqNum executed, SuspectLeader& suspect_leader, Promises& promises,
                         ordering::Output& output) {
  if (view_ == View(0)) return;
  for (const Stored& content : broadcast_.take_delivered()) on_delivered(content);
  broadcast_.speak(promises, output);
  list(executed, promises, output);
  sign_lists(executed, promises, output);
  prove(now, suspect_leader, promises, output);
  prepare(executed, promises, output);
  commit(promises, output);
  install();
}

// State dissemination.

void ViewChange::on_delivered(const Stored& content) {
  const message::VerifiedMessage& message = content->get();
  Peer& peer = peers_[message.server().index()];
  if (message.type() == MessageType::Report) {
    peer.report = message.as<message::Report>();
    peer.reported.stable = peer.report->stable_aru;
    peer.delivered.resize(std::min<std::size_t>(peer.report->num_seq, config_.max_pc_sets()) + 1);
    peer.invalid = peer.report->num_seq > config_.max_pc_sets();
    for (const Stored& early : std::exchange(peer.certificates, {})) add_certificate(peer, early->get());
  } else if (!peer.report.has_value()) {
    peer.certificates.push_back(content);
    return;
  } else {
    add_certificate(peer, message);
  }
  if (peer.invalid || peer.checked || peer.count < peer.report->num_seq) return;
  peer.checked = true;
  std::sort(peer.reported.prepared.begin(), peer.reported.prepared.end(),
            [](const auto& a, const auto& b) { return a->sequence < b->sequence; });
  peer.invalid = !consistent(config_, peer.reported);
}

void ViewChange::add_certificate(Peer& peer, const message::VerifiedMessage& message) {
  const auto set = message.as<message::PcSet>();
  if (set.seq >= peer.delivered.size() || peer.delivered[set.seq]) return;  // a tag that nobody is to use
  peer.delivered[set.seq] = true;
  ++peer.count;
  if (PrepareCertificatePtr certificate = prepare_certificate(config_, view_, message)) {
    peer.reported.prepared.push_back(std::move(certificate));
  } else if (ReplayCertificatePtr replay = prime::replay_certificate(config_, view_, message);
             replay != nullptr && peer.reported.replay == nullptr) {
    peer.reported.replay = std::move(replay);
  } else {
    peer.invalid = true;
  }
}

bool ViewChange::complete(ServerId server, SeqNum executed) const {
  const Peer& peer = peers_[server.index()];
  return peer.checked && !peer.invalid && executed >= peer.reported.stable;
}

bool ViewChange::complete(ServerSet ids, SeqNum executed) const {
  bool all = true;
  ids.for_each([&](ServerId server) { all = all && server.index() < config_.n && complete(server, executed); });
  return all;
}

ReplayWindow ViewChange::window_of(ServerSet ids) const {
  std::vector<const Reported*> reports;
  ids.for_each([&](ServerId server) { reports.push_back(&peers_[server.index()].reported); });
  return replay_window(reports);
}

// Proof generation.

void ViewChange::list(SeqNum executed, Promises& promises, ordering::Output& output) {
  if (listed_) return;
  ServerSet ids;
  for (std::size_t i = 0; i < config_.n && ids.size() < config_.quorum(); ++i) {
    const ServerId server(static_cast<std::uint16_t>(i));
    if (complete(server, executed)) ids.insert(server);
  }
  if (ids.size() < config_.quorum()) return;
  listed_ = true;
  promises.say(message::VcList{view_, ids}, config_.others(), kNoSupersedeKey, output);
}

void ViewChange::on_list(const message::VerifiedMessage& message, ordering::Output& output) {
  const ServerSet ids = message.as<message::VcList>().ids;
  std::optional<List>& list = lists_[message.server().index()];
  if (list.has_value()) return output.drops.push_back(DropReason::prime_duplicate);
  if (ids.size() != config_.quorum()) return output.drops.push_back(DropReason::message_malformed);
  if (message.server() == config_.self) said_.push_back(store(message));
  const bool signed_here = std::any_of(lists_.begin(), lists_.end(), [&](const std::optional<List>& same) {
    return same.has_value() && same->ids == ids && same->signed_here;
  });
  list = List{ids, signed_here};
}

void ViewChange::sign_lists(SeqNum executed, Promises& promises, ordering::Output& output) {
  for (std::size_t i = 0; i < config_.n; ++i) {
    if (!lists_[i].has_value() || lists_[i]->signed_here || !complete(lists_[i]->ids, executed)) continue;
    const ServerSet ids = lists_[i]->ids;
    for (std::optional<List>& same : lists_) {
      if (same.has_value() && same->ids == ids) same->signed_here = true;
    }
    promises.promise(message::VcPartialSig{view_, ids, window_of(ids).start_seq}, kWholeBody, config_.others(), output);
  }
}

void ViewChange::on_partial_sig(const message::VerifiedMessage& message, ordering::Output& output) {
  const auto partial = message.as<message::VcPartialSig>();
  const ServerId signer = message.server();
  std::size_t of_signer = 0;
  for (const Signatures& known : signatures_) of_signer += known.voters.contains(signer) ? 1 : 0;
  auto at = std::find_if(signatures_.begin(), signatures_.end(), [&](const Signatures& known) {
    return known.ids == partial.ids && known.start_seq == partial.start_seq;
  });
  if (at != signatures_.end() && at->voters.contains(signer)) {
    return output.drops.push_back(DropReason::prime_duplicate);
  }
  if (of_signer == config_.n) return output.drops.push_back(DropReason::prime_beyond_window);
  if (at == signatures_.end()) at = signatures_.insert(at, {partial.ids, partial.start_seq, {}, {}});
  at->voters.insert(signer);
  at->votes.push_back(store(message));
  if (signer == config_.self) said_.push_back(at->votes.back());
}

void ViewChange::prove(Instant now, SuspectLeader& suspect_leader, Promises& promises, ordering::Output& output) {
  if (proved_) return;
  const auto at = std::find_if(signatures_.begin(), signatures_.end(),
                               [&](const Signatures& known) { return known.votes.size() >= config_.quorum(); });
  if (at == signatures_.end()) return;
  proved_ = true;
  message::VcProof proof{view_, at->ids, at->start_seq, {}};
  for (std::size_t i = 0; i < config_.quorum(); ++i) proof.proof.push_back(at->votes[i]->get().bytes());
  promises.say(proof, config_.others(), kProofKey, output);
  if (config_.leader_of(view_) == config_.self) return propose(proof, promises, output);
  if (replay_ == nullptr) suspect_leader.proof_sent(now);
}

template <typename Proof>
bool ViewChange::proves(const message::VerifiedMessage& message, const Proof& proof) const {
  ServerSet voters;
  for (const ByteView bytes : proof.proof) {
    const message::VerifiedMessage vote = message::inner_message(message, bytes);
    const auto partial = vote.as<message::VcPartialSig>();
    if (partial.view != proof.view || partial.ids != proof.ids || partial.start_seq != proof.start_seq) return false;
    voters.insert(vote.server());
  }
  return voters.size() >= config_.quorum();
}

// Replay.

void ViewChange::on_proof(const message::VerifiedMessage& message, Promises& promises, ordering::Output& output) {
  if (message.server() == config_.self) return said_.push_back(store(message));
  if (config_.leader_of(view_) != config_.self) return;  // it is for the leader
  const auto proof = message.as<message::VcProof>();
  if (!proves(message, proof)) return output.drops.push_back(DropReason::prime_bad_proof);
  propose(proof, promises, output);
}

void ViewChange::propose(const message::VcProof& proof, Promises& promises, ordering::Output& output) {
  if (proposed_) return;
  proposed_ = true;
  promises.promise(message::Replay{view_, proof.ids, proof.start_seq, proof.proof}, kReplaySlotBytes, config_.others(),
                   output);
}

void ViewChange::on_replay(Instant now, const message::VerifiedMessage& message, SuspectLeader& suspect_leader,
                           ordering::Output& output) {
  const auto replay = message.as<message::Replay>();
  const ServerId leader = config_.leader_of(view_);
  if (message.server() != leader) return output.drops.push_back(DropReason::prime_not_leader);
  const bool known = replay_ != nullptr && replay_->get().digest() == message.digest();
  if (known) return output.drops.push_back(DropReason::prime_duplicate);
  if (!proves(message, replay)) return output.drops.push_back(DropReason::prime_bad_proof);
  const Stored stored = store(message);
  const ServerSet flood_to = config_.others().without(leader);
  if (replay_ != nullptr) {
    const auto first = replay_->get().as<message::Replay>();
    if (first.ids == replay.ids && first.start_seq == replay.start_seq) {
      return output.drops.push_back(DropReason::prime_duplicate);
    }
    output.drops.push_back(DropReason::prime_equivocation);
    if (leader_equivocated_) return;
    // Both are flooded, so that every correct server has the proof.
    leader_equivocated_ = true;
    output.blame.push_back({leader, DropReason::prime_equivocation, replay_, stored});
    return output.forward.push_back({stored, flood_to, TrafficClass::bounded, 0});
  }
  replay_ = stored;
  suspect_leader.on_replay(now);
  if (leader == config_.self) {
    said_.push_back(stored);
  } else {
    output.forward.push_back({stored, flood_to, TrafficClass::bounded, 0});
  }
}

void ViewChange::on_vote(Votes& votes, const message::VerifiedMessage& message, const Digest& digest, SeqNum start_seq,
                         ordering::Output& output) {
  const ServerId voter = message.server();
  if (votes.from.contains(voter)) {
    output.drops.push_back(votes.digest[voter.index()] == digest ? DropReason::prime_duplicate
                                                                 : DropReason::prime_equivocation);
    return;
  }
  votes.from.insert(voter);
  votes.digest[voter.index()] = digest;
  votes.start_seq[voter.index()] = start_seq;
  votes.message[voter.index()] = store(message);
  if (voter == config_.self) said_.push_back(votes.message[voter.index()]);
}

void ViewChange::prepare(SeqNum executed, Promises& promises, ordering::Output& output) {
  if (replay_ == nullptr || window_.has_value()) return;
  const auto replay = replay_->get().as<message::Replay>();
  if (!complete(replay.ids, executed)) return;
  ReplayWindow window = window_of(replay.ids);
  CHECK(window.start_seq == replay.start_seq);  // a correct server signed it, from the same reports
  window_ = std::move(window);
  digest_ = message::replay_digest(view_, replay.ids, replay.start_seq, window_->digests);
  promises.promise(message::ReplayPrepare{view_, digest_}, kWholeBody, config_.others(), output);
}

void ViewChange::commit(Promises& promises, ordering::Output& output) {
  if (!window_.has_value() || committed_ || matching(prepares_, digest_, SeqNum(0)) < config_.quorum()) return;
  committed_ = true;
  auto certificate = std::make_shared<ReplayCertificate>();
  certificate->view = view_;
  certificate->ids = replay_->get().as<message::Replay>().ids;
  certificate->start_seq = window_->start_seq;
  certificate->window = window_->digests;
  prepares_.from.for_each([&](ServerId voter) {
    if (prepares_.digest[voter.index()] == digest_) certificate->votes.push_back(prepares_.message[voter.index()]);
  });
  replay_certificate_ = std::move(certificate);
  bound_ = window_->bindings;
  promises.promise(message::ReplayCommit{view_, digest_, window_->start_seq}, kWholeBody, config_.others(), output);
}

void ViewChange::install() {
  if (installed_.has_value()) return;
  if (window_.has_value() && matching(commits_, digest_, window_->start_seq) >= config_.quorum()) {
    installed_ = window_->start_seq;
    return;
  }
  commits_.from.for_each([&](ServerId voter) {
    const Digest& digest = commits_.digest[voter.index()];
    const SeqNum start_seq = commits_.start_seq[voter.index()];
    if (!window_.has_value() && !installed_.has_value() && matching(commits_, digest, start_seq) >= config_.quorum()) {
      installed_ = start_seq;
    }
  });
}

void ViewChange::repeat(ServerSet to, Promises& promises, ordering::Output& output) const {
  if (view_ == View(0)) return;
  broadcast_.repeat(to, promises, output);
  // The leader may be gone.
  if (replay_ != nullptr && config_.leader_of(view_) != config_.self) promises.repeat(replay_, to, output);
  for (const Stored& message : said_) promises.repeat(message, to, output);
}

}  // namespace garrison::prime
