#include "control/bft/fetch.h"

#include <algorithm>

namespace garrison::bft {
namespace {

constexpr std::size_t kLengthBytes = 4;  // in front of each update of an UPDATES
constexpr std::size_t kUpdatesBytes = message::kMaxBftUpdatesBody - 16;

bool bit(const message::BftFetch& fetch, std::size_t place) {
  return (fetch.missing[place / 8] >> (place % 8) & 1U) != 0;
}

}  // namespace

void Fetch::tick(Instant now, ServerId leader, const Log& log, const CatchUp& catch_up, SeqNum executed,
                 Promises& promises, ordering::Output& output) {
  if (config_.n == 1) return;  // nobody to ask, and nothing that it did not propose itself
  const SeqNum to_order = log.settled_through();
  const auto next_after = [&](SeqNum done, SeqNum sequence) {
    return sequence > done && sequence.value() - done.value() <= config_.fetch_window;
  };
  std::erase_if(asks_,
                [&](const auto& one) { return !next_after(executed, one.first) && !next_after(to_order, one.first); });
  for (std::size_t i = 1; i <= config_.fetch_window; ++i) {
    const SeqNum sequence(executed.value() + i);
    if (sequence <= to_order) ask(now, leader, sequence, log, catch_up, promises, output);
  }
  for (std::size_t i = 1; i <= config_.fetch_window; ++i) {
    ask(now, leader, SeqNum(to_order.value() + i), log, catch_up, promises, output);
  }
}

void Fetch::ask(Instant now, ServerId leader, SeqNum sequence, const Log& log, const CatchUp& catch_up,
                Promises& promises, ordering::Output& output) {
  const SharedBatch decided = catch_up.decided(sequence);
  const auto wanted = decided != nullptr ? Log::Wanted{decided->digest(), decided} : log.wanted(sequence);
  if (!wanted.has_value() || (wanted->batch != nullptr && wanted->batch->complete())) {
    asks_.erase(sequence);
    return;
  }
  const auto [at, fresh] = asks_.try_emplace(sequence, Ask{wanted->digest, now + config_.fetch_period, 0});
  if (!fresh && at->second.batch != wanted->digest) at->second = {wanted->digest, now + config_.fetch_period, 0};
  Ask& asking = at->second;
  if (now < asking.next) return;
  message::BftFetch fetch{sequence, wanted->digest, {}};
  for (std::size_t place = 0; wanted->batch != nullptr && place < wanted->batch->bodies().size(); ++place) {
    if (wanted->batch->bodies()[place] != nullptr) continue;
    fetch.missing[place / 8] = static_cast<std::uint8_t>(fetch.missing[place / 8] | 1U << (place % 8));
  }
  promises.say(fetch, ServerSet::only(target(leader, asking.asked++)), 0, output);
  asking.next = now + config_.fetch_period;
}

// The others in turn, the leader first.
ServerId Fetch::target(ServerId leader, std::size_t asked) const {
  std::size_t turn = asked % (config_.n - 1);
  for (ServerId at = leader;; at = ServerId(static_cast<std::uint16_t>((at.index() + 1) % config_.n))) {
    if (at != config_.self && turn-- == 0) return at;
  }
}

Instant Fetch::next_wakeup() const {
  Instant next = Instant::never();
  for (const auto& [sequence, ask] : asks_) next = earlier(next, ask.next);
  return next;
}

std::optional<DropReason> Fetch::answer(Instant now, const message::VerifiedMessage& message, const Log& log,
                                        const History& history, Promises& promises, ordering::Output& output) {
  const auto fetch = message.as<message::BftFetch>();
  SharedBatch batch = log.find(fetch.sequence, fetch.batch);
  if (batch == nullptr) batch = history.find(fetch.sequence);
  if (batch == nullptr || batch->digest() != fetch.batch) return DropReason::bft_stale;
  Peer& peer = peers_[message.server().index()];
  if (now >= peer.since + config_.retransmit_period) peer = {now, config_.repair_bytes};
  const bool wants_batch = std::all_of(fetch.missing.begin(), fetch.missing.end(), [](auto b) { return b == 0; });
  if (!wants_batch) {
    answer_updates(message.server(), fetch.sequence, *batch, fetch, peer, promises, output);
    return std::nullopt;
  }
  const std::size_t size = batch->updates().size() * sizeof(Digest);
  if (size > peer.bytes_left) return std::nullopt;
  peer.bytes_left -= size;
  promises.say(message::BftBatch{fetch.sequence, false, batch->updates()}, ServerSet::only(message.server()), 0,
               output);
  return std::nullopt;
}

void Fetch::answer_updates(ServerId to, SeqNum sequence, const Batch& batch, const message::BftFetch& fetch, Peer& peer,
                           Promises& promises, ordering::Output& output) const {
  std::vector<Stored> updates;
  for (std::size_t place = 0; place < batch.bodies().size(); ++place) {
    const Stored& update = batch.bodies()[place];
    if (!bit(fetch, place) || update == nullptr) continue;
    const std::size_t size = update->get().bytes().size();
    if (size > peer.bytes_left) break;
    peer.bytes_left -= size;
    updates.push_back(update);
  }
  send_updates(updates, sequence, to, promises, output);
}

void send_updates(const std::vector<Stored>& updates, SeqNum sequence, ServerId to, Promises& promises,
                  ordering::Output& output) {
  message::BftUpdates message{sequence, {}};
  std::size_t bytes = 0;
  const auto flush = [&] {
    if (message.updates.empty()) return;
    promises.say(message, ServerSet::only(to), 0, output);
    message.updates.clear();
    bytes = 0;
  };
  for (const Stored& update : updates) {
    const std::size_t size = kLengthBytes + update->get().bytes().size();
    if (bytes + size > kUpdatesBytes || message.updates.size() == message::kMaxUpdatesPerBatch) flush();
    message.updates.push_back(update->get().bytes());
    bytes += size;
  }
  flush();
}

}  // namespace garrison::bft
