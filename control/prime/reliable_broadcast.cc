#include "control/prime/reliable_broadcast.h"

#include <algorithm>
#include <utility>

namespace garrison::prime {
namespace {

template <typename Message>
void say_in_batches(View view, const std::vector<message::BroadcastEntry>& entries, ServerSet to, Promises& promises,
                    ordering::Output& output) {
  for (std::size_t first = 0; first < entries.size(); first += message::kMaxBroadcastEntries) {
    const auto from = entries.begin() + static_cast<std::ptrdiff_t>(first);
    const auto until =
        from + static_cast<std::ptrdiff_t>(std::min(message::kMaxBroadcastEntries, entries.size() - first));
    promises.promise(Message{view, {from, until}}, kWholeBody, to, output);
  }
}

}  // namespace

ReliableBroadcast::ReliableBroadcast(const PrimeConfig& config) : config_(config), instances_(config.n) {}

void ReliableBroadcast::start_view(View view) {
  view_ = view;
  for (std::vector<Instance>& of_origin : instances_) of_origin.clear();
  echoes_due_.clear();
  readies_due_.clear();
  to_pass_on_.clear();
  delivered_.clear();
}

ServerSet ReliableBroadcast::Votes::voters(const Digest& what) const {
  ServerSet matching;
  from.for_each([&](ServerId voter) {
    if (digest[voter.index()] == what) matching.insert(voter);
  });
  return matching;
}

bool ReliableBroadcast::vote(Votes& votes, ServerId voter, const Digest& digest, ordering::Output& output) {
  if (votes.from.contains(voter)) {
    output.drops.push_back(votes.digest[voter.index()] == digest ? DropReason::prime_duplicate
                                                                 : DropReason::prime_equivocation);
    return false;
  }
  votes.from.insert(voter);
  votes.digest[voter.index()] = digest;
  return true;
}

ReliableBroadcast::Instance* ReliableBroadcast::find(ServerId origin, std::uint32_t seq) {
  if (origin.index() >= config_.n || seq > config_.max_pc_sets()) return nullptr;
  std::vector<Instance>& of_origin = instances_[origin.index()];
  if (of_origin.size() <= seq) of_origin.resize(seq + std::size_t{1});
  return &of_origin[seq];
}

void ReliableBroadcast::on_content(const message::VerifiedMessage& message, std::uint32_t seq,
                                   ordering::Output& output) {
  const ServerId origin = message.server();
  Instance* at = find(origin, seq);
  if (at == nullptr) return output.drops.push_back(DropReason::prime_beyond_window);
  if (at->content != nullptr) {
    const bool same = at->content->get().digest() == message.digest();
    if (!same) {
      output.blame.push_back({origin, DropReason::prime_equivocation, at->content, store(message)});
      output.drops.push_back(DropReason::prime_equivocation);
    } else {
      output.drops.push_back(DropReason::prime_duplicate);
    }
    // The one that the others have decided on replaces the one that was echoed here.
    if (same || !at->is_ready || at->ready != message.digest()) return;
  }
  at->content = store(message);
  if (!at->has_echoed) {
    at->has_echoed = true;
    at->echoed = message.digest();
    echoes_due_.push_back({origin, seq, at->echoed});
  }
  deliver(*at);
}

void ReliableBroadcast::on_echo(const message::VerifiedMessage& message, ordering::Output& output) {
  for (const message::BroadcastEntry& entry : message.as<message::VcEcho>().entries) {
    Instance* at = find(entry.origin, entry.seq);
    if (at == nullptr) {
      output.drops.push_back(DropReason::prime_beyond_window);
      continue;
    }
    if (!vote(at->echoes, message.server(), entry.digest, output)) continue;
    if (at->echoes.matching(entry.digest) >= config_.quorum()) {
      become_ready(entry.origin, entry.seq, *at, entry.digest);
    }
  }
}

void ReliableBroadcast::on_ready(const message::VerifiedMessage& message, const Promises& promises,
                                 ordering::Output& output) {
  for (const message::BroadcastEntry& entry : message.as<message::VcReady>().entries) {
    Instance* at = find(entry.origin, entry.seq);
    if (at == nullptr) {
      output.drops.push_back(DropReason::prime_beyond_window);
      continue;
    }
    if (!vote(at->readies, message.server(), entry.digest, output)) {
      // It says that again because it misses something.
      if (at->content != nullptr && at->delivered && !at->echoes.voters(at->decided).contains(message.server())) {
        promises.repeat(at->content, ServerSet::only(message.server()).without(config_.self), output);
      }
      continue;
    }
    const std::size_t matching = at->readies.matching(entry.digest);
    if (matching >= config_.f + 1) become_ready(entry.origin, entry.seq, *at, entry.digest);
    if (matching < 2 * config_.f + 1 || at->is_decided) continue;
    at->is_decided = true;
    at->decided = entry.digest;
    deliver(*at);
  }
}

void ReliableBroadcast::become_ready(ServerId origin, std::uint32_t seq, Instance& at, const Digest& digest) {
  if (at.is_ready) return;
  at.is_ready = true;
  at.ready = digest;
  readies_due_.push_back({origin, seq, digest});
  if (at.content == nullptr || at.content->get().digest() != digest) return;
  ServerSet missing = config_.others();
  at.echoes.voters(digest).for_each([&](ServerId server) { missing.erase(server); });
  missing.erase(origin);
  if (!missing.empty()) to_pass_on_.push_back({at.content, missing});
}

void ReliableBroadcast::deliver(Instance& at) {
  if (at.delivered || !at.is_decided || at.content == nullptr || at.content->get().digest() != at.decided) return;
  at.delivered = true;
  delivered_.push_back(at.content);
}

std::vector<Stored> ReliableBroadcast::take_delivered() { return std::exchange(delivered_, {}); }

void ReliableBroadcast::speak(Promises& promises, ordering::Output& output) {
  say_in_batches<message::VcEcho>(view_, std::exchange(echoes_due_, {}), config_.others(), promises, output);
  say_in_batches<message::VcReady>(view_, std::exchange(readies_due_, {}), config_.others(), promises, output);
  for (const Pass& pass : std::exchange(to_pass_on_, {})) promises.repeat(pass.content, pass.to, output);
}

void ReliableBroadcast::repeat(ServerSet to, Promises& promises, ordering::Output& output) const {
  std::vector<message::BroadcastEntry> echoes;
  std::vector<message::BroadcastEntry> readies;
  for (std::size_t i = 0; i < config_.n; ++i) {
    const ServerId origin(static_cast<std::uint16_t>(i));
    for (std::size_t seq = 0; seq < instances_[i].size(); ++seq) {
      const Instance& at = instances_[i][seq];
      const auto tag = static_cast<std::uint32_t>(seq);
      if (origin == config_.self && at.content != nullptr) {
        // Whoever has echoed it has it; the REPORT also says that this server has not got through.
        ServerSet missing = to;
        if (seq > 0) at.echoes.voters(at.echoed).for_each([&](ServerId server) { missing.erase(server); });
        if (!missing.empty()) promises.repeat(at.content, missing, output);
      }
      if (at.has_echoed) echoes.push_back({origin, tag, at.echoed});
      if (at.is_ready) readies.push_back({origin, tag, at.ready});
    }
  }
  say_in_batches<message::VcEcho>(view_, echoes, to, promises, output);
  say_in_batches<message::VcReady>(view_, readies, to, promises, output);
}

}  // namespace garrison::prime
