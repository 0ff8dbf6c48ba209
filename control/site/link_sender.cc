#include "control/site/link_sender.h"

#include <algorithm>
#include <utility>

namespace garrison::site {

namespace {

constexpr std::size_t kItemHead = 8;
constexpr std::size_t kLinkHead = message::kEnvelopeBytes + 32;
constexpr std::size_t kAcknowledgedTimes = 8;   // so often per window at least
constexpr std::int64_t kRoundTripShare = 1024;  // by which it rises with each acknowledgement
constexpr std::size_t kLongestPath = kMaxMerklePath * sizeof(Digest);

std::size_t number(TrafficClass traffic) { return static_cast<std::size_t>(traffic); }

}  // namespace

LinkSender::LinkSender(const LinkSenderConfig& config) : config_(config), peers_(config.sites) {
  CHECK(config.envelope.signer.kind == crypto::Principal::Kind::site);
  CHECK(config.envelope.signer.place() < config.sites && config.sites <= kMaxServersPerSite);
  CHECK(config.window > 0 && config.messages_per_batch > 0);
  for (Peer& peer : peers_) peer.repeat_gap = config.repeat_after;
}

void LinkSender::push(SiteId to, TrafficClass traffic, const Item& item, std::vector<DropReason>& drops) {
  CHECK(to.index() < peers_.size() && to != config_.envelope.signer.site);
  Peer& peer = at(to);
  if (peer.cut_off) return drops.push_back(DropReason::link_blacklisted);
  const std::size_t size = item.bytes->size();
  if (size + message::kMaxBlockBytes > message::kMaxSiteMessageBytes)
    return drops.push_back(DropReason::message_oversized);
  std::deque<Item>& waiting = peer.waiting[number(traffic)];
  if (traffic == TrafficClass::timely) {
    const auto older = std::find_if(waiting.begin(), waiting.end(),
                                    [&](const Item& each) { return each.kind == item.kind && item.kind != 0; });
    if (older != waiting.end()) {
      peer.waiting_bytes[number(traffic)] -= older->bytes->size();
      waiting.erase(older);
    }
  }
  if (peer.waiting_bytes[0] + peer.waiting_bytes[1] + size > config_.queue_bytes) {
    drop_waiting(peer);
    return drops.push_back(DropReason::site_lagging);
  }
  peer.waiting_bytes[number(traffic)] += size;
  waiting.push_back(item);
}

void LinkSender::drop_waiting(Peer& peer) {
  for (std::deque<Item>& queue : peer.waiting) queue.clear();
  for (std::size_t& bytes : peer.waiting_bytes) bytes = 0;
}

void LinkSender::owe_acknowledgement(Instant now, SiteId from) {
  Peer& peer = at(from);
  if (peer.cut_off) return;
  ++peer.owed;
  const bool pressing = peer.owed >= config_.window / kAcknowledgedTimes;
  peer.acknowledge_at = std::min(peer.acknowledge_at, pressing ? now : now + config_.acknowledge_after);
}

void LinkSender::cut_off(SiteId site) {
  Peer& peer = at(site);
  drop_waiting(peer);
  peer.repeat_at = Instant::never();
  peer.acknowledge_at = Instant::never();
  peer.cut_off = true;
}

bool LinkSender::anything_to_say(Instant now) const {
  return std::any_of(peers_.begin(), peers_.end(), [&](const Peer& peer) {
    return peer.acknowledge_at <= now || !peer.waiting[number(TrafficClass::timely)].empty() ||
           (window_open(peer, now) && !peer.waiting[number(TrafficClass::bounded)].empty());
  });
}

bool LinkSender::window_open(const Peer& peer, Instant now) const {
  if (peer.under_way.size() >= config_.window) return false;
  return !crowded(peer, now) || peer.waiting_bytes[number(TrafficClass::bounded)] >= config_.full_bytes;
}

bool LinkSender::crowded(const Peer& peer, Instant now) const {
  return peer.round_trip > Duration() && peer.under_way.size() >= config_.few &&
         now - peer.under_way.front() > peer.round_trip * 2;
}

std::vector<LinkOut> LinkSender::pack(const Moment& moment, const std::vector<SeqNum>& delivered, const Whole& whole) {
  std::vector<LinkOut> out;
  for (std::size_t site = 0; site < peers_.size(); ++site) {
    Peer& peer = peers_[site];
    for (const TrafficClass traffic : {TrafficClass::timely, TrafficClass::bounded}) {
      for (std::size_t count = 0; count < config_.messages_per_batch; ++count) {
        if (traffic == TrafficClass::bounded && !window_open(peer, moment.now)) break;
        const std::vector<Item> items = take(peer, traffic, moment, whole);
        if (items.empty()) break;
        out.push_back(make(site, traffic, moment, delivered[site], items));
      }
    }
    if (peer.acknowledge_at <= moment.now) out.push_back(acknowledge(site, moment, delivered[site]));
  }
  return out;
}

std::vector<Item> LinkSender::take(Peer& peer, TrafficClass traffic, const Moment& moment, const Whole& whole) {
  std::deque<Item>& waiting = peer.waiting[number(traffic)];
  std::vector<Item> items;
  std::size_t body = 0;
  std::size_t paths = 0;
  while (!waiting.empty() && items.size() < message::kMaxLinkItems) {
    Item item = waiting.front();
    const bool with_leaf = item.batch == moment.current;
    if (item.batch != 0 && !with_leaf) {
      if (item.batch > moment.signed_through) break;
      item = {whole(item), 0, 0, item.kind};
    }
    const std::size_t size = kItemHead + item.bytes->size();
    const std::size_t path = with_leaf ? kLongestPath : 0;
    if (32 + body + size > message::kMaxLinkMessageBody ||
        kLinkHead + body + size + paths + path + kBundleOverhead > message::kMaxLinkBundleBytes) {
      break;
    }
    body += size;
    paths += path;
    peer.waiting_bytes[number(traffic)] -= waiting.front().bytes->size();
    waiting.pop_front();
    items.push_back(std::move(item));
  }
  return items;
}

LinkOut LinkSender::acknowledge(std::size_t site, const Moment& moment, SeqNum delivered) {
  if (!over_blink(site)) return make(site, TrafficClass::timely, moment, delivered, {});
  LinkOut link;
  link.to = SiteId(static_cast<std::uint16_t>(site));
  link.traffic = TrafficClass::timely;
  link.sequence = moment.timely[site].next();
  link.acknowledges = true;
  link.content = message::encode(
      config_.envelope, message::LinkMessage{link.to, link.traffic, config_.incarnation, link.sequence, delivered, {}});
  peers_[site].owed = 0;
  peers_[site].acknowledge_at = Instant::never();
  return link;
}

LinkOut LinkSender::make(std::size_t site, TrafficClass traffic, const Moment& moment, SeqNum delivered,
                         const std::vector<Item>& items) {
  Peer& peer = peers_[site];
  LinkOut link;
  link.to = SiteId(static_cast<std::uint16_t>(site));
  link.traffic = traffic;
  link.sequence = peer.sent[number(traffic)] = peer.sent[number(traffic)].next();
  message::LinkMessage message{link.to, traffic, config_.incarnation, link.sequence, delivered, {}};
  for (const Item& item : items) {
    const bool with_leaf = item.batch == moment.current;
    message.items.push_back({with_leaf ? item.leaf : message::LinkMessage::Item::kWhole, *item.bytes});
    if (with_leaf) link.item_leaves.push_back(item.leaf);
  }
  link.content = message::encode(config_.envelope, message);
  if (over_forwarders(link.to)) link.df_sequence = next_df_sequence();
  if (traffic == TrafficClass::bounded) {
    peer.under_way.push_back(moment.now);
    if (peer.repeat_at == Instant::never() && !over_blink(site)) peer.repeat_at = moment.now + peer.repeat_gap;
  }
  if (over_blink(site)) return link;
  peer.owed = 0;
  peer.acknowledge_at = Instant::never();
  return link;
}

bool LinkSender::acknowledged(Instant now, SiteId from, SeqNum delivered) {
  Peer& peer = at(from);
  const SeqNum sent = peer.sent[number(TrafficClass::bounded)];
  if (delivered <= peer.acknowledged || delivered > sent) return false;
  const std::size_t news = delivered.value() - peer.acknowledged.value();
  const Duration took = now - peer.under_way[news - 1];
  peer.under_way.erase(peer.under_way.begin(), peer.under_way.begin() + static_cast<std::ptrdiff_t>(news));
  // It rises slowly, for a way that has become longer.
  const Duration risen = peer.round_trip + peer.round_trip / kRoundTripShare;
  peer.round_trip = peer.round_trip == Duration() ? took : std::min(took, risen);
  peer.acknowledged = delivered;
  peer.repeat_gap = config_.repeat_after;
  peer.repeat_at = delivered == sent || over_blink(from.index()) ? Instant::never() : now + peer.repeat_gap;
  return true;
}

std::vector<SiteId> LinkSender::due_again(Instant now) {
  std::vector<SiteId> due;
  for (std::size_t site = 0; site < peers_.size(); ++site) {
    Peer& peer = peers_[site];
    if (peer.repeat_at > now) continue;
    peer.repeat_gap = std::min(peer.repeat_gap * 2, config_.longest_repeat);
    peer.repeat_at = now + peer.repeat_gap;
    due.emplace_back(static_cast<std::uint16_t>(site));
  }
  return due;
}

Instant LinkSender::next_wakeup() const {
  Instant next = Instant::never();
  for (const Peer& peer : peers_) next = earlier(next, earlier(peer.acknowledge_at, peer.repeat_at));
  return next;
}

std::uint64_t LinkSender::oldest_needed(std::uint64_t none) const {
  std::uint64_t oldest = none;
  for (const Peer& peer : peers_) {
    for (const std::deque<Item>& waiting : peer.waiting) {
      for (const Item& item : waiting) {
        if (item.batch != 0) oldest = std::min(oldest, item.batch);
      }
    }
  }
  return oldest;
}

std::size_t LinkSender::unacknowledged(SiteId site) const { return peers_[site.index()].under_way.size(); }

}  // namespace garrison::site
