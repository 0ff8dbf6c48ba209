#include "control/bft/new_view.h"

#include <algorithm>
#include <utility>

namespace garrison::bft {
namespace {

using message::BftClaim;
using message::BftViewChange;

// Null when nothing is claimed.
const BftClaim* find(const std::vector<BftClaim>& claims, SeqNum sequence) {
  const auto at = std::lower_bound(claims.begin(), claims.end(), sequence,
                                   [](const BftClaim& claim, SeqNum wanted) { return claim.sequence < wanted; });
  return at == claims.end() || at->sequence != sequence ? nullptr : &*at;
}

// No claim of a quorum stands against `chosen`, and f+1 say that they hold it.
bool may_be_chosen(const BftClaim& chosen, const std::vector<BftViewChange>& changes, const BftConfig& config) {
  std::size_t nothing_against = 0;
  std::size_t holders = 0;
  for (const BftViewChange& change : changes) {
    const BftClaim* prepared = find(change.prepared, chosen.sequence);
    if (prepared == nullptr || prepared->view < chosen.view || *prepared == chosen) ++nothing_against;
    const BftClaim* held = find(change.pre_prepared, chosen.sequence);
    if (held != nullptr && held->batch == chosen.batch && held->view >= chosen.view) ++holders;
  }
  return nothing_against >= config.quorum() && holders > config.f;
}

std::optional<Digest> choose(SeqNum sequence, const std::vector<BftViewChange>& changes, const BftConfig& config) {
  std::vector<BftClaim> candidates;
  for (const BftViewChange& change : changes) {
    if (const BftClaim* prepared = find(change.prepared, sequence); prepared != nullptr)
      candidates.push_back(*prepared);
  }
  // The newest view first; the digests only make the order the same everywhere.
  std::sort(candidates.begin(), candidates.end(),
            [](const BftClaim& a, const BftClaim& b) { return std::tie(b.view, b.batch) < std::tie(a.view, a.batch); });
  for (const BftClaim& candidate : candidates) {
    if (may_be_chosen(candidate, changes, config)) return candidate.batch;
  }
  if (changes.size() - candidates.size() >= config.quorum()) return message::kNullBatch;
  return std::nullopt;
}

bool fit(const std::vector<BftClaim>& claims, const BftViewChange& change, const BftConfig& config) {
  SeqNum last = change.stable;
  for (const BftClaim& claim : claims) {
    if (claim.sequence <= last || claim.sequence.value() - change.stable.value() > config.window) return false;
    if (claim.view >= change.view) return false;
    last = claim.sequence;
  }
  return true;
}

}  // namespace

bool claims_fit(const BftViewChange& change, const BftConfig& config) {
  return change.stable.value() % config.checkpoint_interval == 0 && fit(change.prepared, change, config) &&
         fit(change.pre_prepared, change, config);
}

std::optional<Carried> carry_over(const std::vector<BftViewChange>& changes, const BftConfig& config) {
  if (changes.size() < config.quorum()) return std::nullopt;
  Carried carried;
  for (const BftViewChange& change : changes) carried.start = std::max(carried.start, change.stable);
  SeqNum last = carried.start;
  for (const BftViewChange& change : changes) {
    if (!change.prepared.empty()) last = std::max(last, change.prepared.back().sequence);
  }
  for (SeqNum sequence = carried.start; sequence < last;) {
    sequence = sequence.next();
    const std::optional<Digest> batch = choose(sequence, changes, config);
    if (!batch.has_value()) return std::nullopt;
    carried.batches.push_back(*batch);
  }
  return carried;
}

}  // namespace garrison::bft
