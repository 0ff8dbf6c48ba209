#include "dataplane/link/channel_group.h"

#include <algorithm>
#include <utility>

#include "dataplane/link/channel.h"
#include "dataplane/link/group_context.h"
#include "dataplane/wire/frame.h"

namespace garrison::link {

RxSlabPlan plan_rx_slab(const ChannelConfig& config, std::size_t servers, std::size_t quota_bytes) {
  CHECK(servers > 0 && quota_bytes >= 2 * config.max_message_bytes);
  RxSlabPlan plan;
  plan.owners = 2 * servers;
  plan.quota_bytes = quota_bytes;
  // The largest class alone holds every quota. Smaller classes spare it: an eighth of the quotas each.
  for (const std::size_t slot_bytes : {std::size_t{2048}, std::size_t{16} * 1024}) {
    if (slot_bytes >= config.max_message_bytes) break;
    plan.classes.push_back({.slot_bytes = slot_bytes,
                            .slots = std::max<std::size_t>(plan.owners, plan.owners * quota_bytes / slot_bytes / 8)});
  }
  const std::size_t largest_per_owner = quota_bytes / config.max_message_bytes;
  plan.classes.push_back({.slot_bytes = config.max_message_bytes, .slots = plan.owners * largest_per_owner});
  return plan;
}

ChannelGroup::ChannelGroup(const ChannelConfig& config, SystemId system, SiteId site, ServerId self, Incarnation mine,
                           std::vector<PeerSecret> peers, Slab& rx_slab, DropCounters& drops)
    : self_(self), servers_(peers.size() + 1) {
  CHECK(self.index() < servers_ && servers_ <= kMaxServersPerSite);
  CHECK(config.payload_bytes <= kMaxFrameBytes - kEncapsulationBytes);
  CHECK(config.payload_bytes >= wire::kFrameOverheadBytes + 256);
  CHECK(config.max_message_bytes > 0 && config.max_message_bytes <= kMaxMessageBytes);
  CHECK(rx_slab.largest() >= config.max_message_bytes);
  const std::size_t outstanding = peers.size() * (config.queue_messages + config.timely_queue_messages) + 1;
  context_ = std::unique_ptr<GroupContext>(new GroupContext{.config = config,
                                                            .system = system,
                                                            .site = site,
                                                            .self = self,
                                                            .mine = mine,
                                                            .servers = servers_,
                                                            .rx_slab = rx_slab,
                                                            .drops = drops,
                                                            .messages = MessageTable(outstanding),
                                                            .timely = GrowingRing<Delivered>(),
                                                            .bounded = GrowingRing<Delivered>()});
  channels_.resize(servers_);
  for (PeerSecret& peer : peers) {
    CHECK(peer.server != self && peer.server.index() < servers_ && channels_[peer.server.index()] == nullptr);
    channels_[peer.server.index()] = std::make_unique<Channel>(*context_, peer.server, std::move(peer.shared));
  }
}

ChannelGroup::~ChannelGroup() {
  for (; peek_delivered() != nullptr; pop_delivered()) context_->rx_slab.free(peek_delivered()->slot);
}

Channel* ChannelGroup::channel(ServerId peer) const {
  return peer.index() < servers_ ? channels_[peer.index()].get() : nullptr;
}

void ChannelGroup::on_frame(Instant now, ByteView udp_payload) {
  context_->last_now = std::max(context_->last_now, now);
  wire::FrameHeader header;
  if (const auto refused = wire::parse_frame_header(udp_payload, header)) return context_->drops.add(*refused);
  if (header.dst_site != context_->site || header.dst_server != self_) {
    return context_->drops.add(DropReason::frame_not_for_us);
  }
  Channel* const from = header.src_site == context_->site ? channel(header.src_server) : nullptr;
  if (from == nullptr) return context_->drops.add(DropReason::frame_unknown_peer);
  from->on_frame(now, header, udp_payload);
}

void ChannelGroup::submit(Instant now, ByteView message, std::uint64_t handle, ServerSet to, TrafficClass traffic,
                          std::uint16_t supersede_key) {
  CHECK(!message.empty() && message.size() <= context_->config.max_message_bytes);
  context_->last_now = std::max(context_->last_now, now);
  const MessageTable::Index index = context_->messages.add(message, handle);
  to.for_each([&](ServerId peer) {
    if (peer == self_) return;
    CHECK(channel(peer) != nullptr);
    channel(peer)->submit(index, traffic, supersede_key);
  });
  context_->messages.release(index);
}

std::size_t ChannelGroup::next_frame(Instant now, MutableBytes out, ServerId& to, TrafficClass& traffic) {
  CHECK(out.size() >= context_->config.payload_bytes);
  context_->last_now = std::max(context_->last_now, now);
  for (std::size_t i = 0; i < servers_; ++i) {
    Channel* const peer = channels_[i].get();
    if (peer == nullptr) continue;
    peer->on_time(now);
    if (!peer->hello_ready(now)) continue;
    to = ServerId(static_cast<std::uint16_t>(i));
    traffic = TrafficClass::bounded;
    return peer->write_hello(now, out);
  }
  for (const TrafficClass lane : {TrafficClass::timely, TrafficClass::bounded}) {
    std::size_t& turn = lane == TrafficClass::timely ? turn_timely_ : turn_bounded_;
    for (std::size_t step = 0; step < servers_; ++step) {
      const std::size_t i = (turn + step) % servers_;
      Channel* const peer = channels_[i].get();
      if (peer == nullptr || !peer->ready(now, lane)) continue;
      turn = i + 1;
      to = ServerId(static_cast<std::uint16_t>(i));
      traffic = lane;
      return peer->write_frame(now, out, lane);
    }
  }
  return 0;
}

Instant ChannelGroup::next_wakeup() const {
  Instant wakeup = Instant::never();
  for (const auto& peer : channels_) {
    if (peer != nullptr) wakeup = earlier(wakeup, peer->next_wakeup());
  }
  return wakeup;
}

const Delivered* ChannelGroup::peek_delivered(TrafficClass traffic) const {
  const GrowingRing<Delivered>& ring = context_->delivered(traffic);
  return ring.empty() ? nullptr : &ring.front();
}

void ChannelGroup::pop_delivered(TrafficClass traffic) { context_->delivered(traffic).pop(); }

const Delivered* ChannelGroup::peek_delivered() const {
  const Delivered* const timely = peek_delivered(TrafficClass::timely);
  return timely != nullptr ? timely : peek_delivered(TrafficClass::bounded);
}

void ChannelGroup::pop_delivered() {
  pop_delivered(peek_delivered(TrafficClass::timely) != nullptr ? TrafficClass::timely : TrafficClass::bounded);
}

std::optional<std::uint64_t> ChannelGroup::next_released() { return context_->messages.next_released(); }

PeerStats ChannelGroup::stats(ServerId peer) const {
  CHECK(channel(peer) != nullptr);
  return channel(peer)->stats();
}

ServerSet ChannelGroup::lagging() const {
  ServerSet set;
  for (std::size_t i = 0; i < servers_; ++i) {
    if (channels_[i] != nullptr && channels_[i]->lagging()) set.insert(ServerId(static_cast<std::uint16_t>(i)));
  }
  return set;
}

ServerSet ChannelGroup::established() const {
  ServerSet set;
  for (std::size_t i = 0; i < servers_; ++i) {
    if (channels_[i] != nullptr && channels_[i]->established()) set.insert(ServerId(static_cast<std::uint16_t>(i)));
  }
  return set;
}

std::uint64_t ChannelGroup::port_sequence() const { return context_->port_sequence; }

}  // namespace garrison::link
