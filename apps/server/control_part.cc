#include "apps/server/control_part.h"

#include <algorithm>
#include <array>

#include "crypto/batch.h"

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
      service_(std::move(executor), *this),
      replica_(std::move(core), service_, *this, transfer),
      store_(std::move(store)),
      queues_(queues),
      send_slab_(kSendClasses, kOneOwner, kNoQuota),
      reply_slab_(kReplyClasses, kOneOwner, kNoQuota),
      queries_({config.system, crypto::Principal::server(config.site, config.self), config.epoch}, service_.executor(),
               queues, drops_) {}

ControlPart::ControlPart(const Config& config, std::unique_ptr<ordering::OrderingCore> core, SiteSetup site,
                         const crypto::KeyDirectory& directory, std::unique_ptr<service::Executor> executor,
                         std::unique_ptr<Store> store, Queues& queues, const state_transfer::TransferConfig& transfer)
    : config_(config),
      service_(std::move(executor), *this),
      site_(std::make_unique<Site>(site, service_, directory)),
      replica_(std::move(core), site_->machine, *this, transfer),
      store_(std::move(store)),
      queues_(queues),
      send_slab_(kSendClasses, kOneOwner, kNoQuota),
      reply_slab_(kReplyClasses, kOneOwner, kNoQuota),
      queries_({config.system, crypto::Principal::server(config.site, config.self), config.epoch}, service_.executor(),
               queues, drops_) {}

std::size_t ControlPart::poll(Instant now) {
  take_back();
  std::size_t done = take_signed(now) + take_verified(now) + take_checked(now) + take_clients(now);
  if (site_ != nullptr) done += take_parts(now) + take_bundles(now) + take_shares(now);
  const std::uint64_t steps = replica_.steps();
  replica_.tick(now);
  if (site_ != nullptr) attend(now);
  done += replica_.steps() - steps;
  done += queries_.poll(now);
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
  for (Queue<SlotRef>* queue : {queues_.wan.sent.get(), queues_.forwarder.presented.get()}) {
    if (queue == nullptr) continue;
    for (std::size_t n = queue->pop(burst); n > 0; n = queue->pop(burst)) {
      for (std::size_t i = 0; i < n; ++i) send_slab_.free(burst[i]);
    }
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
    if (burst[i].valid) replica_.step(now, burst[i].message);
    send_slab_.free(burst[i].slot);
  }
  checks_under_way_ -= count;
  return count;
}

std::size_t ControlPart::take_clients(Instant now) {
  std::array<VerifiedClient, kBurst> burst;
  const std::size_t count = queues_.client_verified->pop(burst);
  for (std::size_t i = 0; i < count; ++i) {
    take_client(now, burst[i].message);
    CHECK(queues_.client_consumed->push_one(burst[i].slot));
  }
  return count;
}

// A server's message, this server's own among them.
void ControlPart::take(Instant now, const message::VerifiedMessage& message) {
  if (message::find_row(message.type())->protocol != message::Protocol::site) return replica_.take(now, message);
  if (site_ == nullptr) return drop(DropReason::message_wrong_direction);
  if (message.type() == message::MessageType::LinkPart) return site_->member.on_own_part(message);
  site_->member.on_message(now, message);
}

void ControlPart::take_client(Instant now, const message::VerifiedMessage& message) {
  const auto op = message.as<message::ClientOp>();
  service::Executor& executor = service_.executor();
  const service::Admission admission = executor.admit(op);
  if (admission.verdict == service::Admission::Verdict::fresh) {
    replica_.step(now, message);
    const std::vector<DropReason>& refused = replica_.refused();
    if (std::find(refused.begin(), refused.end(), DropReason::client_intake_full) != refused.end()) {
      executor.forget(op.client, op.incarnation, op.sequence);
    }
    return;
  }
  drops_.add(*service::drop_reason(admission.verdict));
  if (admission.verdict == service::Admission::Verdict::executed) {
    send_reply({op.client, op.incarnation, op.sequence, admission.state_sequence, admission.result});
  }
}

// The state is the one behind this update, so queries that asked for just that one are answered now.
void ControlPart::reply(const service::Executed& executed) {
  queries_.on_executed();
  send_reply(executed);
}

void ControlPart::send_reply(const service::Executed& executed) {
  if (executed.client.value() % config_.sites != config_.site.index()) return;  // its home answers it
  const message::Envelope envelope{config_.system, crypto::Principal::server(config_.site, config_.self),
                                   config_.epoch};
  const Bytes content = message::encode(envelope, message::ClientReply{.server = config_.self,
                                                                       .client = executed.client,
                                                                       .incarnation = executed.incarnation,
                                                                       .sequence = executed.sequence,
                                                                       .state_sequence = executed.state_sequence,
                                                                       .result = executed.result});
  std::optional<SlotRef> slot = reply_slab_.allocate(0, content.size() + kMacBytes);
  if (!slot.has_value()) return drops_.add(DropReason::ring_full);  // the client asks again, the table answers
  slot->length = static_cast<std::uint32_t>(content.size());
  std::copy(content.begin(), content.end(), reply_slab_.bytes(*slot).begin());
  CHECK(queues_.replies->push_one({.slot = *slot, .client = executed.client}));
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
  replica_.step(now, ordering::Persisted{durable});
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
  status_.ordering = replica_.core().status();
  status_.progress = replica_.core().progress();
  status_.transfer = replica_.transfer_status();
  if (site_ != nullptr) {
    status_.global = site_->machine.replica().core().status();
    status_.machine = site_->machine.status();
    status_.site_signatures = site_->member.signatures();
  }
  status_.state_sequence = service_.executor().state_sequence();
  if (requested != digest_answered_) {
    status_.state_digest = service_.state_digest();
    digest_answered_ = requested;
  }
  status_.digest_requests = digest_answered_;
}

ControlStatus ControlPart::status() const {
  const std::lock_guard lock(status_mutex_);
  return status_;
}

}  // namespace garrison::server
