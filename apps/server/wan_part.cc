#include "apps/server/wan_part.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "apps/server/slot_handle.h"
#include "dataplane/link/wide_config.h"

namespace garrison::server {

namespace {

constexpr std::size_t kBurst = 64;

std::vector<std::array<wire::NetAddress, kMaxServersPerSite>> addresses_of(std::span<const WanSite> sites) {
  std::vector<std::array<wire::NetAddress, kMaxServersPerSite>> addresses;
  for (const WanSite& site : sites) {
    CHECK(site.site.index() < kMaxSites);
    addresses.resize(std::max(addresses.size(), site.site.index() + 1));
    const auto add = [&](const WanSite::Peer& peer) {
      addresses[site.site.index()].at(peer.secret.server.index()) = peer.address;
    };
    std::ranges::for_each(site.peers, add);
    if (site.hub.has_value()) std::ranges::for_each(site.hub->servers, add);
  }
  return addresses;
}

std::vector<link::WideChannels::RemoteSite> remotes_of(std::vector<WanSite>& sites) {
  std::vector<link::WideChannels::RemoteSite> remotes;
  for (WanSite& site : sites) {
    link::WideChannels::RemoteSite& remote = remotes.emplace_back();
    remote.site = site.site;
    remote.channel = site.channel;
    for (WanSite::Peer& peer : site.peers) remote.peers.push_back(std::move(peer.secret));
  }
  return remotes;
}

bool hub_kind(wire::FrameKind kind) {
  return kind == wire::FrameKind::hub_part || kind == wire::FrameKind::hub_request;
}

std::unique_ptr<link::HubLinks> hub_links(WanConfig& config, const link::LocalEnd& self,
                                          link::HubLinks::OnHeard on_heard, link::SharedPort& port) {
  std::vector<link::HubLinks::Remote> remotes;
  std::size_t payload_bytes = 0;
  for (WanSite& site : config.sites) {
    if (!site.hub.has_value()) continue;
    payload_bytes = site.channel.payload_bytes;
    link::HubLinks::Remote& remote =
        remotes.emplace_back(link::HubLinks::Remote{site.site, site.hub->sender, site.hub->receiver, {}});
    for (WanSite::Peer& peer : site.hub->servers) remote.servers.push_back(std::move(peer.secret));
  }
  if (remotes.empty()) return nullptr;
  return std::make_unique<link::HubLinks>(self, payload_bytes, std::move(remotes), std::move(on_heard), port);
}

// What is heard on the hub.
std::vector<SiteId> heard_sites(SiteId self, std::span<const WanSite> sites) {
  std::vector<SiteId> heard;
  for (const WanSite& site : sites) {
    if (site.hub.has_value()) heard.push_back(site.site);
  }
  if (!heard.empty()) heard.push_back(self);
  return heard;
}

std::size_t peers_of(std::span<const WanSite> sites) {
  std::size_t peers = 0;
  for (const WanSite& site : sites) peers += site.peers.size();
  return peers;
}

}  // namespace

link::RxSlabPlan plan_wan_receive_slab(std::span<const WanSite> sites) {
  std::size_t quota = 0;
  std::size_t message = 0;
  for (const WanSite& site : sites) {
    quota = std::max(quota, link::wide_quota_bytes(site.channel));
    message = std::max(message, site.channel.max_message_bytes);
  }
  // Each peer has two owners there, one per class; a site that is heard has one.
  const std::size_t heard = heard_sites({}, sites).size();
  return link::plan_wide_rx_slab(peers_of(sites) + (heard + 1) / 2, quota, message);
}

WanPart::WanPart(WanConfig config, WanQueues& queues, const Slab& send_slab)
    : WanPart(config, plan_wan_receive_slab(config.sites), queues, send_slab) {}

WanPart::WanPart(WanConfig& config, const link::RxSlabPlan& plan, WanQueues& queues, const Slab& send_slab)
    : address_(config.address),
      checksum_(config.udp_checksum ? wire::UdpChecksum::software : wire::UdpChecksum::none),
      addresses_(addresses_of(config.sites)),
      queues_(queues),
      send_slab_(send_slab),
      receive_slab_(plan.classes, plan.owners, plan.quota_bytes),
      port_{.rx_slab = receive_slab_, .drops = drops_},
      channels_(
          {.system = config.system, .site = config.site, .server = config.self, .incarnation = config.incarnation},
          config.pacing, remotes_of(config.sites), port_),
      hub_(hub_links(
          config,
          {.system = config.system, .site = config.site, .server = config.self, .incarnation = config.incarnation},
          [this](const link::HubLinks::Heard& heard) { return take_heard(heard); }, port_)),
      adaptive_sets_(config.adaptive_sets),
      heard_sites_(heard_sites(config.site, config.sites)),
      first_heard_owner_(2 * peers_of(config.sites)),
      heard_slots_(slots_of(plan.classes)) {}

void WanPart::on_frame(Instant now, ByteView ethernet_frame) {
  frames_received_.add();
  bytes_received_.add(ethernet_frame.size());
  wire::Datagram datagram;
  if (hub_ == nullptr) {
    const std::optional<DropReason> refused = wire::parse_datagram_to(address_, ethernet_frame, datagram);
    return refused.has_value() ? drops_.add(*refused) : channels_.on_frame(now, datagram.payload);
  }
  // On a hub what a frame is for is in its Garrison header; whom it is addressed to decides about channels alone.
  wire::FrameHeader header;
  std::optional<DropReason> refused = wire::parse_datagram(ethernet_frame, datagram);
  if (!refused.has_value()) refused = wire::parse_frame_header(datagram.payload, header);
  if (refused.has_value()) return drops_.add(*refused);
  if (hub_kind(header.kind)) return hub_->on_frame(now, header, datagram.payload);
  if (datagram.to != address_) return drops_.add(DropReason::frame_not_ours);
  channels_.on_frame(now, datagram.payload);
}

std::size_t WanPart::next_frame(Instant now, MutableBytes out) {
  link::WideEnd to;
  TrafficClass traffic{};
  const std::size_t payload = next_payload(now, out.subspan(kEncapsulationBytes), to, traffic);
  if (payload == 0) return 0;
  const std::size_t size = kEncapsulationBytes + payload;
  wire::encapsulate(out.first(size), address_, addresses_[to.site.index()][to.server.index()], traffic, checksum_);
  frames_sent_.add();
  bytes_sent_.add(size);
  return size;
}

// Channels carry little where there is a hub: what keeps them up, and what goes whole.
std::size_t WanPart::next_payload(Instant now, MutableBytes out, link::WideEnd& to, TrafficClass& traffic) {
  if (hub_ == nullptr) return channels_.next_frame(now, out, to, traffic);
  link::Pacer& pacer = channels_.pacer();
  if (now < pacer.next()) return 0;
  traffic = TrafficClass::timely;
  std::size_t size = hub_->next_frame(now, TrafficClass::timely, out, to);
  if (size == 0) {
    size = channels_.next_frame(now, out, to, traffic);
    if (size > 0) return size;  // it has told the pacer
    traffic = TrafficClass::bounded;
    size = hub_->next_frame(now, TrafficClass::bounded, out, to);
  }
  if (size > 0) pacer.on_sent(now, kEncapsulationBytes + size);
  return size;
}

Instant WanPart::next_wakeup() const {
  if (hub_ == nullptr) return channels_.next_wakeup();
  return earlier(channels_.next_wakeup(), std::max(hub_->next_wakeup(), std::as_const(channels_).pacer().next()));
}

void WanPart::poll(Instant now) {
  take_back(now);
  take_outbound(now);
  if (hub_ != nullptr) {
    take_verdicts(now);
    tell_duties(now);
    publish_hub();
  }
  hand_on(TrafficClass::timely, *queues_.received_timely);
  hand_on(TrafficClass::bounded, *queues_.received_bounded);
  while (const std::optional<std::uint64_t> handle = channels_.next_released()) {
    CHECK(queues_.sent->push_one(slot_of(*handle)));
  }
  while (hub_ != nullptr) {
    const std::optional<std::uint64_t> handle = hub_->next_released();
    if (!handle.has_value()) break;
    CHECK(queues_.sent->push_one(slot_of(*handle)));
  }
}

// Control gives back what verified, crypto what did not.
void WanPart::take_back(Instant now) {
  std::array<SlotRef, kBurst> returned;
  for (Queue<SlotRef>* queue : {queues_.consumed.get(), queues_.refused.get()}) {
    for (std::size_t n = queue->pop(returned); n > 0; n = queue->pop(returned)) {
      for (std::size_t i = 0; i < n; ++i) {
        receive_slab_.free(returned[i]);
        const auto heard = std::exchange(heard_slots_[returned[i].slot], std::nullopt);
        if (heard.has_value()) hub_->verdict(now, *heard, queue == queues_.consumed.get());
      }
    }
  }
}

void WanPart::take_verdicts(Instant now) {
  Overheard one;
  while (queues_.overheard->pop_one(one)) {
    const auto heard = std::exchange(heard_slots_[one.slot.slot], std::nullopt);
    CHECK(heard.has_value());
    hub_->verdict(now, *heard, one.good);
    receive_slab_.free(one.slot);
  }
  LinkNews news;
  while (queues_.news->pop_one(news)) {
    if (news.executed > SeqNum()) hub_->acknowledged(news.of, news.executed);
    if (!news.convicted.empty()) hub_->ignore(now, news.of, news.convicted);
  }
}

std::size_t WanPart::owner_of(SiteId heard) const {
  const auto at = std::ranges::find(heard_sites_, heard);
  CHECK(at != heard_sites_.end());
  return first_heard_owner_ + static_cast<std::size_t>(at - heard_sites_.begin());
}

bool WanPart::take_heard(const link::HubLinks::Heard& heard) {
  const link::HubPartName& name = heard.name;
  const std::optional<SlotRef> slot = receive_slab_.allocate(owner_of(name.from), heard.bytes.size());
  if (!slot.has_value()) return false;
  std::ranges::copy(heard.bytes, receive_slab_.bytes(*slot).begin());
  heard_slots_[slot->slot] = name;
  Queue<WanInbound>& queue =
      name.traffic == TrafficClass::timely ? *queues_.received_timely : *queues_.received_bounded;
  CHECK(queue.push_one({*slot, name.from, ServerId(name.index), name.traffic,  // it holds every slot
                        heard.says == nullptr ? Digest{} : *heard.says}));
  return true;
}

void WanPart::put_on_hub(Instant now, const WanOutbound& one) {
  const ByteView bytes = send_slab_.bytes(one.slot);
  const std::size_t digests = one.parts * sizeof(Digest);
  CHECK(bytes.size() > digests && one.parts <= kMaxServersPerSite);
  std::array<Digest, kMaxServersPerSite> encoding;
  Reader reader(bytes.last(digests));
  for (std::size_t i = 0; i < one.parts; ++i) encoding[i] = reader.array<sizeof(Digest)>();
  hub_->submit(now, one.to_site,
               {.traffic = one.traffic,
                .sequence = one.sequence,
                .first_set = one.first_set,
                .again = one.again,
                .bytes = bytes.first(bytes.size() - digests),
                .handle = handle_of(one.slot),
                .encoding = std::span(encoding).first(one.parts)});
}

void WanPart::tell_duties(Instant now) {
  if (!adaptive_sets_ || queues_.duties->room() < kMaxSites) return;  // control has yet to take the last ones
  hub_->tell_suspected(now, [this](SiteId to, ServerSet missed) { CHECK(queues_.duties->push_one({to, missed})); });
}

void WanPart::publish_hub() {
  const link::HubSenderStats now = hub_->stats();
  const std::array<std::uint64_t, 8> values{now.submitted, now.sent_first, now.sent_second, now.sent_asked,
                                            now.cancelled, now.needless,   now.overheard,   hub_->requested()};
  for (std::size_t i = 0; i < values.size(); ++i) hub_counters_[i].add(values[i] - hub_counters_[i].get());
}

std::optional<HubCounts> WanPart::hub() const {
  if (hub_ == nullptr) return std::nullopt;
  const auto value = [this](std::size_t i) { return hub_counters_[i].get(); };
  return HubCounts{{.submitted = value(0),
                    .sent_first = value(1),
                    .sent_second = value(2),
                    .sent_asked = value(3),
                    .cancelled = value(4),
                    .needless = value(5),
                    .overheard = value(6)},
                   value(7)};
}

void WanPart::take_outbound(Instant now) {
  std::array<WanOutbound, kBurst> outbound;
  const std::size_t count = queues_.to_send->pop(outbound);
  for (const WanOutbound& one : std::span(outbound).first(count)) {
    if (one.parts > 0) {
      put_on_hub(now, one);
      continue;
    }
    channels_.submit(now, send_slab_.bytes(one.slot), handle_of(one.slot), one.to_site, one.to, one.traffic);
  }
}

// What crypto has no room for stays with the channels; the sender's quota then keeps it from being acknowledged.
void WanPart::hand_on(TrafficClass traffic, Queue<WanInbound>& queue) {
  while (const std::optional<link::WideDelivered> next = channels_.peek_delivered(traffic)) {
    if (!queue.push_one({next->message.slot, next->from, next->message.from, traffic})) return;
    channels_.pop_delivered(traffic);
  }
}

}  // namespace garrison::server
