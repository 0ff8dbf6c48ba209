#include "control/bft/bft.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/check.h"

namespace garrison::bft {
namespace {

BftConfig checked(const BftConfig& config) {
  CHECK(check(config).ok());
  return config;
}

}  // namespace

Bft::Bft(const BftConfig& config)
    : config_(checked(config)),
      promises_(config_.envelope),
      queue_(config_),
      history_(config_),
      catch_up_(config_),
      log_(config_,
           [this](const Digest& update) {
             const Stored waiting = queue_.find(update);
             return waiting != nullptr ? waiting : history_.find_update(update);
           }),
      checkpoints_(config_),
      view_change_(config_),
      timer_(config_),
      fetch_(config_),
      repair_(config_) {}

void Bft::step(Instant now, const ordering::Input& input, ordering::Output& output) {
  if (const auto* message = std::get_if<message::VerifiedMessage>(&input)) {
    if (const Refusal refusal = on_message(now, *message, output)) output.drops.push_back(*refusal);
  } else if (const auto* digest = std::get_if<ordering::CheckpointDigest>(&input)) {
    checkpoints_.reached(digest->sequence, digest->digest, promises_, output);
  } else if (const auto* state = std::get_if<ordering::Restored>(&input)) {
    restored(state->sequence, output);
  }
  log_.make_stable(checkpoints_.stable());
  change_view(now, output);
  execute(now, output);
  speak(now, output);
  watch_leader(now, output);
}

Bft::Refusal Bft::on_message(Instant now, const message::VerifiedMessage& message, ordering::Output& output) {
  using message::MessageType;
  if (message.type() == MessageType::ClientOp) return on_client_op(now, message, output);
  if (!message.is_participant() || message.server().index() >= config_.n) {
    return DropReason::message_unknown_signer;
  }
  const bool own = message.server() == config_.self;
  switch (message.type()) {
    case MessageType::BftPrePrepare:
      return on_pre_prepare(message, output);
    case MessageType::BftPrepare:
      return log_.on_prepare(message, promises_, output);
    case MessageType::BftCommit:
      return log_.on_commit(message, promises_, output);
    case MessageType::BftCheckpoint:
      return checkpoints_.on_checkpoint(message, output);
    case MessageType::BftViewChange:
      return view_change_.on_view_change(message, checkpoints_, output);
    case MessageType::BftNewView:
      return view_change_.on_new_view(message, output);
    case MessageType::BftStatus:
      repair_.on_status(now, message, view_change_, checkpoints_, log_, history_, promises_, output);
      return std::nullopt;
    case MessageType::BftFetch:
      return own ? Refusal() : fetch_.answer(now, message, log_, history_, promises_, output);
    case MessageType::BftBatch:
      return own ? Refusal() : on_batch(message, output);
    case MessageType::BftUpdates:
      return own ? Refusal() : on_updates(now, message, output);
    default:
      return DropReason::message_wrong_direction;
  }
}

Bft::Refusal Bft::on_client_op(Instant now, const message::VerifiedMessage& message, ordering::Output& output) {
  if (const Refusal refusal = queue_.add(now, message)) return refusal;
  log_.on_update(queue_.find(message.digest()), promises_, output);
  return std::nullopt;
}

Bft::Refusal Bft::on_pre_prepare(const message::VerifiedMessage& message, ordering::Output& output) {
  if (const Refusal refusal = log_.on_pre_prepare(message, promises_, output)) return refusal;
  for (const Digest& update : message.as<message::BftPrePrepare>().updates) queue_.proposed(update);
  return std::nullopt;
}

Bft::Refusal Bft::on_batch(const message::VerifiedMessage& message, ordering::Output& output) {
  const auto batch = message.as<message::BftBatch>();
  const bool wanted = log_.on_batch(batch.sequence, batch.updates, promises_, output);
  const bool claimed =
      batch.committed && catch_up_.on_claim(message.server(), batch.sequence, batch.updates, history_.last());
  return wanted || claimed ? Refusal() : DropReason::bft_unasked;
}

Bft::Refusal Bft::on_updates(Instant now, const message::VerifiedMessage& message, ordering::Output& output) {
  const auto updates = message.as<message::BftUpdates>();
  if (updates.sequence == SeqNum(0)) return take_handed_on(now, message, updates, output);
  const SharedBatch decided = catch_up_.decided(updates.sequence);
  for (const ByteView bytes : updates.updates) {
    const Stored update = store(message::update_message(message, bytes));
    log_.on_update(update, promises_, output);
    if (decided == nullptr) continue;
    for (std::size_t place = 0; place < decided->updates().size(); ++place) {
      if (decided->updates()[place] == update->get().digest()) decided->supply(place, update);
    }
  }
  return std::nullopt;
}

// Only the leader has use for what others hand on.
Bft::Refusal Bft::take_handed_on(Instant now, const message::VerifiedMessage& message,
                                 const message::BftUpdates& updates, ordering::Output& output) {
  if (!leads()) return DropReason::bft_not_leader;
  for (const ByteView bytes : updates.updates) {
    const message::VerifiedMessage update = message::update_message(message, bytes);
    if (history_.find_update(update.digest()) != nullptr) {
      output.drops.push_back(DropReason::bft_stale);
    } else if (const Refusal refusal = on_client_op(now, update, output)) {
      return refusal;
    }
  }
  return std::nullopt;
}

// The view and the stable checkpoint are learnt from others: a core of BFT needs nothing beside the executed state.
// Which waiting updates that state covers is not known; the others wait at other servers, and are fetched once ordered.
// Its CHECKPOINT counts like one of a server that came there by itself: at the high water mark everyone's may be
// needed.
void Bft::restored(SeqNum sequence, ordering::Output& output) {
  CHECK(sequence > history_.last());
  queue_.clear();
  history_.restart(sequence);
  log_.executed(sequence);
  ask_for_digest(output);
}

// Where a CHECKPOINT is due.
void Bft::ask_for_digest(ordering::Output& output) const {
  if (history_.last().value() % config_.checkpoint_interval != 0) return;
  output.checkpoints.push_back({history_.last(), {}, output.deliver.size(), true});
}

// Installs what is valid, goes along with f+1 others, and leads where it is this server's turn.
void Bft::change_view(Instant now, ordering::Output& output) {
  if (const std::optional<View> view = view_change_.taken_along()) leave_for(now, *view, output);
  while (const std::optional<ViewChange::Installed> installed = view_change_.next_installed(output)) {
    log_.settle(installed->view, installed->carried.start, installed->carried.batches);
    if (!view_change_.active()) continue;
    view_change_took_ = now - left_at_;
    queue_.forget_proposals(now);
    log_.enter_view(installed->view, installed->carried.start, installed->carried.batches, promises_, output);
    for (SeqNum sequence = installed->carried.start; sequence < log_.highest();) {
      sequence = sequence.next();
      const std::optional<Log::Wanted> carried = log_.wanted(sequence);
      if (!carried.has_value() || carried->batch == nullptr) continue;
      for (const Digest& update : carried->batch->updates()) queue_.proposed(update);
    }
    timer_.restart(now);
  }
  if (view_change_.leader_lied()) leave_for(now, view_change_.view().next(), output);
  view_change_.announce(promises_, output);
}

void Bft::leave_for(Instant now, View view, ordering::Output& output) {
  if (view_change_.active()) left_at_ = now;
  timer_.lengthen();
  view_change_.leave_for(view, checkpoints_, log_, promises_, output);
}

SharedBatch Bft::next_batch() const {
  const SeqNum next = history_.last().next();
  const SharedBatch committed = log_.committed(next);
  if (committed != nullptr && committed->complete()) return committed;
  const SharedBatch decided = catch_up_.decided(next);
  if (decided == nullptr) return nullptr;
  for (std::size_t place = 0; place < decided->updates().size(); ++place) {
    if (decided->bodies()[place] != nullptr) continue;
    const Digest& update = decided->updates()[place];
    Stored held = queue_.find(update);
    if (held == nullptr) held = history_.find_update(update);
    if (held != nullptr) decided->supply(place, held);
  }
  return decided->complete() ? decided : nullptr;
}

// Strictly in order: a batch that is not committed, or of which an update is not held, holds up all behind it.
void Bft::execute(Instant now, ordering::Output& output) {
  for (SharedBatch batch = next_batch(); batch != nullptr; batch = next_batch()) {
    deliver(now, batch, output);
    const SeqNum sequence = history_.last();
    catch_up_.executed(sequence);
    log_.executed(sequence);
    ask_for_digest(output);
  }
}

void Bft::deliver(Instant now, const SharedBatch& batch, ordering::Output& output) {
  bool first = false;
  for (const Stored& update : batch->bodies()) {
    output.deliver.push_back({update, {update->get().bytes()}});
    first |= queue_.executed(update->get().digest());
  }
  updates_delivered_ += batch->bodies().size();
  history_.executed(batch);
  // [PRIME] 2: only the first of the queue restarts the timer.
  if (!first || !view_change_.active()) return;
  timer_.progress();
  timer_.restart(now);
}

void Bft::speak(Instant now, ordering::Output& output) {
  while (log_.may_propose() && queue_.has_unproposed()) {
    std::vector<Digest> batch = queue_.next_batch();
    for (const Digest& update : batch) queue_.proposed(update);
    log_.propose(std::move(batch), promises_, output);
  }
  if (repair_.tick(now, view_change_, checkpoints_, history_.last(), promises_, output)) hand_on(now, output);
  fetch_.tick(now, view_change_.leader(), log_, catch_up_, history_.last(), promises_, output);
}

// What no PRE-PREPARE covers for a period may never have reached the leader.
void Bft::hand_on(Instant now, ordering::Output& output) {
  if (!view_change_.active() || leads()) return;
  const std::vector<Stored> updates = queue_.hand_on(now, message::kMaxBftUpdatesBody);
  send_updates(updates, SeqNum(0), view_change_.leader(), promises_, output);
}

// In a view the timer runs for the first update of the queue, between views for the NEW-VIEW once a quorum has left. A
// leader gives up a view of its own that is stuck, too: were it to stay, the others that are stuck might be too few to
// take along those that are not (docs/adr/0010).
void Bft::watch_leader(Instant now, ordering::Output& output) {
  const bool waits = view_change_.active() ? !queue_.empty() : view_change_.elected();
  if (!waits) timer_.stop();
  if (waits && !timer_.runs()) timer_.restart(now);
  waited_ = timer_.waited(now);
  if (!timer_.expired(now)) return;
  last_suspicion_ = {view_change_.view(), waited_, timer_.timeout()};
  leave_for(now, view_change_.view().next(), output);
}

Instant Bft::next_wakeup() const {
  return earlier(timer_.deadline(), earlier(repair_.next_wakeup(), fetch_.next_wakeup()));
}

ordering::Progress Bft::progress() const { return {history_.last(), repair_.evident()}; }

std::optional<ordering::Checkpoint> Bft::checkpoint() const {
  return ordering::Checkpoint{history_.last(), {}, 0, false};
}

ordering::Status Bft::status() const {
  ordering::Status status;
  status.view = view_change_.view();
  status.leader = view_change_.leader();
  status.view_installed = view_change_.active();
  status.leader_suspected = !view_change_.active();
  status.tat_leader = waited_;
  status.tat_acceptable = timer_.timeout();
  status.last_suspicion = last_suspicion_;
  status.view_change_took = view_change_took_;
  status.globally_ordered = history_.last();
  status.updates_delivered = updates_delivered_;
  status.updates_waiting = queue_.size();
  status.requests_outstanding = log_.in_flight();
  return status;
}

}  // namespace garrison::bft
