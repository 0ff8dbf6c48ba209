#include "apps/server/crypto_part.h"

#include <algorithm>
#include <array>

#include "control/site/outgoing.h"

namespace garrison::server {

namespace {
// Signatures that a sender may spend per turn. A full PO-REQUEST costs several turns' worth: its sender then waits.
constexpr std::size_t kQuantum = 8;
constexpr std::size_t kBurst = 64;
}  // namespace

CryptoPart::CryptoPart(const Config& config, const crypto::KeyDirectory& directory, crypto::BatchSigner signer,
                       Queues& queues, const Slab& receive_slab, const Slab& client_slab, Slab& send_slab)
    : config_(config),
      validator_(config.system, config.site, config.servers, directory, config.configured),
      signer_(std::move(signer)),
      pace_(config.longest_signing_gap),
      parts_alone_(crypto::signs_cheaply(signer_.scheme())),
      queues_(queues),
      receive_slab_(receive_slab),
      client_slab_(client_slab),
      send_slab_(send_slab),
      timely_(config.servers),
      bounded_(config.servers) {}

std::size_t CryptoPart::poll(Instant now) {
  pace_.on_round(now);
  const std::size_t done = round(now);
  pace_.worked(done > 0);
  return done;
}

Instant CryptoPart::next_wakeup() const { return queues_.to_sign->size() > 0 ? pace_.next() : Instant::never(); }

std::size_t CryptoPart::round(Instant now) {
  take_in();
  const std::size_t timely = verify_timely();
  const std::size_t bounded = verify_bounded() + verify_wan() + verify_bundles();
  verified_since_signing_ += timely + bounded;
  // Every signature made here costs n - 1 others a verification: whoever is behind with verifying signs rarely, and
  // much at once.
  const bool behind = timely + bounded > 0 && verified_since_signing_ < config_.verify_per_signature;
  if (behind) return timely + bounded;
  const std::size_t shared = share();
  const std::size_t made = now < pace_.next() ? 0 : sign();
  if (made > 0) pace_.on_signed(now);
  if (made + shared > 0) verified_since_signing_ = 0;
  return timely + bounded + made + shared;
}

void CryptoPart::take_in() {
  std::array<Inbound, kBurst> burst;
  for (auto [queue, senders] :
       {std::pair{queues_.received_timely.get(), &timely_}, std::pair{queues_.received_bounded.get(), &bounded_}}) {
    for (std::size_t n = queue->pop(burst); n > 0; n = queue->pop(burst)) {
      for (std::size_t i = 0; i < n; ++i) (*senders)[burst[i].from.index()].waiting.push_back(burst[i]);
    }
  }
  std::array<SlotRef, kBurst> slots;
  for (std::size_t n = queues_.to_check->pop(slots); n > 0; n = queues_.to_check->pop(slots)) {
    for (std::size_t i = 0; i < n; ++i) {
      bounded_[config_.self.index()].waiting.push_back({slots[i], config_.self, TrafficClass::bounded});
    }
  }
}

const Slab& CryptoPart::slab_of(ServerId sender) const { return sender == config_.self ? send_slab_ : receive_slab_; }

// Control has no more of them under way than its queue has room for.
bool CryptoPart::check(SlotRef slot) {
  const message::Validation outcome = validator_.server_message(config_.self, send_slab_.bytes(slot));
  const auto* message = std::get_if<message::VerifiedMessage>(&outcome);
  if (message == nullptr) {
    drops_.add(*std::get_if<DropReason>(&outcome));
  } else {
    messages_verified_.add();
  }
  CHECK(queues_.checked->push_one({.slot = slot,
                                   .valid = message != nullptr,
                                   .message = message == nullptr ? message::VerifiedMessage() : *message}));
  return true;
}

// Returns false when control has no room; the message then stays where it is.
bool CryptoPart::verify(const Inbound& inbound) {
  if (inbound.from == config_.self) return check(inbound.slot);
  if (queues_.verified->room() == 0) return false;
  const message::Validation outcome = validator_.server_message(inbound.from, receive_slab_.bytes(inbound.slot));
  if (const auto* reason = std::get_if<DropReason>(&outcome)) {
    drops_.add(*reason);
    CHECK(queues_.refused->push_one(inbound.slot));
    return true;
  }
  messages_verified_.add();
  CHECK(queues_.verified->push_one({.message = std::get<message::VerifiedMessage>(outcome), .slot = inbound.slot}));
  return true;
}

std::size_t CryptoPart::verify_timely() {
  // One message per sender and round: a server that marks everything TIMELY gains one place per round, no more.
  std::size_t done = 0;
  for (Sender& sender : timely_) {
    if (sender.waiting.empty() || !verify(sender.waiting.front())) continue;
    sender.waiting.pop_front();
    ++done;
  }
  return done;
}

std::size_t CryptoPart::verify_bounded() {
  // The clients' intake is one more participant of the round robin, beside the n servers.
  const std::size_t participants = bounded_.size() + 1;
  std::size_t spent = 0;
  std::size_t idle = 0;
  while (spent < config_.budget && idle < participants) {
    turn_ = (turn_ + 1) % participants;
    if (turn_ == bounded_.size()) {
      const std::size_t handled = verify_clients(kQuantum);
      spent += handled;
      idle = handled == 0 ? idle + 1 : 0;
      continue;
    }
    Sender& sender = bounded_[turn_];
    if (sender.waiting.empty()) {
      sender.deficit = 0;
      ++idle;
      continue;
    }
    idle = 0;
    sender.deficit += kQuantum;
    while (!sender.waiting.empty()) {
      const Inbound& next = sender.waiting.front();
      const std::size_t cost = message::Validator::cost(slab_of(next.from).bytes(next.slot));
      if (cost > sender.deficit) break;
      if (!verify(sender.waiting.front())) return spent;
      sender.waiting.pop_front();
      sender.deficit -= cost;
      spent += cost;
    }
  }
  return spent;
}

std::size_t CryptoPart::verify_clients(std::size_t budget) {
  std::size_t done = 0;
  ClientInbound inbound;
  while (done < budget && queues_.client_verified->room() > 0 && queues_.client_ops->pop_one(inbound)) {
    ++done;
    const message::Validation outcome = validator_.client_op(client_slab_.bytes(inbound.slot));
    if (const auto* reason = std::get_if<DropReason>(&outcome)) {
      drops_.add(*reason);
      CHECK(queues_.client_refused->push_one(inbound.slot));
      continue;
    }
    messages_verified_.add();
    CHECK(queues_.client_verified->push_one(
        {.message = std::get<message::VerifiedMessage>(outcome), .slot = inbound.slot}));
  }
  return done;
}

std::size_t CryptoPart::sign() {
  std::array<Outbound, kMaxOwnBatch> batch;
  const std::size_t limit = std::min(batch.size(), queues_.signed_out->room());
  const std::span<Outbound> taken = std::span(batch).first(queues_.to_sign->pop(std::span(batch).first(limit)));
  std::array<SlotRef*, kMaxOwnBatch> together;
  std::size_t signing = 0;
  for (Outbound& each : taken) {
    const ByteView content = send_slab_.bytes(each.slot);
    if (!message::is_signed(content, config_.configured)) continue;
    SlotRef* const slot = &each.slot;
    if (parts_alone_ && message::decode_envelope(content)->type == message::MessageType::LinkPart) {
      sign({&slot, 1});
    } else {
      together[signing++] = slot;
    }
  }
  if (signing > 0) sign(std::span(together).first(signing));
  for (const Outbound& each : taken) {
    CHECK(queues_.signed_out->push_one({.outbound = each, .message = validator_.own(send_slab_.bytes(each.slot))}));
  }
  return taken.size();
}

// Under one signature.
void CryptoPart::sign(std::span<SlotRef* const> slots) {
  std::array<Digest, kMaxOwnBatch> leaves;
  std::array<MutableBytes, kMaxOwnBatch> blocks;
  std::array<std::size_t, kMaxOwnBatch> sizes{};
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const ByteView content = send_slab_.bytes(*slots[i]);
    leaves[i] = crypto::leaf_digest(content);
    bytes_signed_ += content.size();
    blocks[i] = send_slab_.whole(*slots[i]).subspan(content.size());
  }
  const std::size_t count = slots.size();
  signer_.sign(std::span(leaves).first(count), std::span(blocks).first(count), std::span(sizes).first(count));
  signatures_made_.add();
  messages_signed_.add(count);
  for (std::size_t i = 0; i < count; ++i) slots[i]->length += static_cast<std::uint32_t>(sizes[i]);
}

