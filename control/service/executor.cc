#include "control/service/executor.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "control/service/append.h"
#include "crypto/digest.h"
#include "dataplane/base/check.h"

namespace garrison::service {
namespace {

constexpr std::uint32_t kSnapshotFormat = 0x31'78'65'67;  // "gex1"
constexpr std::size_t kClientBytes = 4 + 8 + 8 + 4;       // fixed part of a client in a snapshot
constexpr std::size_t kSlotBytes = 8 + 8 + 4;

bool within(std::size_t window, SeqNum base, SeqNum sequence) {
  return sequence <= base || sequence.value() - base.value() <= window;
}

}  // namespace

std::optional<DropReason> drop_reason(Admission::Verdict verdict) {
  switch (verdict) {
    case Admission::Verdict::fresh:
      return std::nullopt;
    case Admission::Verdict::executed:
    case Admission::Verdict::in_progress:
      return DropReason::client_duplicate;
    case Admission::Verdict::stale:
      return DropReason::client_stale;
    case Admission::Verdict::beyond_window:
      return DropReason::client_beyond_window;
    case Admission::Verdict::table_full:
      return DropReason::client_intake_full;
  }
  return std::nullopt;
}

Executor::Executor(std::unique_ptr<Service> service, const ExecutorLimits& limits)
    : service_(std::move(service)), limits_(limits) {
  CHECK(service_ != nullptr);
  CHECK(limits_.window > 0);
  CHECK(limits_.max_reply_bytes_per_client >= kMaxOperationBytes);
}

Executor::Slot& Executor::slot(Client& client, SeqNum sequence) const {
  return client.slots[sequence.value() % limits_.window];
}

const Executor::Slot& Executor::slot(const Client& client, SeqNum sequence) const {
  return client.slots[sequence.value() % limits_.window];
}

bool Executor::executed(const Client& client, SeqNum sequence) const {
  return sequence <= client.base || slot(client, sequence).sequence == sequence;
}

Executor::Client* Executor::enter(const message::ClientOp& op) {
  const auto found = table_.find(op.client);
  const bool known = found != table_.end();
  if (known && op.incarnation < found->second.incarnation) return nullptr;
  const bool starts_afresh = !known || op.incarnation > found->second.incarnation;
  if (!within(limits_.window, starts_afresh ? SeqNum() : found->second.base, op.sequence)) return nullptr;
  if (!starts_afresh) return &found->second;
  if (!known && table_.size() == limits_.max_clients) return nullptr;
  Client& client = table_[op.client];
  client = Client{};
  client.incarnation = op.incarnation;
  client.slots.resize(limits_.window);
  return &client;
}

std::optional<Executed> Executor::execute(const message::ClientOp& op) {
  unmark(op.client, op.incarnation, op.sequence);
  Executed event;
  event.client = op.client;
  event.incarnation = op.incarnation;
  event.sequence = op.sequence;
  Client* const client = op.sequence == SeqNum() ? nullptr : enter(op);
  if (client == nullptr) {
    event.void_update = true;
    return event;
  }
  if (executed(*client, op.sequence)) return std::nullopt;

  Slot& own = slot(*client, op.sequence);
  client->reply_bytes -= own.result.size();
  own.sequence = op.sequence;
  own.state_sequence = ++state_sequence_;
  service_->apply(op.operation, reply_);
  CHECK(reply_.size() <= kMaxOperationBytes);
  own.result = Bytes(reply_.begin(), reply_.end());  // no more capacity than counted
  client->reply_bytes += own.result.size();
  client->top = std::max(client->top, op.sequence);
  while (slot(*client, client->base.next()).sequence == client->base.next()) client->base = client->base.next();
  keep_within_bounds(*client, own);

  event.state_sequence = own.state_sequence;
  event.result = own.result;
  return event;
}

// Lowest sequence first: a client submits nothing a window beyond its oldest unanswered sequence, so the lowest is the
// likeliest to be answered. Never the newest execution's own reply, which is still to be sent. Every slot in use lies
// within a window of the base on either side.
void Executor::keep_within_bounds(Client& client, const Slot& newest) const {
  const std::uint64_t base = client.base.value();
  for (std::uint64_t s = base < limits_.window ? 1 : base - limits_.window + 1;
       client.reply_bytes > limits_.max_reply_bytes_per_client && s <= client.top.value(); ++s) {
    Slot& old = slot(client, SeqNum(s));
    if (&old == &newest || old.sequence != SeqNum(s)) continue;
    client.reply_bytes -= old.result.size();
    old.state_sequence = 0;
    old.result = Bytes();
  }
}

Admission Executor::admit(const message::ClientOp& op) {
  using Verdict = Admission::Verdict;
  const auto found = table_.find(op.client);
  const Client* client = found == table_.end() ? nullptr : &found->second;
  if (op.sequence == SeqNum()) return {Verdict::stale, 0, {}};
  if (client != nullptr && op.incarnation < client->incarnation) return {Verdict::stale, 0, {}};
  if (client != nullptr && op.incarnation > client->incarnation) client = nullptr;
  if (!within(intake_window(), client == nullptr ? SeqNum() : client->base, op.sequence)) {
    return {Verdict::beyond_window, 0, {}};
  }
  if (client != nullptr && executed(*client, op.sequence)) {
    const Slot& own = slot(*client, op.sequence);
    if (own.sequence != op.sequence || own.state_sequence == 0) return {Verdict::stale, 0, {}};
    return {Verdict::executed, own.state_sequence, own.result};
  }
  return {mark(op), 0, {}};
}

Admission::Verdict Executor::mark(const message::ClientOp& op) {
  using Verdict = Admission::Verdict;
  auto found = intake_.find(op.client);
  if (found == intake_.end()) {
    if (intake_.size() == limits_.max_clients) return Verdict::table_full;
    found = intake_.emplace(op.client, Intake{op.incarnation, std::vector<SeqNum>(intake_window())}).first;
  }
  Intake& intake = found->second;
  if (op.incarnation < intake.incarnation) return Verdict::stale;
  if (op.incarnation > intake.incarnation) {
    intake.incarnation = op.incarnation;
    std::fill(intake.marks.begin(), intake.marks.end(), SeqNum());
  }
  SeqNum& own = intake.marks[op.sequence.value() % intake_window()];
  if (own == op.sequence) return Verdict::in_progress;
  own = op.sequence;
  return Verdict::fresh;
}

void Executor::forget(ClientId client, Incarnation incarnation, SeqNum sequence) {
  unmark(client, incarnation, sequence);
}

void Executor::unmark(ClientId client, Incarnation incarnation, SeqNum sequence) {
  const auto found = intake_.find(client);
  if (found == intake_.end() || found->second.incarnation != incarnation) return;
  SeqNum& own = found->second.marks[sequence.value() % intake_window()];
  if (own == sequence) own = SeqNum();
}

Digest Executor::state_digest() const {
  Bytes table;
  encode_table(table);
  return crypto::Sha256().update(service_->digest()).update(table).finish();
}

Bytes Executor::snapshot() const {
  Bytes out;
  append(out, kSnapshotFormat);
  encode_table(out);
  append(out, service_->snapshot());
  return out;
}

Result<void> Executor::restore(ByteView snapshot) {
  Reader reader(snapshot);
  if (reader.u32() != kSnapshotFormat) return Error{"not a snapshot of executed state, or of another version of it"};
  const std::uint64_t state_sequence = reader.u64();
  std::optional<Table> table = decode_table(reader);
  if (!table) return Error{"reply table of the snapshot is damaged, or was made under other limits"};
  if (Result<void> restored = service_->restore(reader.view(reader.remaining())); !restored) return restored;
  table_ = std::move(*table);
  state_sequence_ = state_sequence;
  intake_.clear();
  return {};
}

// u64 state sequence | u32 clients | per client, ascending: u32 id, u64 incarnation, u64 base, u32 slots | per slot in
// use, ascending by sequence: u64 sequence, u64 state sequence (0: reply let go), u32 length, reply.
void Executor::encode_table(Bytes& out) const {
  append(out, state_sequence_);
  append(out, static_cast<std::uint32_t>(table_.size()));
  std::vector<const Slot*> used;
  for (const auto& [id, client] : table_) {
    used.clear();
    for (const Slot& one : client.slots) {
      if (one.sequence != SeqNum()) used.push_back(&one);
    }
    std::sort(used.begin(), used.end(), [](const Slot* a, const Slot* b) { return a->sequence < b->sequence; });
    append(out, id.value());
    append(out, client.incarnation.value());
    append(out, client.base.value());
    append(out, static_cast<std::uint32_t>(used.size()));
    for (const Slot* one : used) {
      append(out, one->sequence.value());
      append(out, one->state_sequence);
      append(out, static_cast<std::uint32_t>(one->result.size()));
      append(out, one->result);
    }
  }
}

// The slots in use are exactly those that executions leave behind: sequences of one window, ascending, none but the
// base's neighbourhood beyond it. Anything else is damage.
std::optional<Executor::Client> Executor::decode_client(Reader& reader) const {
  Client client;
  client.incarnation = Incarnation(reader.u64());
  client.base = SeqNum(reader.u64());
  const std::uint32_t used = reader.u32();
  if (client.base.value() > std::numeric_limits<std::uint64_t>::max() - 2 * limits_.window) return std::nullopt;
  if (used == 0 || used > limits_.window || reader.remaining() / kSlotBytes < used) return std::nullopt;
  client.slots.resize(limits_.window);
  for (std::uint32_t i = 0; i < used; ++i) {
    const SeqNum sequence(reader.u64());
    const std::uint64_t state_sequence = reader.u64();
    const ByteView result = reader.view(reader.u32());
    if (!reader.ok() || sequence <= client.top || !within(limits_.window, client.base, sequence)) return std::nullopt;
    if (result.size() > kMaxOperationBytes || (state_sequence == 0 && !result.empty())) return std::nullopt;
    if (slot(client, sequence).sequence != SeqNum() || sequence == client.base.next()) return std::nullopt;
    client.top = sequence;
    client.reply_bytes += result.size();
    slot(client, sequence) = {sequence, state_sequence, to_bytes(result)};
  }
  const bool base_is_executed = client.base == SeqNum() || slot(client, client.base).sequence >= client.base;
  if (!base_is_executed || client.reply_bytes > limits_.max_reply_bytes_per_client) return std::nullopt;
  return client;
}

std::optional<Executor::Table> Executor::decode_table(Reader& reader) const {
  const std::uint32_t clients = reader.u32();
  if (clients > limits_.max_clients || reader.remaining() / kClientBytes < clients) return std::nullopt;
  Table table;
  for (std::uint32_t i = 0; i < clients; ++i) {
    const ClientId id(reader.u32());
    if (!table.empty() && id <= table.rbegin()->first) return std::nullopt;
    std::optional<Client> client = decode_client(reader);
    if (!client) return std::nullopt;
    table.emplace_hint(table.end(), id, std::move(*client));
  }
  if (!reader.ok()) return std::nullopt;
  return table;
}

}  // namespace garrison::service
