// The control part of a server of a site among others: what its member wants done.
#include <algorithm>
#include <array>
#include <utility>

#include "apps/server/control_part.h"

namespace garrison::server {

namespace {
constexpr std::size_t kBurst = 64;
constexpr std::size_t kMostShareBytes = kMaxSignatureBytes + message::kMaxShareProofBytes;
}  // namespace

// What came from other sites: to be ordered, unless it is of no use any more.
std::size_t ControlPart::take_parts(Instant now) {
  if (queues_.wan_verified == nullptr) return 0;  // this server talks to no other site
  std::array<VerifiedInbound, kBurst> burst;
  const std::size_t count = queues_.wan_verified->pop(burst);
  for (std::size_t i = 0; i < count; ++i) {
    const message::VerifiedMessage& message = burst[i].message;
    const bool blink = message.type() == message::MessageType::LinkBundle;
    const auto reason = blink                                              ? why_not_blink(now, message)
                        : message.type() == message::MessageType::LinkPart ? why_not_part(message)
                                                                           : why_not_inquiry(now, message);
    if (reason.has_value()) {
      drop(*reason);
    } else if (!blink) {
      replica_.step(now, message);
    }
    CHECK(queues_.wan.consumed->push_one(burst[i].slot));
  }
  return count;
}

std::optional<DropReason> ControlPart::why_not_part(const message::VerifiedMessage& message) {
  const auto part = message.as<message::LinkPart>();
  const SiteId source = message.signer().site;
  if (const auto reason = site_->machine.refuses(message.signer(), part.traffic); reason.has_value()) return reason;
  const bool known = site_->machine.has(source, part.traffic, part.sequence);
  return site_->member.introduces(source, part, known) ? std::nullopt : std::optional(DropReason::link_stale);
}

// Of a blink link, as it came from the other site; what is introduced is this server's own event.
std::optional<DropReason> ControlPart::why_not_blink(Instant now, const message::VerifiedMessage& message) {
  const ByteView bundle = message.as<message::LinkBundle>().bundle;
  const std::optional<site::LinkName> name = site::name_of(bundle);
  CHECK(name.has_value());
  const site::LogicalMachine& machine = site_->machine;
  if (!machine.pairs().over_blink(name->source)) return DropReason::link_unknown;
  if (const auto acknowledgement = site::acknowledgement_of(bundle); acknowledgement.has_value()) {
    const std::optional<DropReason> refused = machine.refuses(*acknowledgement);
    return refused.has_value() ? refused : site_->member.on_blink(*acknowledgement, bundle);
  }
  const std::optional<DropReason> refused = machine.refuses(*name);
  const bool known = refused == DropReason::link_stale;
  if (refused.has_value() && !known) return refused;
  return site_->member.on_blink(now, message.server(), *name, bundle, known);
}

std::optional<DropReason> ControlPart::why_not_inquiry(Instant now, const message::VerifiedMessage& message) {
  if (site_->machine.wants(message)) return std::nullopt;
  if (message.type() == message::MessageType::LinkInquiry) {
    site_->member.answer_again(now, message.as<message::LinkInquiry>().id);
  }
  return DropReason::link_inquiry_unexpected;
}

// Link messages that a forwarder handed over, with their sites' signatures.
std::size_t ControlPart::take_bundles(Instant now) {
  if (queues_.forwarder.verified == nullptr) return 0;
  std::array<VerifiedInbound, kBurst> burst;
  const std::size_t count = queues_.forwarder.verified->pop(burst);
  for (const VerifiedInbound& each : std::span(burst).first(count)) {
    if (const auto reason = why_not_bundle(now, each.message); reason.has_value()) drop(*reason);
    CHECK(queues_.forwarder.consumed->push_one(each.slot));
  }
  return count;
}

std::optional<DropReason> ControlPart::why_not_bundle(Instant now, const message::VerifiedMessage& message) {
  const std::optional<site::LinkName> name = site::name_of(message.as<message::LinkBundle>().bundle);
  CHECK(name.has_value());
  const std::optional<DropReason> refused = site_->machine.refuses(*name);
  const bool known = refused == DropReason::link_stale;
  if (refused.has_value() && !known) return refused;
  return site_->member.on_bundle(now, *name, message.bytes(), known);
}

std::size_t ControlPart::take_shares(Instant now) {
  std::array<ShareMade, kBurst> burst;
  const std::size_t count = queues_.shares_made->pop(burst);
  for (std::size_t i = 0; i < count; ++i) {
    const ByteView bytes = std::as_const(send_slab_).bytes(burst[i].slot);
    site_->member.on_share(now, {burst[i].batch, to_bytes(bytes.first(burst[i].share_bytes)),
                                 to_bytes(bytes.subspan(burst[i].share_bytes))});
    send_slab_.free(burst[i].slot);
  }
  return count;
}

// What is introduced may be executed at once, where a site has one server, and then there is more to do.
std::size_t ControlPart::attend(Instant now) {
  DutyNews duty;
  while (queues_.wan.duties != nullptr && queues_.wan.duties->pop_one(duty)) {
    site_->member.on_duties(duty.to, duty.missed);
  }
  site_->member.tick(now, site_->machine.tick_wanted(site_->member.self()));
  std::size_t done = 0;
  for (site::Member::Outputs outputs = std::exchange(site_->member.outputs(), {}); !outputs.empty();
       outputs = std::exchange(site_->member.outputs(), {})) {
    ++done;
    if (tamper_) tamper_(now, outputs);
    for (const Bytes& event : outputs.introduce) replica_.step(now, site_->machine.validator().own_event(event));
    for (const ordering::Sign& request : outputs.sign) sign(request);
    for (const ordering::Forward& request : outputs.forward) forward(request);
    for (const site::ThresholdSign::Share& share : outputs.shares) ask_for_share(share);
    for (const site::Member::SendPart& send : outputs.send) {
      if (send.hub != nullptr) {
        put_on_hub(send);
      } else {
        send_wan(send.part->get().bytes(), send.site, ServerSet::only(send.to), send.traffic);
      }
    }
    for (const site::Member::Acknowledged& link : outputs.acknowledged) {
      if (queues_.wan.news->room() > kMostConvictions) {
        CHECK(queues_.wan.news->push_one({.of = link.by, .executed = link.through, .convicted = {}}));
      }
    }
    for (const site::Member::SendUncoded& send : outputs.uncoded) {
      send_wan(*send.message, send.site, send.to, send.traffic);
    }
    for (const site::Member::Present& link : outputs.present) present(link);
    for (const site::Conviction& conviction : outputs.convictions) {
      evidence_->keep(conviction);
      if (queues_.wan.news == nullptr) continue;
      // A server is convicted once.
      CHECK(queues_.wan.news->push_one({.of = conviction.site, .executed = {}, .convicted = conviction.servers}));
    }
    for (const DropReason reason : outputs.drops) drop(reason);
  }
  return done;
}

void ControlPart::ask_for_share(const site::ThresholdSign::Share& share) {
  ShareRequest request{.batch = share.batch, .statement = {}, .slot = {}, .prove = !share.share.empty()};
  CHECK(share.statement.size() == request.statement.size());
  std::copy(share.statement.begin(), share.statement.end(), request.statement.begin());
  const std::optional<SlotRef> slot = send_slab_.allocate(0, kMostShareBytes);
  if (!slot.has_value()) return drop(DropReason::ring_full);
  request.slot = *slot;
  request.slot.length = static_cast<std::uint32_t>(share.share.size());
  std::copy(share.share.begin(), share.share.end(), send_slab_.whole(request.slot).begin());
  if (!queues_.to_share->push_one(request)) {
    send_slab_.free(request.slot);
    drop(DropReason::ring_full);
  }
}

void ControlPart::put_on_hub(const site::Member::SendPart& send) {
  const ByteView part = send.part->get().bytes();
  const std::vector<Digest>& encoding = send.hub->encoding;
  const std::optional<SlotRef> slot = send_slab_.allocate(0, part.size() + encoding.size() * sizeof(Digest));
  if (!slot.has_value()) return drop(DropReason::ring_full);  // the link sends it again
  Writer out(send_slab_.bytes(*slot));
  out.bytes(part);
  for (const Digest& digest : encoding) out.bytes(digest);
  const WanOutbound outbound{.slot = *slot,
                             .to_site = send.site,
                             .to = ServerSet::only(send.to),
                             .traffic = send.traffic,
                             .parts = static_cast<std::uint8_t>(encoding.size()),
                             .first_set = send.hub->first_set,
                             .again = send.again,
                             .sequence = send.hub->sequence};
  if (!queues_.wan.to_send->push_one(outbound)) {
    send_slab_.free(*slot);
    drop(DropReason::ring_full);
  }
}

// One for which there is no room is jumped over; others present it.
void ControlPart::present(const site::Member::Present& link) {
  const std::optional<SlotRef> slot = send_slab_.allocate(0, link.bundle.size());
  if (!slot.has_value()) return drop(DropReason::ring_full);
  std::copy(link.bundle.begin(), link.bundle.end(), send_slab_.bytes(*slot).begin());
  CHECK(queues_.forwarder.to_present->push_one({*slot, link.df_sequence, link.to, link.traffic}));
}

void ControlPart::send_wan(ByteView bytes, SiteId site, ServerSet to, TrafficClass traffic) {
  const std::optional<SlotRef> slot = send_slab_.allocate(0, bytes.size());
  if (!slot.has_value()) return drop(DropReason::ring_full);  // the link sends it again
  std::copy(bytes.begin(), bytes.end(), send_slab_.bytes(*slot).begin());
  if (!queues_.wan.to_send->push_one({.slot = *slot, .to_site = site, .to = to, .traffic = traffic})) {
    send_slab_.free(*slot);
    drop(DropReason::ring_full);
  }
}

}  // namespace garrison::server
