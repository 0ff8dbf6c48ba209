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
      service_(service),
      effects_(effects),
      state_(std::make_unique<State>(config_, validator_)),
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
  if (state_->haste.may(state_->clock.now())) hurry();
  next_wakeup_ = find_next_wakeup();
}

Instant LogicalMachine::find_next_wakeup() const {
  Instant next =
      earlier(replica_.next_wakeup(), earlier(state_->sender.next_wakeup(), state_->inquiries.next_wakeup()));
  next = earlier(next, earlier(state_->duties.next_wakeup(), state_->pairs.next_wakeup()));
  if (!state_->closed_at.has_value()) return next;
  // Past this, a batch can close as soon as there is something to say.
  const Instant may_close = *state_->closed_at + config_.sign_period;
  return state_->clock.now() < may_close ? earlier(next, may_close) : next;
}

void LogicalMachine::on_event(ServerId introducer, const std::shared_ptr<const message::StoredMessage>& holder,
                              ByteView event) {
  const message::VerifiedMessage message = message::update_message(holder->get(), event);
  ++state_->events;
  switch (message.type()) {
    case message::MessageType::ClientOp:
      on_client_op(message);
      break;
    case message::MessageType::Tick:
      on_tick(introducer, message.as<message::Tick>());
      break;
    case message::MessageType::DutyReport: {
      const auto report = message.as<message::DutyReport>();
      state_->duties.on_report(state_->clock.now(), introducer, report.destination, report.missed);
      break;
    }
    case message::MessageType::SiteBatch:
      on_site_batch(message);
      break;
    case message::MessageType::LinkInquiry:
      follow(state_->inquiries.on_inquiry(message, state_->sent));
      break;
    case message::MessageType::LinkInquiryResponse:
      follow(state_->inquiries.on_response(message));
      break;
    case message::MessageType::LinkBundle:
      on_link_bundle(introducer, message);
      break;
    default:
      on_link_part(message);
      break;
  }
  if (on_executed) on_executed(message);
  if (byzantine_.on_event) byzantine_.on_event(*this, message);
  verify_due();
  close_if_due();
}

void LogicalMachine::on_client_op(const message::VerifiedMessage& message) {
  const auto op = message.as<message::ClientOp>();
  if (!state_->introduced.fresh(op)) return drop(DropReason::client_duplicate);
  replica_.step(state_->clock.now(), message);
  const std::vector<DropReason>& refused = replica_.refused();
  if (std::find(refused.begin(), refused.end(), DropReason::client_intake_full) == refused.end()) {
    state_->introduced.insert(op);
  }
}

void LogicalMachine::on_tick(ServerId introducer, const message::Tick& tick) {
  const Instant before = state_->clock.now();
  state_->clock.on_tick(introducer, tick.clock);
  if (state_->clock.now() == before) return;
  if (replica_.next_wakeup() <= state_->clock.now()) replica_.tick(state_->clock.now());
  state_->duties.on_time(state_->clock.now());
  for (const SiteId site : state_->sender.due_again(state_->clock.now())) repeat(site);
  for (const SiteId site : state_->pairs.expire(state_->clock.now())) {
    effects_.elected(site, state_->pairs.in_office(site), state_->sent.unacknowledged(site));
  }
  for (const SiteId site : state_->inquiries.due_again(state_->clock.now())) effects_.ask_again(site);
}

void LogicalMachine::on_link_part(const message::VerifiedMessage& message) {
  std::vector<DropReason> drops;
  const auto part = message.as<message::LinkPart>();
  const SiteId source = message.signer().site;
  LinkReceiver::Outcome outcome = state_->receiver.on_part(message, drops);
  for (const DropReason reason : drops) drop(reason);
  // What was executed before comes again when its sender has not heard of it.
  if (part.traffic == TrafficClass::bounded && !drops.empty() && drops.back() == DropReason::link_stale) {
    state_->sender.owe_acknowledgement(state_->clock.now(), source);
  }
  take(std::move(outcome));
}

void LogicalMachine::on_link_bundle(ServerId introducer, const message::VerifiedMessage& message) {
  std::vector<DropReason> drops;
  const ByteView bundle = message.as<message::LinkBundle>().bundle;
  if (const auto acknowledgement = acknowledgement_of(bundle); acknowledgement.has_value()) {
    if (state_->pairs.over_blink(acknowledgement->by)) return on_acknowledgement(*acknowledgement, bundle);
  }
  LinkReceiver::Outcome outcome = state_->receiver.on_bundle(introducer, bundle, drops);
  for (const DropReason reason : drops) drop(reason);
  if (drops.empty()) effects_.arrived(*name_of(bundle));
  if (outcome.asked_again) state_->sender.owe_acknowledgement(state_->clock.now(), name_of(bundle)->source);
  take(std::move(outcome));
}

