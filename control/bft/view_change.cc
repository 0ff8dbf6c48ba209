#include "control/bft/view_change.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/check.h"

namespace garrison::bft {
namespace {

// VIEW-CHANGEs kept of one server: servers that are few views apart must still be able to check each other's NEW-VIEWs.
constexpr std::size_t kKeptViewChanges = 4;
constexpr std::size_t kViewBytes = 8;  // recorded of a VIEW-CHANGE or NEW-VIEW: the view is used up

std::vector<message::BftViewChange> decode(const std::vector<Stored>& messages) {
  std::vector<message::BftViewChange> changes;
  for (const Stored& message : messages) changes.push_back(message->get().as<message::BftViewChange>());
  return changes;
}

}  // namespace

ViewChange::ViewChange(const BftConfig& config) : config_(config), changes_(config.n), candidates_(config.n) {}

void ViewChange::leave_for(View view, const Checkpoints& checkpoints, Log& log, Promises& promises,
                           ordering::Output& output) {
  CHECK(view > view_);
  view_ = view;
  leader_lied_ = false;
  log.leave_view();
  message::BftViewChange change;
  change.view = view_;
  change.stable = checkpoints.stable();
  for (const Stored& checkpoint : checkpoints.proof()) change.checkpoints.push_back(checkpoint->get().bytes());
  change.prepared = log.prepared();
  change.pre_prepared = log.pre_prepared();
  promises.promise(change, kViewBytes, config_.others(), output);
}

// The signatures are checked: what is left is that they are enough, and about this checkpoint.
bool ViewChange::proves(const message::VerifiedMessage& message, const message::BftViewChange& change,
                        std::vector<message::VerifiedMessage>& checkpoints) const {
  if (change.stable == SeqNum(0)) return change.checkpoints.empty();
  if (change.checkpoints.size() < config_.quorum()) return false;
  for (const ByteView bytes : change.checkpoints) checkpoints.push_back(message::inner_message(message, bytes));
  const auto first = checkpoints.front().as<message::BftCheckpoint>();
  const auto unordered = [](const auto& a, const auto& b) { return a.server() >= b.server(); };
  if (std::adjacent_find(checkpoints.begin(), checkpoints.end(), unordered) != checkpoints.end()) return false;
  return std::all_of(checkpoints.begin(), checkpoints.end(), [&](const message::VerifiedMessage& one) {
    const auto checkpoint = one.as<message::BftCheckpoint>();
    return checkpoint.sequence == change.stable && checkpoint.state == first.state;
  });
}

std::optional<DropReason> ViewChange::on_view_change(const message::VerifiedMessage& message, Checkpoints& checkpoints,
                                                     ordering::Output& output) {
  const auto change = message.as<message::BftViewChange>();
  std::vector<Change>& kept = changes_[message.server().index()];
  if (change.view <= installed_) return DropReason::bft_stale;
  if (const Change* known = find(message.server(), change.view); known != nullptr) {
    if (known->message->get().digest() == message.digest()) return DropReason::bft_duplicate;
    output.blame.push_back({message.server(), DropReason::bft_equivocation, known->message, store(message)});
    return DropReason::bft_equivocation;
  }
  if (kept.size() == kKeptViewChanges && change.view < kept.front().view) return DropReason::bft_stale;
  std::vector<message::VerifiedMessage> proof;
  if (!claims_fit(change, config_) || !proves(message, change, proof)) return DropReason::bft_bad_view_change;
  for (const message::VerifiedMessage& checkpoint : proof) {
    if (change.stable > checkpoints.stable()) checkpoints.on_checkpoint(checkpoint, output);
  }
  const auto behind = std::find_if(kept.begin(), kept.end(), [&](const Change& one) { return one.view > change.view; });
  kept.insert(behind, {change.view, store(message)});
  if (kept.size() > kKeptViewChanges) kept.erase(kept.begin());
  return std::nullopt;
}

std::optional<DropReason> ViewChange::on_new_view(const message::VerifiedMessage& message, ordering::Output& output) {
  const auto new_view = message.as<message::BftNewView>();
  if (message.server() != config_.leader_of(new_view.view)) return DropReason::bft_not_leader;
  const auto conflicts = [&](const Stored& known) {
    return known != nullptr && known->get().as<message::BftNewView>().view == new_view.view &&
           known->get().digest() != message.digest();
  };
  Stored& candidate = candidates_[message.server().index()];
  for (const Stored& known : {candidate, new_view_}) {
    if (!conflicts(known)) continue;
    output.blame.push_back({message.server(), DropReason::bft_equivocation, known, store(message)});
    return DropReason::bft_equivocation;
  }
  if (new_view.view <= installed_) return DropReason::bft_stale;
  // Signed with our key, but not by this life of ours.
  if (message.server() == config_.self && new_view.view > announced_) return DropReason::bft_beyond_window;
  if (candidate != nullptr && candidate->get().as<message::BftNewView>().view >= new_view.view) {
    return DropReason::bft_duplicate;
  }
  candidate = store(message);
  return std::nullopt;
}

const ViewChange::Change* ViewChange::find(ServerId server, View view) const {
  const std::vector<Change>& kept = changes_[server.index()];
  const auto at = std::find_if(kept.begin(), kept.end(), [&](const Change& change) { return change.view == view; });
  return at == kept.end() ? nullptr : &*at;
}

ServerSet ViewChange::holders(View view) const {
  ServerSet set;
  for (std::size_t i = 0; i < config_.n; ++i) {
    const ServerId server(static_cast<std::uint16_t>(i));
    if (find(server, view) != nullptr) set.insert(server);
  }
  return set;
}

bool ViewChange::elected() const {
  const auto left = std::count_if(changes_.begin(), changes_.end(), [&](const std::vector<Change>& kept) {
    return !kept.empty() && kept.back().view >= view_;
  });
  return static_cast<std::size_t>(left) >= config_.quorum();
}

Stored ViewChange::own() const {
  const Change* change = find(config_.self, view_);
  return change == nullptr ? nullptr : change->message;
}

// Of the f+1 the lowest, so that nobody is taken further than a correct server has gone.
std::optional<View> ViewChange::taken_along() const {
  std::vector<View> later;
  for (const std::vector<Change>& kept : changes_) {
    if (!kept.empty() && kept.back().view > view_) later.push_back(kept.back().view);
  }
  if (later.size() <= config_.f) return std::nullopt;
  std::sort(later.begin(), later.end(), std::greater<>());
  return later[config_.f];
}

void ViewChange::announce(Promises& promises, ordering::Output& output) {
  if (active() || leader() != config_.self || announced_ == view_) return;
  std::vector<Stored> messages;
  message::BftNewView new_view;
  holders(view_).for_each([&](ServerId server) {
    messages.push_back(find(server, view_)->message);
    new_view.basis.push_back({server, messages.back()->get().digest()});
  });
  std::optional<Carried> carried = carry_over(decode(messages), config_);
  if (!carried.has_value()) return;
  announced_ = view_;
  new_view.view = view_;
  new_view.start = carried->start;
  new_view.batches = std::move(carried->batches);
  promises.promise(new_view, kViewBytes, config_.others(), output);
}

std::optional<std::vector<Stored>> ViewChange::find_basis(const message::BftNewView& new_view) const {
  std::vector<Stored> messages;
  for (const message::BftNewView::Basis& basis : new_view.basis) {
    const Change* change = find(basis.server, new_view.view);
    if (change == nullptr || change->message->get().digest() != basis.view_change) return std::nullopt;
    messages.push_back(change->message);
  }
  return messages;
}

std::optional<ViewChange::Installed> ViewChange::next_installed(ordering::Output& output) {
  for (Stored& candidate : candidates_) {
    if (candidate == nullptr) continue;
    const auto new_view = candidate->get().as<message::BftNewView>();
    if (new_view.view <= installed_) {
      candidate = nullptr;
      continue;
    }
    if (new_view.view > view_) continue;
    std::optional<std::vector<Stored>> messages = find_basis(new_view);
    if (!messages.has_value()) continue;
    const bool ascending = std::adjacent_find(new_view.basis.begin(), new_view.basis.end(), [](auto& a, auto& b) {
                             return a.server >= b.server;
                           }) == new_view.basis.end();
    std::optional<Carried> carried = ascending ? carry_over(decode(*messages), config_) : std::nullopt;
    const Stored message = std::exchange(candidate, nullptr);
    if (carried != Carried{new_view.start, new_view.batches}) {
      output.drops.push_back(DropReason::bft_bad_new_view);
      if (new_view.view == view_) leader_lied_ = true;
      continue;
    }
    installed_ = new_view.view;
    new_view_ = message;
    basis_ = std::move(*messages);
    return Installed{installed_, std::move(*carried)};
  }
  return std::nullopt;
}

}  // namespace garrison::bft
