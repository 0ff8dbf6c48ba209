#include "control/site/machine.h"

#include <algorithm>
#include <utility>

#include "crypto/digest.h"

namespace garrison::site {

namespace {

// Type and key of a TIMELY message that a newer one replaces; 0 when none does.
std::uint32_t kind_of(const ordering::Sign& request) {
  if (request.supersede_key == 0) return 0;
  return static_cast<std::uint32_t>(request.type) << 16U | request.supersede_key;
}

}  // namespace

LogicalMachine::LogicalMachine(const MachineConfig& config, std::unique_ptr<ordering::OrderingCore> core,
                               replica::Application& service,
                               const std::optional<state_transfer::TransferConfig>& transfer,
                               const crypto::KeyDirectory& directory, Effects& effects)
    : config_(config),
      validator_(message::Validator::of_sites(config.envelope.system, config.sites, directory)),
      clock_(config.servers, config.faulty, config.clock_bound),
      sender_(config.sender),
      receiver_(config.receiver, validator_),
      sent_(config.sites, config.timely_kept),
      inquiries_(config.inquiries, validator_),
      effects_(effects),
      replica_(std::move(core), service, *this, transfer) {
  CHECK(config.envelope.signer.kind == crypto::Principal::Kind::site);
  CHECK(config.unsigned_batches > 0 && config.leaves_per_batch >= 1);
  // The most that a batch ever has: SITE-BATCH, messages, and link messages of both classes with an acknowledgement.
  CHECK(1 + config.leaves_per_batch + (config.sites - 1) * (2 * config.sender.messages_per_batch + 1) <=
        kMaxMerkleLeaves);
}

void LogicalMachine::execute(Instant /*now*/, const ordering::Deliver& batch) {
  const ServerId introducer = batch.holder->get().server();
  for (const ByteView event : batch.updates) on_event(introducer, batch.holder, event);
  next_wakeup_ = find_next_wakeup();
}

Instant LogicalMachine::find_next_wakeup() const {
  const Instant next = earlier(replica_.next_wakeup(), earlier(sender_.next_wakeup(), inquiries_.next_wakeup()));
  if (!closed_at_.has_value()) return next;
  // Past this, a batch can close as soon as there is something to say.
  const Instant may_close = *closed_at_ + config_.sign_period;
  return clock_.now() < may_close ? earlier(next, may_close) : next;
}

void LogicalMachine::on_event(ServerId introducer, const std::shared_ptr<const message::StoredMessage>& holder,
                              ByteView event) {
  const message::VerifiedMessage message = message::update_message(holder->get(), event);
  ++events_;
  switch (message.type()) {
    case message::MessageType::ClientOp:
      on_client_op(message);
      break;
    case message::MessageType::Tick:
      on_tick(introducer, message.as<message::Tick>());
      break;
    case message::MessageType::SiteBatch:
      on_site_batch(message);
      break;
    case message::MessageType::LinkInquiry:
      follow(inquiries_.on_inquiry(message, sent_));
      break;
    case message::MessageType::LinkInquiryResponse:
      follow(inquiries_.on_response(message));
      break;
    default:
      on_link_part(message);
      break;
  }
  if (byzantine_.on_event) byzantine_.on_event(*this, message);
  verify_due();
  close_if_due();
}

void LogicalMachine::on_client_op(const message::VerifiedMessage& message) {
  const auto op = message.as<message::ClientOp>();
  if (!introduced_.fresh(op)) return drop(DropReason::client_duplicate);
  replica_.step(clock_.now(), message);
  const std::vector<DropReason>& refused = replica_.refused();
  if (std::find(refused.begin(), refused.end(), DropReason::client_intake_full) == refused.end()) {
    introduced_.insert(op);
  }
}

void LogicalMachine::on_tick(ServerId introducer, const message::Tick& tick) {
  const Instant before = clock_.now();
  clock_.on_tick(introducer, tick.clock);
  if (clock_.now() == before) return;
  if (replica_.next_wakeup() <= clock_.now()) replica_.tick(clock_.now());
  for (const SiteId site : sender_.due_again(clock_.now())) effects_.repeat(site);
  for (const SiteId site : inquiries_.due_again(clock_.now())) effects_.ask_again(site);
}

void LogicalMachine::on_link_part(const message::VerifiedMessage& message) {
  std::vector<DropReason> drops;
  const auto part = message.as<message::LinkPart>();
  const SiteId source = message.signer().site;
  LinkReceiver::Outcome outcome = receiver_.on_part(message, drops);
  for (const DropReason reason : drops) drop(reason);
  // What was executed before comes again when its sender has not heard of it.
  if (part.traffic == TrafficClass::bounded && !drops.empty() && drops.back() == DropReason::link_stale) {
    sender_.owe_acknowledgement(clock_.now(), source);
  }
  take(std::move(outcome));
}

void LogicalMachine::take(LinkReceiver::Outcome outcome) {
  for (const ReceivedLink& link : outcome.ready) deliver(link);
  if (outcome.failed.has_value()) follow(inquiries_.on_failed(clock_.now(), *outcome.failed));
}

void LogicalMachine::follow(Consequences consequences) {
  for (const DropReason reason : consequences.drops) drop(reason);
  for (const Conviction& conviction : consequences.convictions) expel(conviction);
  if (consequences.say.has_value()) say_uncoded(std::move(*consequences.say));
  if (!consequences.resumed.has_value()) return;
  Consequences::Resumed& resumed = *consequences.resumed;
  using How = Consequences::Resumed::How;
  if (resumed.how == How::with_message) {
    return take(receiver_.resume_with(resumed.source, resumed.traffic, resumed.sequence, std::move(resumed.bundle)));
  }
  take(resumed.how == How::without_it ? receiver_.resume_without(resumed.source, resumed.sequence)
                                      : receiver_.resume(resumed.source));
}

void LogicalMachine::expel(const Conviction& conviction) {
  if (conviction.site != config_.envelope.signer.site) {
    if (conviction.servers.empty()) {
      receiver_.ignore(conviction.site);
      sender_.cut_off(conviction.site);
      sent_.forget(conviction.site);
    } else {
      receiver_.ignore(conviction.site, conviction.servers);
    }
  }
  effects_.convicted(conviction);
  if (on_convicted) on_convicted(events_, conviction);
}

void LogicalMachine::say_uncoded(ToSay say) {
  const auto leaf = static_cast<std::uint16_t>(1 + open_leaves_.size());
  open_leaves_.push_back(crypto::leaf_digest(say.content));
  open_uncoded_.push_back({say.to, leaf, std::move(say.content), std::move(say.inquiry)});
  if (open_leaves_.size() == config_.leaves_per_batch) close();
}

void LogicalMachine::deliver(const ReceivedLink& link) {
  ++link_messages_;
  const std::optional<Bundle> bundle = open_bundle(link.bundle);
  CHECK(bundle.has_value());
  const auto message = message::decode<message::LinkMessage>(bundle->message);
  CHECK(message.has_value());
  if (on_link) {
    const std::size_t content = message::decode_envelope(bundle->message)->content_bytes;
    on_link({link.source, message->destination, link.traffic, message->incarnation, link.sequence},
            bundle->message.first(content));
  }
  if (sender_.acknowledged(clock_.now(), link.source, message->delivered)) {
    effects_.acknowledged(link.source, message->delivered);
    sent_.acknowledged(link.source, message->delivered);
  }
  if (link.traffic == TrafficClass::bounded) sender_.owe_acknowledgement(clock_.now(), link.source);
  const std::optional<std::vector<Bytes>> items = items_of(*message, *bundle);
  if (!items.has_value()) return drop(DropReason::link_malformed);
  for (const Bytes& item : *items) {
    const message::Validation outcome = validator_.server_message(ServerId(link.source.value()), item);
    if (const auto* reason = std::get_if<DropReason>(&outcome)) {
      drop(*reason);
      continue;
    }
    replica_.take(clock_.now(), *std::get_if<message::VerifiedMessage>(&outcome));
    verify_due();
  }
}

void LogicalMachine::on_site_batch(const message::VerifiedMessage& message) {
  const std::uint64_t number = message.as<message::SiteBatch>().number;
  if (number <= settled_ || closed_.empty() || number < closed_.front().batch->number || number >= next_number_) {
    return drop(DropReason::batch_settled);
  }
  Closed& closed = closed_[number - closed_.front().batch->number];
  if (closed.signature.has_value()) return drop(DropReason::batch_settled);
  closed.signature = signature_of_block(message.bytes().subspan(message.content().size()));
  CHECK(closed.signature.has_value());
  settle();
}

// Hands back what is signed, in the order of the batches.
void LogicalMachine::settle() {
  for (;;) {
    const auto next = std::find_if(closed_.begin(), closed_.end(),
                                   [this](const Closed& each) { return each.batch->number == settled_ + 1; });
    if (next == closed_.end() || !next->signature.has_value()) return forget_batches();
    const std::shared_ptr<const OutgoingBatch> batch = next->batch;
    const RootSignature signature = *next->signature;
    ++settled_;
    effects_.settled(settled_, signature);
    sent_.settled(*batch, signature);
    for (Consequences& late : inquiries_.on_settled(sent_)) follow(std::move(late));
    hand_back(*batch, signature);
  }
}

void LogicalMachine::hand_back(const OutgoingBatch& batch, const RootSignature& signature) {
  for (std::size_t i = 1; i < batch.own.size(); ++i) {
    const Emission& own = batch.own[i];
    const Bytes bytes = own.has_leaf ? signed_message(batch, own, signature) : own.content;
    replica_.take(clock_.now(), validator_.own(bytes));
    verify_due();
  }
}

// Batches that nobody's item needs any more.
void LogicalMachine::forget_batches() {
  const std::uint64_t needed = sender_.oldest_needed(next_number_);
  while (!closed_.empty() && closed_.front().batch->number <= settled_ && closed_.front().batch->number < needed) {
    closed_.pop_front();
  }
}

void LogicalMachine::persist(const ordering::Persist& /*record*/) {}  // the local order is what is kept

void LogicalMachine::sign(const ordering::Sign& request) {
  Emission own{request.content, message::is_signed(request.content, message::Authentication::signature), 0};
  Item item{std::make_shared<const Bytes>(request.content), 0, 0, kind_of(request)};
  if (own.has_leaf) {
    own.leaf = static_cast<std::uint16_t>(1 + open_leaves_.size());
    item.leaf = own.leaf;
    item.batch = next_number_;
    open_leaves_.push_back(crypto::leaf_digest(request.content));
  }
  open_.push_back(std::move(own));
  std::vector<DropReason> drops;
  request.to.for_each([&](ServerId to) { sender_.push(SiteId(to.value()), request.traffic, item, drops); });
  for (const DropReason reason : drops) drop(reason);
  if (open_leaves_.size() == config_.leaves_per_batch) close();
}

void LogicalMachine::forward(const ordering::Forward& request) {
  const Item item{std::make_shared<const Bytes>(to_bytes(request.message->get().bytes())), 0, 0, 0};
  std::vector<DropReason> drops;
  request.to.for_each([&](ServerId to) { sender_.push(SiteId(to.value()), request.traffic, item, drops); });
  for (const DropReason reason : drops) drop(reason);
}

void LogicalMachine::verify(const ordering::Verify& request) { verify_due_.push_back(request.message); }

// After the step that asked: a core is not stepped from within a step.
void LogicalMachine::verify_due() {
  while (!verify_due_.empty()) {
    const Bytes message = std::move(verify_due_.front());
    verify_due_.pop_front();
    const message::Validation outcome =
        validator_.server_message(ServerId(config_.envelope.signer.site.value()), message);
    if (const auto* valid = std::get_if<message::VerifiedMessage>(&outcome)) replica_.step(clock_.now(), *valid);
  }
}

void LogicalMachine::close_if_due() {
  if (next_number_ - 1 - settled_ >= config_.unsigned_batches) return;
  if (closed_at_.has_value() && clock_.now() < *closed_at_ + config_.sign_period) return;
  if (open_.empty() && open_uncoded_.empty() && !sender_.anything_to_say(clock_.now())) return;
  close();
}

void LogicalMachine::close() {
  closed_at_ = clock_.now();
  const std::uint64_t number = next_number_++;
  std::vector<Emission> own;
  own.push_back({message::encode(config_.envelope, message::SiteBatch{number}), true, 0});
  std::move(open_.begin(), open_.end(), std::back_inserter(own));
  open_.clear();
  std::vector<Digest> leaves{crypto::leaf_digest(own.front().content)};
  leaves.insert(leaves.end(), open_leaves_.begin(), open_leaves_.end());
  open_leaves_.clear();
  std::vector<LinkOut> links = sender_.pack({clock_.now(), number, settled_}, receiver_.delivered(),
                                            [this](const Item& item) { return whole(item); });
  for (LinkOut& link : links) {
    link.leaf = static_cast<std::uint16_t>(leaves.size());
    leaves.push_back(crypto::leaf_digest(link.content));
  }
  sent_.closed(links);
  for (const LinkOut& link : links) {
    if (!on_link) break;
    on_link({config_.envelope.signer.site, link.to, link.traffic, config_.sender.incarnation, link.sequence},
            link.content);
  }
  auto batch = std::make_shared<const OutgoingBatch>(OutgoingBatch{
      number, std::move(own), std::move(links), std::exchange(open_uncoded_, {}),
      crypto::MerkleBatch(config_.envelope.system, config_.envelope.signer, config_.envelope.epoch, leaves)});
  closed_.push_back({batch, std::nullopt});
  fingerprint_ = crypto::Sha256()
                     .update(fingerprint_)
                     .update(batch->tree.statement())
                     .update(inquiries_.blacklist().fingerprint())
                     .finish();
  if (on_closed) on_closed(number, fingerprint_);
  effects_.closed(std::move(batch));
}

std::shared_ptr<const Bytes> LogicalMachine::whole(const Item& item) const {
  const Closed& closed = closed_[item.batch - closed_.front().batch->number];
  CHECK(closed.batch->number == item.batch && closed.signature.has_value());
  const auto own = std::find_if(closed.batch->own.begin(), closed.batch->own.end(),
                                [&](const Emission& each) { return each.has_leaf && each.leaf == item.leaf; });
  CHECK(own != closed.batch->own.end());
  return std::make_shared<const Bytes>(signed_message(*closed.batch, *own, *closed.signature));
}

Bytes LogicalMachine::snapshot() const {
  CHECK(false);  // never asked for: the local replica has no state transfer
  return {};
}

Result<void> LogicalMachine::restore(ByteView /*snapshot*/) { return Error{"a logical machine is not handed over"}; }

MachineStatus LogicalMachine::status() const {
  return {clock_.now(),         next_number_ - 1,       settled_,    events_, link_messages_,
          receiver_.failures(), inquiries_.forgotten(), fingerprint_};
}

}  // namespace garrison::site
