#include "dataplane/link/wide_channels.h"

#include <utility>

namespace garrison::link {
namespace {

std::size_t lane_of(TrafficClass traffic) { return static_cast<std::size_t>(traffic); }

}  // namespace

WideChannels::WideChannels(const LocalEnd& self, const Pacer::Config& pacing, std::vector<RemoteSite> sites,
                           SharedPort& port)
    : port_(port), pacer_(pacing) {
  std::size_t owners = 0;
  for (RemoteSite& remote : sites) {
    CHECK(remote.site != self.site && (groups_.empty() || groups_.back()->peer_site() < remote.site));
    const std::size_t peers = remote.peers.size();
    groups_.push_back(
        std::make_unique<ChannelGroup>(remote.channel, self, remote.site, std::move(remote.peers), port, owners));
    owners += 2 * peers;
  }
}

ChannelGroup* WideChannels::group(SiteId site) const {
  for (const auto& known : groups_) {
    if (known->peer_site() == site) return known.get();
  }
  return nullptr;
}

void WideChannels::on_frame(Instant now, ByteView udp_payload) {
  wire::FrameHeader header;
  if (const auto refused = wire::parse_frame_header(udp_payload, header)) return port_.drops.add(*refused);
  ChannelGroup* const from = group(header.src_site);
  if (from == nullptr) return port_.drops.add(DropReason::frame_unknown_peer);
  from->on_frame(now, header, udp_payload);
}

void WideChannels::submit(Instant now, ByteView message, std::uint64_t handle, SiteId site, ServerSet to,
                          TrafficClass traffic) {
  ChannelGroup* const remote = group(site);
  CHECK(remote != nullptr);
  remote->submit(now, message, handle, to, traffic, 0);
}

std::size_t WideChannels::next_frame(Instant now, MutableBytes out, WideEnd& to, TrafficClass& traffic) {
  if (now < pacer_.next()) return 0;
  traffic = TrafficClass::bounded;
  for (const auto& remote : groups_) {
    const std::size_t size = remote->next_hello(now, out, to.server);
    if (size > 0) return sent(now, remote->peer_site(), size, to);
  }
  for (const TrafficClass lane : {TrafficClass::timely, TrafficClass::bounded}) {
    std::size_t& turn = sending_[lane_of(lane)];
    for (std::size_t step = 0; step < groups_.size(); ++step) {
      const std::size_t i = (turn + step) % groups_.size();
      const std::size_t size = groups_[i]->next_frame_of(now, out, to.server, lane);
      if (size == 0) continue;
      turn = i + 1;
      traffic = lane;
      return sent(now, groups_[i]->peer_site(), size, to);
    }
  }
  return 0;
}

std::size_t WideChannels::sent(Instant now, SiteId site, std::size_t payload_bytes, WideEnd& to) {
  to.site = site;
  pacer_.on_sent(now, kEncapsulationBytes + payload_bytes);
  return payload_bytes;
}

Instant WideChannels::next_wakeup() const {
  Instant wakeup = Instant::never();
  for (const auto& remote : groups_) wakeup = earlier(wakeup, remote->next_wakeup());
  return std::max(wakeup, pacer_.next());
}

std::optional<std::size_t> WideChannels::delivering(TrafficClass traffic) const {
  for (std::size_t step = 0; step < groups_.size(); ++step) {
    const std::size_t i = (delivering_[lane_of(traffic)] + step) % groups_.size();
    if (groups_[i]->peek_delivered(traffic) != nullptr) return i;
  }
  return std::nullopt;
}

std::optional<WideDelivered> WideChannels::peek_delivered(TrafficClass traffic) const {
  const std::optional<std::size_t> i = delivering(traffic);
  if (!i) return std::nullopt;
  return WideDelivered{.message = *groups_[*i]->peek_delivered(traffic), .from = groups_[*i]->peer_site()};
}

void WideChannels::pop_delivered(TrafficClass traffic) {
  const std::optional<std::size_t> i = delivering(traffic);
  CHECK(i.has_value());
  groups_[*i]->pop_delivered(traffic);
  delivering_[lane_of(traffic)] = *i + 1;
}

std::optional<std::uint64_t> WideChannels::next_released() {
  for (const auto& remote : groups_) {
    if (const auto handle = remote->next_released()) return handle;
  }
  return std::nullopt;
}

bool WideChannels::is_peer(WideEnd end) const {
  const ChannelGroup* const remote = group(end.site);
  return remote != nullptr && remote->has_peer(end.server);
}

PeerStats WideChannels::stats(WideEnd peer) const {
  CHECK(is_peer(peer));
  return group(peer.site)->stats(peer.server);
}

}  // namespace garrison::link