std::optional<DropReason> LogicalMachine::refuses(const LinkAcknowledgement& acknowledgement) const {
  if (const auto reason = state_->receiver.refuses(acknowledgement); reason.has_value()) return reason;
  return state_->pairs.news(acknowledgement) ? std::nullopt : std::optional(DropReason::link_stale);
}

void LogicalMachine::on_acknowledgement(const LinkAcknowledgement& acknowledgement, ByteView bundle) {
  if (const auto reason = refuses(acknowledgement); reason.has_value()) return drop(*reason);
  if (!is_signed_bundle(validator_, *name_of(bundle), bundle)) return drop(DropReason::link_bad_candidate);
  static_cast<void>(state_->pairs.acknowledged(state_->clock.now(), acknowledgement.by, TrafficClass::timely,
                                               acknowledgement.through(TrafficClass::timely)));
  acknowledged(acknowledgement.by, acknowledgement.delivered);
}

void LogicalMachine::acknowledged(SiteId by, SeqNum delivered) {
  if (!state_->sender.acknowledged(state_->clock.now(), by, delivered)) return;
  if (state_->pairs.over_blink(by)) {
    static_cast<void>(state_->pairs.acknowledged(state_->clock.now(), by, TrafficClass::bounded, delivered));
  }
  effects_.acknowledged(by, delivered);
  state_->sent.acknowledged(by, delivered);
}

void LogicalMachine::repeat(SiteId site) {
  if (!state_->sender.over_forwarders(site)) return effects_.repeat(site);
  for (const SentMessages::Kept& link : state_->sent.unacknowledged(site)) {
    effects_.present_again(site, state_->sender.next_df_sequence(), link.bundle);
  }
}

void LogicalMachine::take(LinkReceiver::Outcome outcome) {
  for (const ReceivedLink& link : outcome.ready) deliver(link);
  if (outcome.failed.has_value()) follow(state_->inquiries.on_failed(state_->clock.now(), *outcome.failed));
}

void LogicalMachine::follow(Consequences consequences) {
  for (const DropReason reason : consequences.drops) drop(reason);
  for (const Conviction& conviction : consequences.convictions) expel(conviction);
  if (consequences.say.has_value()) say_uncoded(std::move(*consequences.say));
  if (!consequences.resumed.has_value()) return;
  Consequences::Resumed& resumed = *consequences.resumed;
  using How = Consequences::Resumed::How;
  if (resumed.how == How::with_message) {
    return take(
        state_->receiver.resume_with(resumed.source, resumed.traffic, resumed.sequence, std::move(resumed.bundle)));
  }
  take(resumed.how == How::without_it ? state_->receiver.resume_without(resumed.source, resumed.sequence)
                                      : state_->receiver.resume(resumed.source));
}

void LogicalMachine::expel(const Conviction& conviction) {
  if (conviction.site != config_.envelope.signer.site) {
    if (conviction.servers.empty()) {
      state_->receiver.ignore(conviction.site);
      state_->sender.cut_off(conviction.site);
      state_->sent.forget(conviction.site);
      state_->pairs.cut_off(conviction.site);
    } else {
      state_->receiver.ignore(conviction.site, conviction.servers);
    }
  }
  effects_.convicted(conviction);
  if (on_convicted) on_convicted(state_->events, conviction);
}

void LogicalMachine::say_uncoded(ToSay say) {
  state_->open_uncoded.push_back({say.to, ++state_->open_leaves, std::move(say.content), std::move(say.inquiry)});
  if (state_->open_leaves == config_.leaves_per_batch) close();
}

