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
    for (const WanSite::Peer& peer : site.peers) {
      addresses[site.site.index()].at(peer.secret.server.index()) = peer.address;
    }
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

}  // namespace

link::RxSlabPlan plan_wan_receive_slab(std::span<const WanSite> sites) {
  std::size_t peers = 0;
  std::size_t quota = 0;
  std::size_t message = 0;
  for (const WanSite& site : sites) {
    peers += site.peers.size();
    quota = std::max(quota, link::wide_quota_bytes(site.channel));
    message = std::max(message, site.channel.max_message_bytes);
  }
  return link::plan_wide_rx_slab(peers, quota, message);
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
          config.pacing, remotes_of(config.sites), port_) {}

void WanPart::on_frame(Instant now, ByteView ethernet_frame) {
  frames_received_.add();
  bytes_received_.add(ethernet_frame.size());
  wire::Datagram datagram;
  const std::optional<DropReason> refused = wire::parse_datagram_to(address_, ethernet_frame, datagram);
  if (refused.has_value()) return drops_.add(*refused);
  channels_.on_frame(now, datagram.payload);
}

std::size_t WanPart::next_frame(Instant now, MutableBytes out) {
  link::WideEnd to;
  TrafficClass traffic{};
  const std::size_t payload = channels_.next_frame(now, out.subspan(kEncapsulationBytes), to, traffic);
  if (payload == 0) return 0;
  const std::size_t size = kEncapsulationBytes + payload;
  wire::encapsulate(out.first(size), address_, addresses_[to.site.index()][to.server.index()], traffic, checksum_);
  frames_sent_.add();
  bytes_sent_.add(size);
  return size;
}

Instant WanPart::next_wakeup() const { return channels_.next_wakeup(); }

void WanPart::poll(Instant now) {
  take_back();
  take_outbound(now);
  hand_on(TrafficClass::timely, *queues_.received_timely);
  hand_on(TrafficClass::bounded, *queues_.received_bounded);
  while (const std::optional<std::uint64_t> handle = channels_.next_released()) {
    CHECK(queues_.sent->push_one(slot_of(*handle)));
  }
}

void WanPart::take_back() {
  std::array<SlotRef, kBurst> returned;
  for (Queue<SlotRef>* queue : {queues_.consumed.get(), queues_.refused.get()}) {
    for (std::size_t n = queue->pop(returned); n > 0; n = queue->pop(returned)) {
      for (std::size_t i = 0; i < n; ++i) receive_slab_.free(returned[i]);
    }
  }
}

void WanPart::take_outbound(Instant now) {
  std::array<WanOutbound, kBurst> outbound;
  const std::size_t count = queues_.to_send->pop(outbound);
  for (const WanOutbound& one : std::span(outbound).first(count)) {
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