void CryptoPart::join_sites(std::size_t sites, std::unique_ptr<crypto::ThresholdSigner> signer, const Slab* wan_slab) {
  validator_.take_events();
  site_signer_ = std::move(signer);
  wan_slab_ = wan_slab;
  wan_ = Turns<WanInbound>(sites * kMaxServersPerSite);
}

void CryptoPart::take_in_wan() {
  std::array<WanInbound, kBurst> burst;
  for (Queue<WanInbound>* queue : {queues_.wan.received_timely.get(), queues_.wan.received_bounded.get()}) {
    for (std::size_t n = queue->pop(burst); n > 0; n = queue->pop(burst)) {
      for (std::size_t i = 0; i < n; ++i) {
        const std::size_t sender = burst[i].from_site.index() * kMaxServersPerSite + burst[i].from.index();
        wan_.push(burst[i].traffic, sender, burst[i]);
      }
    }
  }
}

std::size_t CryptoPart::verify_wan() {
  if (wan_slab_ == nullptr) return 0;
  take_in_wan();
  return wan_.run(config_.budget, [this](const WanInbound& inbound) { return verify_wan(inbound); });
}

// What it says comes first: a forged part costs a digest and no signature.
std::optional<DropReason> CryptoPart::overheard(crypto::Principal from, const WanInbound& inbound) {
  const ByteView part = wan_slab_->bytes(inbound.slot);
  const auto envelope = message::decode_envelope(part);
  if (!envelope.has_value() || envelope->content_bytes > part.size() ||
      crypto::leaf_digest(part.first(envelope->content_bytes)) != inbound.says) {
    return DropReason::link_part_malformed;
  }
  const message::Validation heard = validator_.overheard(from, part);
  const auto* const reason = std::get_if<DropReason>(&heard);
  return reason == nullptr ? std::nullopt : std::optional(*reason);
}