void LogicalMachine::deliver(const ReceivedLink& link) {
  ++state_->link_messages;
  const std::optional<Bundle> bundle = open_bundle(link.bundle);
  CHECK(bundle.has_value());
  const auto message = message::decode<message::LinkMessage>(bundle->message);
  CHECK(message.has_value());
  if (on_link) {
    const std::size_t content = message::decode_envelope(bundle->message)->content_bytes;
    on_link({link.source, message->destination, link.traffic, message->incarnation, link.sequence},
            bundle->message.first(content));
  }
  acknowledged(link.source, message->delivered);
  if (link.traffic == TrafficClass::bounded || state_->pairs.over_blink(link.source)) {
    state_->sender.owe_acknowledgement(state_->clock.now(), link.source);
  }
  const std::optional<std::vector<Bytes>> items = items_of(*message, *bundle);
  if (!items.has_value()) return drop(DropReason::link_malformed);
  for (const Bytes& item : *items) {
    const message::Validation outcome = validator_.server_message(ServerId(link.source.value()), item);
    if (const auto* reason = std::get_if<DropReason>(&outcome)) {
      drop(*reason);
      continue;
    }
    replica_.take(state_->clock.now(), *std::get_if<message::VerifiedMessage>(&outcome));
    verify_due();
  }
}

void LogicalMachine::on_site_batch(const message::VerifiedMessage& message) {
  const std::uint64_t number = message.as<message::SiteBatch>().number;
  if (number <= state_->settled || state_->closed.empty() || number < state_->closed.front().batch->number ||
      number >= state_->next_number) {
    return drop(DropReason::batch_settled);
  }
  Closed& closed = state_->closed[number - state_->closed.front().batch->number];
  if (closed.signature.has_value()) return drop(DropReason::batch_settled);
  closed.signature = signature_of_block(message.bytes().subspan(message.content().size()));
  CHECK(closed.signature.has_value());
  settle();
}

// Hands back what is signed, in the order of the batches.
void LogicalMachine::settle() {
  for (;;) {
    const auto next = std::find_if(state_->closed.begin(), state_->closed.end(),
                                   [this](const Closed& each) { return each.batch->number == state_->settled + 1; });
    if (next == state_->closed.end() || !next->signature.has_value()) return forget_batches();
    const std::shared_ptr<const OutgoingBatch> batch = next->batch;
    const RootSignature signature = *next->signature;
    ++state_->settled;
    effects_.settled(state_->settled, signature);
    state_->sent.settled(*batch, signature);
    for (Consequences& late : state_->inquiries.on_settled(state_->sent)) follow(std::move(late));
    hand_back(*batch, signature);
  }
}

void LogicalMachine::hand_back(const OutgoingBatch& batch, const RootSignature& signature) {
  for (std::size_t i = 1; i < batch.own.size(); ++i) {
    const Emission& own = batch.own[i];
    const Bytes bytes = own.has_leaf ? signed_message(batch, own, signature) : own.content;
    replica_.take(state_->clock.now(), validator_.own(bytes));
    verify_due();
  }
}

// Batches that nobody's item needs any more.
void LogicalMachine::forget_batches() {
  const std::uint64_t needed = state_->sender.oldest_needed(state_->next_number);
  while (!state_->closed.empty() && state_->closed.front().batch->number <= state_->settled &&
         state_->closed.front().batch->number < needed) {
    state_->closed.pop_front();
  }
}

void LogicalMachine::persist(const ordering::Persist& /*record*/) {}  // the local order is what is kept

void LogicalMachine::sign(const ordering::Sign& request) {
  Emission own{request.content, message::is_signed(request.content, message::Authentication::signature), 0};
  Item item{std::make_shared<const Bytes>(request.content), 0, 0, kind_of(request)};
  if (own.has_leaf) {
    own.leaf = ++state_->open_leaves;  // SITE-BATCH's comes first
    item.leaf = own.leaf;
    item.batch = state_->next_number;
  }
  state_->open.push_back(std::move(own));
  std::vector<DropReason> drops;
  request.to.for_each([&](ServerId to) { state_->sender.push(SiteId(to.value()), request.traffic, item, drops); });
  for (const DropReason reason : drops) drop(reason);
  if (state_->open_leaves == config_.leaves_per_batch) close();
}

void LogicalMachine::forward(const ordering::Forward& request) {
  const Item item{std::make_shared<const Bytes>(to_bytes(request.message->get().bytes())), 0, 0, 0};
  std::vector<DropReason> drops;
  request.to.for_each([&](ServerId to) { state_->sender.push(SiteId(to.value()), request.traffic, item, drops); });
  for (const DropReason reason : drops) drop(reason);
}

void LogicalMachine::verify(const ordering::Verify& request) { state_->verify_due.push_back(request.message); }

