#include "dataplane/forwarder/wide_end.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace garrison::forwarder {

WideEnd::WideEnd(const Config& config, Forwarder& forwarder)
    : self_(config.self), sign_of_life_(config.sign_of_life), forwarder_(forwarder) {
  const std::size_t piece = config.ip_mtu - kIpv4HeaderBytes - kUdpHeaderBytes - kDatagramHeadBytes - kDatagramTagBytes;
  for (const Peer& peer : config.peers) {
    const auto key = [&](ForwarderId from, ForwarderId to) {
      return datagram_key(peer.shared, config.system, from, to);
    };
    links_.push_back({peer.id, std::make_unique<DatagramSender>(self_, config.incarnation, key(self_, peer.id), piece),
                      std::make_unique<DatagramReceiver>(key(peer.id, self_), piece, forwarder.drops())});
    answers_.resize(std::max(answers_.size(), peer.id.site.index() + 1), Role::primary);
  }
}

WideEnd::Link* WideEnd::find(ForwarderId id) {
  const auto found = std::ranges::find(links_, id, &Link::id);
  return found == links_.end() ? nullptr : &*found;
}

void WideEnd::on_datagram(Instant now, ByteView datagram) {
  const std::optional<ForwarderId> source = claimed_source(datagram);
  Link* const link = source.has_value() ? find(*source) : nullptr;
  if (link == nullptr) return forwarder_.drops().add(DropReason::frame_unknown_peer);
  const DatagramReceiver::Outcome outcome = link->receiver->on_datagram(datagram);
  if (!outcome.authentic) return;
  const SiteId site = link->id.site;
  if (site != self_.site) answers_[site.index()] = link->id.role;
  if (!outcome.complete.has_value()) return;
  if (site != self_.site) {
    if (!outcome.complete->empty()) forwarder_.remote().push(site, *outcome.complete);
    return;
  }
  Reader reader(*outcome.complete);
  const SeqNum gone(reader.u64());
  if (!reader.done()) return forwarder_.drops().add(DropReason::forwarder_malformed);
  forwarder_.on_notice(now, gone);
}

std::optional<WideEnd::Outgoing> WideEnd::next(Instant now) {
  if (const std::optional<SeqNum> gone = forwarder_.next_notice(now)) {
    std::array<std::uint8_t, 8> notice;
    Writer(notice).u64(gone->value());
    send(find({self_.site, Role::backup}), TrafficClass::timely, notice);
  }
  if (now >= alive_at_) {
    alive_at_ = now + sign_of_life_;
    for (Link& link : links_) {
      if (forwarder_.active(now) && link.id.site != self_.site) send(&link, TrafficClass::timely, {});
    }
  }
  while (outgoing_.empty()) {
    const std::optional<Departure> departure = forwarder_.next_departure(now);
    if (!departure.has_value()) return std::nullopt;
    for (std::uint64_t rest = departure->header.destinations; rest != 0; rest &= rest - 1) {
      const auto site = static_cast<std::size_t>(std::countr_zero(rest));
      const bool known = site < answers_.size() && site != self_.site.index();
      send(known ? find({SiteId(static_cast<std::uint16_t>(site)), answers_[site]}) : nullptr,
           departure->header.traffic, departure->message);
    }
  }
  Outgoing first = std::move(outgoing_.front());
  outgoing_.pop_front();
  return first;
}

// A null link: of a site, or a backup, that there is not.
void WideEnd::send(Link* link, TrafficClass traffic, ByteView message) {
  if (link == nullptr) return;
  for (Bytes& datagram : link->sender->cut(traffic, message))
    outgoing_.push_back({link->id, traffic, std::move(datagram)});
}

}  // namespace garrison::forwarder