// Returns false when control has no room.
bool CryptoPart::verify_wan(const WanInbound& inbound) {
  if (queues_.wan_verified->room() == 0) return false;
  const auto from = crypto::Principal::server(inbound.from_site, inbound.from);
  if (inbound.from_site == config_.site) {
    const std::optional<DropReason> refused = overheard(from, inbound);
    if (refused.has_value()) drops_.add(*refused);
    CHECK(queues_.wan.overheard->push_one({inbound.slot, !refused.has_value()}));
    return true;
  }
  const message::Validation outcome = validator_.from_another_site(from, wan_slab_->bytes(inbound.slot));
  if (const auto* reason = std::get_if<DropReason>(&outcome)) {
    drops_.add(*reason);
    CHECK(queues_.wan.refused->push_one(inbound.slot));
    return true;
  }
  const auto& message = std::get<message::VerifiedMessage>(outcome);
  if (message.type() == message::MessageType::LinkBundle) {
    // What has to be true of it is what is inside, and that the site of whoever sent it says that.
    const ByteView bundle = message.as<message::LinkBundle>().bundle;
    const std::optional<message::VerifiedMessage> link = site::signed_link(validator_, config_.site, bundle);
    if (!link.has_value() || link->signer().site != inbound.from_site) {
      drops_.add(DropReason::message_bad_signature);
      CHECK(queues_.wan.refused->push_one(inbound.slot));
      return true;
    }
  }
  messages_verified_.add();
  CHECK(queues_.wan_verified->push_one({.message = message, .slot = inbound.slot}));
  return true;
}

void CryptoPart::join_forwarders(std::size_t sites, const Slab& bundle_slab) {
  bundle_slab_ = &bundle_slab;
  bundles_ = Turns<BundleInbound>(sites);
}

void CryptoPart::take_in_bundles() {
  std::array<BundleInbound, kBurst> burst;
  for (std::size_t n = queues_.forwarder.received->pop(burst); n > 0; n = queues_.forwarder.received->pop(burst)) {
    for (const BundleInbound& each : std::span(burst).first(n)) {
      bundles_.push(each.traffic, each.source.index(), each);
    }
  }
}

std::size_t CryptoPart::verify_bundles() {
  if (bundle_slab_ == nullptr) return 0;
  take_in_bundles();
  return bundles_.run(config_.budget, [this](const BundleInbound& inbound) { return verify_bundle(inbound); });
}

// Returns false when control has no room. The event is this server's own: what has to be true of it is what is inside.
bool CryptoPart::verify_bundle(const BundleInbound& inbound) {
  if (queues_.forwarder.verified->room() == 0) return false;
  const ByteView event = bundle_slab_->bytes(inbound.slot);
  const auto bundle = message::decode<message::LinkBundle>(event);
  CHECK(bundle.has_value());
  if (!site::signed_link(validator_, config_.site, bundle->bundle).has_value()) {
    drops_.add(DropReason::message_bad_signature);
    CHECK(queues_.forwarder.refused->push_one(inbound.slot));
    return true;
  }
  messages_verified_.add();
  CHECK(queues_.forwarder.verified->push_one({.message = validator_.own_event(event), .slot = inbound.slot}));
  return true;
}

// One at a time: each costs as much as signing a hundred batches of one's own.
std::size_t CryptoPart::share() {
  ShareRequest request;
  if (site_signer_ == nullptr || queues_.shares_made->room() == 0 || !queues_.to_share->pop_one(request)) return 0;
  const MutableBytes room = send_slab_.whole(request.slot);
  ShareMade made{request.batch, request.slot, request.slot.length};
  Bytes bytes;
  if (request.prove) {
    bytes = site_signer_->prove(request.statement, send_slab_.bytes(request.slot));
    proofs_made_.add();
  } else {
    bytes = site_signer_->share(request.statement);
    made.share_bytes = static_cast<std::uint32_t>(bytes.size());
    shares_made_.add();
  }
  std::copy(bytes.begin(), bytes.end(), room.begin() + request.slot.length);
  made.slot.length += static_cast<std::uint32_t>(bytes.size());
  CHECK(queues_.shares_made->push_one(made));
  return 1;
}

}  // namespace garrison::server