// After the step that asked: a core is not stepped from within a step.
void LogicalMachine::verify_due() {
  while (!state_->verify_due.empty()) {
    const Bytes message = std::move(state_->verify_due.front());
    state_->verify_due.pop_front();
    const message::Validation outcome =
        validator_.server_message(ServerId(config_.envelope.signer.site.value()), message);
    if (const auto* valid = std::get_if<message::VerifiedMessage>(&outcome)) replica_.step(state_->clock.now(), *valid);
  }
}

void LogicalMachine::close_if_due() {
  if (state_->closed_at.has_value() && state_->clock.now() < *state_->closed_at + config_.sign_period) return;
  if (may_close()) close();
}

// Once per batch of the local order: one message of a kind for all that it brought.
void LogicalMachine::hurry() {
  replica_.step(state_->clock.now(), ordering::Hurry{});
  verify_due();
  if (may_close()) close();
}

bool LogicalMachine::may_close() const {
  if (state_->next_number - 1 - state_->settled >= config_.unsigned_batches) return false;
  return !state_->open.empty() || !state_->open_uncoded.empty() || state_->sender.anything_to_say(state_->clock.now());
}

void LogicalMachine::close() {
  state_->closed_at = state_->clock.now();
  const std::uint64_t number = state_->next_number++;
  std::vector<Emission> own;
  own.push_back({message::encode(config_.envelope, message::SiteBatch{number}), true, 0});
  std::move(state_->open.begin(), state_->open.end(), std::back_inserter(own));
  state_->open.clear();
  std::vector<LinkOut> links =
      state_->sender.pack({state_->clock.now(), number, state_->settled, state_->receiver.delivered_timely()},
                          state_->receiver.delivered(), [this](const Item& item) { return whole(item); });
  std::uint16_t leaves = std::exchange(state_->open_leaves, std::uint16_t{0});
  Bytes demoted;
  for (LinkOut& link : links) {
    link.leaf = ++leaves;
    state_->haste.said(state_->clock.now(), wide_bytes(*config_.links[link.to.index()], link.content.size()));
    link.demoted = state_->duties.demoted(link.to);
    link.demoted.for_each([&](ServerId server) { demoted.push_back(static_cast<std::uint8_t>(server.value())); });
    demoted.push_back(0xff);
  }
  state_->sent.closed(links);
  for (const LinkOut& link : links) {
    if (link.acknowledges) continue;
    if (state_->pairs.over_blink(link.to)) {
      state_->pairs.sent(state_->clock.now(), link.to, link.traffic, link.sequence);
    }
    if (!on_link) continue;
    on_link({config_.envelope.signer.site, link.to, link.traffic, config_.sender.incarnation, link.sequence},
            link.content);
  }
  std::shared_ptr<const OutgoingBatch> batch =
      make_batch(std::move(own), std::move(links), std::exchange(state_->open_uncoded, {}));
  state_->closed.push_back({batch, std::nullopt});
  state_->fingerprint = crypto::Sha256()
                            .update(state_->fingerprint)
                            .update(batch->tree.statement())
                            .update(state_->inquiries.blacklist().fingerprint())
                            .update(demoted)
                            .finish();
  if (on_closed) on_closed(number, state_->fingerprint);
  effects_.closed(std::move(batch));
}

std::shared_ptr<const Bytes> LogicalMachine::whole(const Item& item) const {
  const Closed& closed = state_->closed[item.batch - state_->closed.front().batch->number];
  CHECK(closed.batch->number == item.batch && closed.signature.has_value());
  const auto own = std::find_if(closed.batch->own.begin(), closed.batch->own.end(),
                                [&](const Emission& each) { return each.has_leaf && each.leaf == item.leaf; });
  CHECK(own != closed.batch->own.end());
  return std::make_shared<const Bytes>(signed_message(*closed.batch, *own, *closed.signature));
}

MachineStatus LogicalMachine::status() const {
  MachineStatus status{state_->clock.now(),
                       state_->next_number - 1,
                       state_->settled,
                       state_->events,
                       state_->link_messages,
                       state_->receiver.failures(),
                       state_->inquiries.forgotten(),
                       state_->fingerprint,
                       state_->duties.demoted(),
                       state_->duties.demotions(),
                       {}};
  for (std::size_t i = 0; i < config_.sites; ++i) {
    const SiteId to(static_cast<std::uint16_t>(i));
    if (!state_->pairs.over_blink(to)) continue;
    status.offices.push_back({to, state_->pairs.in_office(to), state_->pairs.rotations(to)});
  }
  return status;
}

}  // namespace garrison::site
