#include "apps/server/control_part.h"

#include <algorithm>
#include <array>

#include "crypto/batch.h"
#include "crypto/digest.h"

namespace garrison::server {

namespace {
constexpr std::size_t kBurst = 64;
constexpr Duration kPublishPeriod = milliseconds(20);
constexpr std::size_t kOneOwner = 1;
constexpr std::size_t kNoQuota = ~std::size_t{0};
constexpr std::size_t kMacBytes = 16;
}  // namespace

ControlPart::ControlPart(const Config& config, std::unique_ptr<ordering::OrderingCore> core,
                         std::unique_ptr<service::Executor> executor, std::unique_ptr<Store> store, Queues& queues,
                         const state_transfer::TransferConfig& transfer)
    : config_(config),
      core_(std::move(core)),
      executor_(std::move(executor)),
      store_(std::move(store)),
      queues_(queues),
      transfer_(transfer),
      send_slab_(kSendClasses, kOneOwner, kNoQuota),
      reply_slab_(kReplyClasses, kOneOwner, kNoQuota) {}

std::size_t ControlPart::poll(Instant now) {
  take_back();
  std::size_t done = take_signed(now) + take_verified(now) + take_checked(now) + take_clients(now);
  if (core_->next_wakeup() <= now) {
    step(now, ordering::Wakeup{});
    ++done;
  }
  for (; !digests_due_.empty(); digests_due_.pop_front()) step(now, digests_due_.front());
  transfer(now);
  announce_durable(now);
  flush();
  publish(now);
  return done;
}

void ControlPart::take_back() {
  std::array<SlotRef, kBurst> burst;
  for (std::size_t n = queues_.sent->pop(burst); n > 0; n = queues_.sent->pop(burst)) {
    for (std::size_t i = 0; i < n; ++i) send_slab_.free(burst[i]);
  }
  for (std::size_t n = queues_.replies_sent->pop(burst); n > 0; n = queues_.replies_sent->pop(burst)) {
    for (std::size_t i = 0; i < n; ++i) reply_slab_.free(burst[i]);
  }
}

std::size_t ControlPart::take_signed(Instant now) {
  std::array<SignedOutbound, kBurst> burst;
  const std::size_t count = queues_.signed_out->pop(burst);
  for (std::size_t i = 0; i < count; ++i) {
    take(now, burst[i].message);
    if (burst[i].outbound.to.empty()) {
      send_slab_.free(burst[i].outbound.slot);
    } else {
      send_when_durable(burst[i].outbound);
    }
  }
  return count;
}

std::size_t ControlPart::take_verified(Instant now) {
  std::array<VerifiedInbound, kBurst> burst;
  const std::size_t count = queues_.verified->pop(burst);
  for (std::size_t i = 0; i < count; ++i) {
    take(now, burst[i].message);
    CHECK(queues_.consumed->push_one(burst[i].slot));
  }
  return count;
}

std::size_t ControlPart::take_checked(Instant now) {
  std::array<Checked, kBurst> burst;
  const std::size_t count = queues_.checked->pop(burst);
  for (std::size_t i = 0; i < count; ++i) {
    if (burst[i].valid) step(now, burst[i].message);
    send_slab_.free(burst[i].slot);
  }
  checks_under_way_ -= count;
  return count;
}

std::size_t ControlPart::take_clients(Instant now) {
  std::array<VerifiedClient, kBurst> burst;
  const std::size_t count = queues_.client_verified->pop(burst);
  for (std::size_t i = 0; i < count; ++i) {
    const auto op = burst[i].message.as<message::ClientOp>();
    const service::Admission admission = executor_->admit(op);
    if (admission.verdict == service::Admission::Verdict::fresh) {
      step(now, burst[i].message);
      if (std::find(output_.drops.begin(), output_.drops.end(), DropReason::client_intake_full) !=
          output_.drops.end()) {
        executor_->forget(op.client, op.incarnation, op.sequence);
      }
    } else {
      drops_.add(*service::drop_reason(admission.verdict));
      if (admission.verdict == service::Admission::Verdict::executed) {
        reply(op.client, op.incarnation, op.sequence, admission.state_sequence, admission.result);
      }
    }
    CHECK(queues_.client_consumed->push_one(burst[i].slot));
  }
  return count;
}

// A server's message, this server's own among them: to the state transfer or to the core.
void ControlPart::take(Instant now, const message::VerifiedMessage& message) {
  if (message::find_row(message.type())->protocol != message::Protocol::state) return step(now, message);
  state_transfer::Output output;
  transfer_.on_message(now, message, output);
  carry_out_transfer(now, output);
}

void ControlPart::step(Instant now, const ordering::Input& input) {
  output_.clear();
  ++steps_;
  core_->step(now, input, output_);
  carry_out(now);
}

void ControlPart::carry_out(Instant now) {
  for (const ordering::Persist& record : output_.persist) store_->append(record);
  auto checkpoint = output_.checkpoints.begin();
  for (std::size_t delivered = 0;; ++delivered) {
    for (; checkpoint != output_.checkpoints.end() && checkpoint->delivered == delivered; ++checkpoint) {
      reach(now, *checkpoint);
    }
    if (delivered == output_.deliver.size()) break;
    deliver(output_.deliver[delivered]);
  }
  CHECK(checkpoint == output_.checkpoints.end());
  for (const ordering::Sign& request : output_.sign) sign(request);
  for (const ordering::Forward& request : output_.forward) forward(request);
  for (const ordering::Verify& request : output_.verify) verify(request);
  for (const DropReason reason : output_.drops) drops_.add(reason);
}

void ControlPart::reach(Instant now, const ordering::Checkpoint& checkpoint) {
  if (transfer_.wants(now, checkpoint.sequence)) {
    state_transfer::Output output;
    transfer_.keep(now, checkpoint, executor_->snapshot(), output);
    carry_out_transfer(now, output);
  }
  if (!checkpoint.digest_wanted) return;
  std::array<std::uint8_t, 8> sequence{};
  Writer(sequence).u64(checkpoint.sequence.value());
  digests_due_.push_back({checkpoint.sequence, crypto::Sha256()
                                                   .update(as_bytes(std::string_view("garrison-checkpoint-1")))
                                                   .update(sequence)
                                                   .update(executor_->state_digest())
                                                   .update(checkpoint.state)
                                                   .finish()});
}

void ControlPart::deliver(const ordering::Deliver& batch) {
  for (const ByteView update : batch.updates) {
    const auto op = message::decode<message::ClientOp>(update);
    CHECK(op.has_value());
    const std::optional<service::Executed> executed = executor_->execute(*op);
    if (observer_ != nullptr) observer_->on_update(*op, executed);
    if (!executed.has_value() || executed->void_update) continue;
    reply(executed->client, executed->incarnation, executed->sequence, executed->state_sequence, executed->result);
  }
}

void ControlPart::reply(ClientId client, Incarnation incarnation, SeqNum sequence, std::uint64_t state_sequence,
                        ByteView result) {
  const message::Envelope envelope{config_.system, crypto::Principal::server(config_.site, config_.self),
                                   config_.epoch};
  const Bytes content = message::encode(envelope, message::ClientReply{.server = config_.self,
                                                                       .client = client,
                                                                       .incarnation = incarnation,
                                                                       .sequence = sequence,
                                                                       .state_sequence = state_sequence,
                                                                       .result = result});
  std::optional<SlotRef> slot = reply_slab_.allocate(0, content.size() + kMacBytes);
  if (!slot.has_value()) return drops_.add(DropReason::ring_full);  // the client asks again, the table answers
  slot->length = static_cast<std::uint32_t>(content.size());
  std::copy(content.begin(), content.end(), reply_slab_.bytes(*slot).begin());
  CHECK(queues_.replies->push_one({.slot = *slot, .client = client}));
}

void ControlPart::transfer(Instant now) {
  state_transfer::Output output;
  const ordering::Progress progress = core_->progress();
  transfer_.tick(now, progress, output);
  carry_out_transfer(now, output);
  if (!transfer_.wants(now, progress.executed)) return;
  if (const std::optional<ordering::Checkpoint> here = core_->checkpoint(); here.has_value()) reach(now, *here);
}

void ControlPart::carry_out_transfer(Instant now, state_transfer::Output& output) {
  if (output.restore.has_value()) restore(now, *output.restore);
  for (const ordering::Sign& request : output.sign) sign(request);
  for (const ordering::Forward& request : output.forward) forward(request);
  for (const DropReason reason : output.drops) drops_.add(reason);
}

void ControlPart::restore(Instant now, const state_transfer::Restore& checkpoint) {
  if (checkpoint.sequence <= core_->progress().executed) return;  // repair was faster
  if (Result<void> restored = executor_->restore(checkpoint.snapshot); !restored) {
    return drops_.add(DropReason::state_refused);
  }
  transfer_.restored(checkpoint.sequence);
  if (observer_ != nullptr) observer_->on_restore(executor_->state_sequence());
  step(now, ordering::Restored{checkpoint.sequence, checkpoint.state});
}

void ControlPart::sign(const ordering::Sign& request) {
  if (!unsigned_backlog_.empty() || !try_sign(request)) unsigned_backlog_.push_back(request);
}

bool ControlPart::try_sign(const ordering::Sign& request) {
  std::optional<SlotRef> slot = send_slab_.allocate(0, request.content.size() + crypto::kMaxSignatureBlockBytes);
  if (!slot.has_value()) return false;
  slot->length = static_cast<std::uint32_t>(request.content.size());
  std::copy(request.content.begin(), request.content.end(), send_slab_.bytes(*slot).begin());
  CHECK(queues_.to_sign->push_one({.slot = *slot,
                                   .to = request.to,
                                   .traffic = request.traffic,
                                   .supersede_key = request.supersede_key,
                                   .after = request.after}));
  return true;
}

void ControlPart::forward(const ordering::Forward& request) {
  const ByteView bytes = request.message->get().bytes();
  const std::optional<SlotRef> slot = send_slab_.allocate(0, bytes.size());
  if (!slot.has_value()) return drops_.add(DropReason::ring_full);  // retransmission repairs it
  std::copy(bytes.begin(), bytes.end(), send_slab_.bytes(*slot).begin());
  send_when_durable(
      {.slot = *slot, .to = request.to, .traffic = request.traffic, .supersede_key = 0, .after = request.after});
}

void ControlPart::verify(const ordering::Verify& request) {
  if (checks_under_way_ == kCheckSlots) return drops_.add(DropReason::ring_full);  // retransmission repairs it
  const std::optional<SlotRef> slot = send_slab_.allocate(0, request.message.size());
  if (!slot.has_value()) return drops_.add(DropReason::ring_full);
  std::copy(request.message.begin(), request.message.end(), send_slab_.bytes(*slot).begin());
  CHECK(queues_.to_check->push_one(*slot));
  ++checks_under_way_;
}

void ControlPart::send_when_durable(const Outbound& outbound) {
  (outbound.after <= store_->durable() ? send_backlog_ : waiting_for_store_).push_back(outbound);
}

void ControlPart::announce_durable(Instant now) {
  const ordering::PersistToken durable = store_->durable();
  if (durable == announced_) return;
  announced_ = durable;
  for (std::size_t rest = waiting_for_store_.size(); rest > 0; --rest) {
    const Outbound outbound = waiting_for_store_.front();
    waiting_for_store_.pop_front();
    send_when_durable(outbound);
  }
  step(now, ordering::Persisted{durable});
}

void ControlPart::flush() {
  while (!unsigned_backlog_.empty() && try_sign(unsigned_backlog_.front())) unsigned_backlog_.pop_front();
  while (!send_backlog_.empty() && queues_.to_send->push_one(send_backlog_.front())) send_backlog_.pop_front();
}

void ControlPart::publish(Instant now) {
  const std::uint64_t requested = digest_requested_.load(std::memory_order_relaxed);
  if (now < next_publish_ && requested == digest_answered_) return;
  const std::unique_lock lock(status_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;  // a reader is copying; the next pass publishes
  next_publish_ = now + kPublishPeriod;
  status_.ordering = core_->status();
  status_.progress = core_->progress();
  status_.transfer = transfer_.status();
  status_.state_sequence = executor_->state_sequence();
  if (requested != digest_answered_) {
    status_.state_digest = executor_->state_digest();
    digest_answered_ = requested;
  }
  status_.digest_requests = digest_answered_;
}

ControlStatus ControlPart::status() const {
  const std::lock_guard lock(status_mutex_);
  return status_;
}

}  // namespace garrison::server
