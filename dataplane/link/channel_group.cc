#include "dataplane/link/channel_group.h"

#include <algorithm>
#include <utility>

#include "dataplane/link/channel.h"
#include "dataplane/link/group_context.h"
#include "dataplane/wire/frame.h"

namespace garrison::link {

RxSlabPlan plan_rx_slab(const ChannelConfig& config, std::size_t peers, std::size_t quota_bytes) {
  CHECK(peers > 0 && quota_bytes >= 2 * config.max_message_bytes);
  RxSlabPlan plan;
  plan.owners = 2 * peers;
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

ChannelGroup::ChannelGroup(const ChannelConfig& config, const LocalEnd& self, SiteId peer_site,
                           std::vector<PeerSecret> peers, SharedPort& port, std::size_t first_owner) {
  CHECK(self.server.index() < kMaxServersPerSite && peers.size() <= kMaxServersPerSite);
  CHECK(config.payload_bytes <= kMaxFrameBytes - kEncapsulationBytes);
  CHECK(config.payload_bytes >= wire::kFrameOverheadBytes + 256);
  CHECK(config.max_message_bytes > 0 && config.max_message_bytes <= kMaxMessageBytes);
  CHECK(port.rx_slab.largest() >= config.max_message_bytes);
  const std::size_t outstanding = peers.size() * (config.queue_messages + config.timely_queue_messages) + 1;
  context_ = std::unique_ptr<GroupContext>(new GroupContext{.config = config,
                                                            .self = self,
                                                            .peer_site = peer_site,
                                                            .port = port,
                                                            .messages = MessageTable(outstanding),
                                                            .timely = GrowingRing<Delivered>(),
                                                            .bounded = GrowingRing<Delivered>()});
  for (std::size_t i = 0; i < peers.size(); ++i) {
    CHECK(peers[i].server.index() < kMaxServersPerSite && (i == 0 || peers[i - 1].server < peers[i].server));
    CHECK(peer_site != self.site || peers[i].server != self.server);
    const Channel::Owners owners{.bounded = first_owner + i, .timely = first_owner + peers.size() + i};
    channels_.push_back(std::make_unique<Channel>(*context_, peers[i].server, std::move(peers[i].shared), owners));
    by_server_[peers[i].server.index()] = channels_.back().get();
  }
}

ChannelGroup::~ChannelGroup() {
  for (; peek_delivered() != nullptr; pop_delivered()) context_->port.rx_slab.free(peek_delivered()->slot);
}

SiteId ChannelGroup::peer_site() const { return context_->peer_site; }

Channel* ChannelGroup::channel(ServerId peer) const {
  return peer.index() < by_server_.size() ? by_server_[peer.index()] : nullptr;
}

void ChannelGroup::on_frame(Instant now, ByteView udp_payload) {
  wire::FrameHeader header;
  if (const auto refused = wire::parse_frame_header(udp_payload, header)) return context_->port.drops.add(*refused);
  on_frame(now, header, udp_payload);
}

void ChannelGroup::on_frame(Instant now, const wire::FrameHeader& header, ByteView udp_payload) {
  context_->last_now = std::max(context_->last_now, now);
  if (header.dst_site != context_->self.site || header.dst_server != context_->self.server) {
    return context_->port.drops.add(DropReason::frame_not_for_us);
  }
  Channel* const from = header.src_site == context_->peer_site ? channel(header.src_server) : nullptr;
  if (from == nullptr) return context_->port.drops.add(DropReason::frame_unknown_peer);
  from->on_frame(now, header, udp_payload);
}

void ChannelGroup::submit(Instant now, ByteView message, std::uint64_t handle, ServerSet to, TrafficClass traffic,
                          std::uint16_t supersede_key) {
  CHECK(!message.empty() && message.size() <= context_->config.max_message_bytes);
  context_->last_now = std::max(context_->last_now, now);
  const MessageTable::Index index = context_->messages.add(message, handle);
  const bool own_site = context_->peer_site == context_->self.site;
  to.for_each([&](ServerId peer) {
    if (own_site && peer == context_->self.server) return;
    CHECK(channel(peer) != nullptr);
    channel(peer)->submit(index, traffic, supersede_key);
  });
  context_->messages.release(index);
}

std::size_t ChannelGroup::next_frame(Instant now, MutableBytes out, ServerId& to, TrafficClass& traffic) {
  traffic = TrafficClass::bounded;
  if (const std::size_t size = next_hello(now, out, to); size > 0) return size;
  for (const TrafficClass lane : {TrafficClass::timely, TrafficClass::bounded}) {
    traffic = lane;
    if (const std::size_t size = next_frame_of(now, out, to, lane); size > 0) return size;
  }
  return 0;
}

std::size_t ChannelGroup::next_hello(Instant now, MutableBytes out, ServerId& to) {
  CHECK(out.size() >= context_->config.payload_bytes);
  context_->last_now = std::max(context_->last_now, now);
  for (const auto& peer : channels_) {
    peer->on_time(now);
    if (!peer->hello_ready(now)) continue;
    to = peer->peer();
    return peer->write_hello(now, out);
  }
  return 0;
}

std::size_t ChannelGroup::next_frame_of(Instant now, MutableBytes out, ServerId& to, TrafficClass traffic) {
  CHECK(out.size() >= context_->config.payload_bytes);
  std::size_t& turn = traffic == TrafficClass::timely ? turn_timely_ : turn_bounded_;
  for (std::size_t step = 0; step < channels_.size(); ++step) {
    const std::size_t i = (turn + step) % channels_.size();
    Channel& peer = *channels_[i];
    if (!peer.ready(now, traffic)) continue;
    turn = i + 1;
    to = peer.peer();
    return peer.write_frame(now, out, traffic);
  }
  return 0;
}

Instant ChannelGroup::next_wakeup() const {
  Instant wakeup = Instant::never();
  for (const auto& peer : channels_) wakeup = earlier(wakeup, peer->next_wakeup());
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
  for (const auto& peer : channels_) {
    if (peer->lagging()) set.insert(peer->peer());
  }
  return set;
}

ServerSet ChannelGroup::established() const {
  ServerSet set;
  for (const auto& peer : channels_) {
    if (peer->established()) set.insert(peer->peer());
  }
  return set;
}

}  // namespace garrison::link
