#include "control/prime/certificates.h"

#include <algorithm>
#include <map>
#include <utility>

#include "dataplane/base/check.h"

namespace garrison::prime {
namespace {

std::vector<ByteView> bytes_of(const std::vector<Stored>& messages) {
  std::vector<ByteView> views;
  views.reserve(messages.size());
  for (const Stored& message : messages) views.push_back(message->get().bytes());
  return views;
}

// Of the highest view; a replay certificate speaks for every sequence of its window.
struct Best {
  View view;
  bool found = false;
  Digest digest{};
};

void consider(Best& best, View view, const Digest& digest) {
  if (best.found && view <= best.view) return;
  best = {view, true, digest};
}

PrepareCertificatePtr find(const std::vector<const Reported*>& reports, SeqNum sequence, const Digest& digest) {
  for (const Reported* report : reports) {
    for (const PrepareCertificatePtr& certificate : report->prepared) {
      if (certificate->sequence == sequence && certificate->matrix == digest) return certificate;
    }
  }
  return nullptr;
}

// Whether something of a later view than the replay certificate's is reported for a sequence number of its window.
bool superseded(const Reported& reported, SeqNum sequence) {
  return std::any_of(reported.prepared.begin(), reported.prepared.end(), [&](const PrepareCertificatePtr& certificate) {
    return certificate->sequence == sequence && certificate->view > reported.replay->view;
  });
}

}  // namespace

PrepareCertificatePtr prepare_certificate(const PrimeConfig& config, View view,
                                          const message::VerifiedMessage& message) {
  const auto set = message.as<message::PcSet>();
  if (set.pre_prepare.empty()) return nullptr;
  const message::VerifiedMessage pre_prepare = message::inner_message(message, set.pre_prepare);
  if (pre_prepare.type() != message::MessageType::PrePrepare) return nullptr;
  const auto proposal = pre_prepare.as<message::PrePrepare>();
  const ServerId leader = config.leader_of(proposal.view);
  if (proposal.view >= view || pre_prepare.server() != leader || proposal.rows.size() != config.n) return nullptr;

  auto out = std::make_shared<PrepareCertificate>();
  out->view = proposal.view;
  out->sequence = proposal.sequence;
  out->matrix = message::matrix_digest(proposal.rows);
  out->pre_prepare = store(pre_prepare);
  ServerSet voters;
  for (const ByteView bytes : set.votes) {
    const message::VerifiedMessage vote = message::inner_message(message, bytes);
    if (vote.type() != message::MessageType::Prepare || vote.server() == leader) return nullptr;
    const auto prepare = vote.as<message::Prepare>();
    if (prepare.view != out->view || prepare.sequence != out->sequence || prepare.matrix_digest != out->matrix) {
      return nullptr;
    }
    voters.insert(vote.server());
    out->prepares.push_back(store(vote));
  }
  return voters.size() + 1 >= config.quorum() ? out : nullptr;
}

ReplayCertificatePtr replay_certificate(const PrimeConfig& config, View view, const message::VerifiedMessage& message) {
  const auto set = message.as<message::PcSet>();
  if (!set.pre_prepare.empty() || set.replay_view >= view) return nullptr;
  if (set.window.size() > config.global_window || set.start_seq.value() <= set.window.size()) return nullptr;
  auto out = std::make_shared<ReplayCertificate>();
  out->view = set.replay_view;
  out->ids = set.ids;
  out->start_seq = set.start_seq;
  out->window = set.window;
  const Digest digest = message::replay_digest(out->view, out->ids, out->start_seq, out->window);
  ServerSet voters;
  for (const ByteView bytes : set.votes) {
    const message::VerifiedMessage vote = message::inner_message(message, bytes);
    if (vote.type() != message::MessageType::ReplayPrepare) return nullptr;
    const auto prepare = vote.as<message::ReplayPrepare>();
    if (prepare.view != out->view || prepare.digest != digest) return nullptr;
    voters.insert(vote.server());
    out->votes.push_back(store(vote));
  }
  return voters.size() >= config.quorum() ? out : nullptr;
}

message::PcSet pc_set(View view, std::uint32_t seq, const PrepareCertificate& certificate) {
  message::PcSet set;
  set.view = view;
  set.seq = seq;
  set.pre_prepare = certificate.pre_prepare->get().bytes();
  set.votes = bytes_of(certificate.prepares);
  return set;
}

message::PcSet pc_set(View view, std::uint32_t seq, const ReplayCertificate& certificate) {
  message::PcSet set;
  set.view = view;
  set.seq = seq;
  set.votes = bytes_of(certificate.votes);
  set.replay_view = certificate.view;
  set.ids = certificate.ids;
  set.start_seq = certificate.start_seq;
  set.window = certificate.window;
  return set;
}

Reported carried_over(SeqNum stable, const ReplayCertificatePtr& replay,
                      const std::vector<PrepareCertificatePtr>& bound,
                      const std::vector<PrepareCertificatePtr>& prepared) {
  Reported reported{stable, {}, nullptr};
  if (replay != nullptr) {
    // Whoever sent a REPLAY-PREPARE had executed all before the window.
    reported.stable = std::max(stable, SeqNum(replay->first().value() - 1));
    if (replay->start_seq > reported.stable.next()) reported.replay = replay;
  }
  std::map<SeqNum, PrepareCertificatePtr> latest;
  for (const PrepareCertificatePtr& certificate : prepared) {
    const bool overridden = reported.replay != nullptr && reported.replay->covers(certificate->sequence) &&
                            certificate->view <= reported.replay->view;
    if (!overridden) latest.emplace(certificate->sequence, certificate);
  }
  for (const PrepareCertificatePtr& certificate : bound) {
    if (certificate != nullptr) latest.emplace(certificate->sequence, certificate);
  }
  for (auto& [sequence, certificate] : latest) {
    if (sequence > reported.stable) reported.prepared.push_back(std::move(certificate));
  }
  return reported;
}

bool consistent(const PrimeConfig& config, const Reported& reported) {
  SeqNum last = reported.stable;
  for (const PrepareCertificatePtr& certificate : reported.prepared) {
    if (certificate->sequence <= last) return false;
    last = certificate->sequence;
  }
  if (reported.replay != nullptr) last = std::max(last, SeqNum(reported.replay->start_seq.value() - 1));
  if (last.value() > reported.stable.value() + config.global_window) return false;
  if (reported.replay == nullptr) return true;

  SeqNum sequence = std::max(reported.replay->first(), reported.stable.next());
  for (; sequence < reported.replay->start_seq; sequence = sequence.next()) {
    const Digest& digest = reported.replay->at(sequence);
    if (digest == kNoOp || find({&reported}, sequence, digest) != nullptr) continue;
    if (!superseded(reported, sequence)) return false;
  }
  return true;
}

ReplayWindow replay_window(const std::vector<const Reported*>& reports) {
  SeqNum stable;
  SeqNum last;
  for (const Reported* report : reports) {
    stable = std::max(stable, report->stable);
    last = std::max(last, report->stable);
    if (!report->prepared.empty()) last = std::max(last, report->prepared.back()->sequence);
    if (report->replay != nullptr) last = std::max(last, SeqNum(report->replay->start_seq.value() - 1));
  }
  ReplayWindow window;
  window.start_seq = last.next();
  for (SeqNum sequence = stable.next(); sequence <= last; sequence = sequence.next()) {
    Best best;
    for (const Reported* report : reports) {
      for (const PrepareCertificatePtr& certificate : report->prepared) {
        if (certificate->sequence == sequence) consider(best, certificate->view, certificate->matrix);
      }
      if (report->replay != nullptr && report->replay->covers(sequence)) {
        consider(best, report->replay->view, report->replay->at(sequence));
      }
    }
    window.digests.push_back(best.digest);
    window.bindings.push_back(best.digest == kNoOp ? nullptr : find(reports, sequence, best.digest));
    CHECK(best.digest == kNoOp || window.bindings.back() != nullptr);  // consistent() saw to that
  }
  return window;
}

}  // namespace garrison::prime
