#include "dataplane/link/hub_links.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/check.h"
#include "dataplane/link/session.h"

namespace garrison::link {

namespace {
// Between two requests to one site: what is missing at the same time is asked for together.
constexpr Duration kRequestSpacing = milliseconds(5);
}  // namespace

HubLinks::HubLinks(const LocalEnd& self, std::size_t payload_bytes, std::vector<Remote> remotes, OnHeard on_heard,
                   SharedPort& port)
    : self_(self), payload_bytes_(payload_bytes), on_heard_(std::move(on_heard)), port_(port), assembler_({}) {
  for (Remote& remote : remotes) {
    CHECK(remote.site != self.site && find(remote.site) == nullptr);
    CHECK(remote.sender.index == self.server.index() && remote.servers.size() == remote.receiver.parts);
    CHECK(payload_bytes > wire::hub_request_payload_bytes(wire::kMaxHubRequestEntries, remote.servers.size()));
    auto link = std::make_unique<Link>(Link{.site = remote.site,
                                            .sender = HubSender(remote.sender),
                                            .receiver = HubReceiver(remote.receiver),
                                            .servers = {},
                                            .counter = 0,
                                            .next_request = {}});
    for (const PeerSecret& peer : remote.servers) {
      CHECK(peer.server.index() == link->servers.size());
      const Direction out{.system = self.system,
                          .src_site = self.site,
                          .src = self.server,
                          .dst_site = remote.site,
                          .dst = peer.server};
      link->servers.push_back({.in = crypto::HmacKey(derive_request_key(peer.shared, out.reversed()).view()),
                               .out = crypto::HmacKey(derive_request_key(peer.shared, out).view()),
                               .incarnation = {},
                               .counter = 0});
    }
    link_to_.at(remote.site.index()) = link.get();
    links_.push_back(std::move(link));
  }
}

HubLinks::Link* HubLinks::find(SiteId site) const {
  return site.index() < kMaxSites ? link_to_[site.index()] : nullptr;
}

void HubLinks::on_frame(Instant now, const wire::FrameHeader& header, ByteView payload) {
  const auto refused =
      header.kind == wire::FrameKind::hub_part ? on_part(now, header, payload) : on_request(now, header, payload);
  if (refused.has_value()) port_.drops.add(*refused);
}

std::optional<DropReason> HubLinks::on_part(Instant now, const wire::FrameHeader& header, ByteView payload) {
  const bool own = header.src_site == self_.site;
  if (!own && header.dst_site != self_.site) return DropReason::frame_not_for_us;
  if (find(own ? header.dst_site : header.src_site) == nullptr) return DropReason::frame_unknown_peer;
  const std::optional<wire::HubPart> part = wire::read_hub_part(wire::hub_content(payload));
  if (!part.has_value() || header.counter == 0) return DropReason::chunk_malformed;
  if (part->index != header.src_server.value()) return DropReason::link_part_malformed;
  const HubPartName name{header.src_site, header.dst_site, part->traffic, SeqNum(header.counter), part->index};
  const HubAssembler::Outcome outcome = assembler_.take(name, *part);
  if (!outcome.whole.has_value()) return outcome.refused;
  return on_whole(now, name, part->again, *outcome.whole);
}

std::optional<DropReason> HubLinks::on_whole(Instant now, const HubPartName& name, bool again, ByteView part) {
  if (name.from == self_.site) {
    const OverhearTable::Hearing hearing =
        find(name.to)->sender.on_overheard(name.traffic, name.sequence, name.index, part);
    if (hearing.refused.has_value() || hearing.says == nullptr) return hearing.refused;
    return hand_over(now, {name, part, hearing.says});
  }
  const auto refused = find(name.from)->receiver.take(now, name.traffic, name.sequence, name.index, again);
  return refused.has_value() ? refused : hand_over(now, {name, part, nullptr});
}

std::optional<DropReason> HubLinks::hand_over(Instant now, const Heard& heard) {
  if (on_heard_(heard)) return std::nullopt;
  verdict(now, heard.name, false);
  return DropReason::chunk_no_slot;
}

std::optional<DropReason> HubLinks::on_request(Instant now, const wire::FrameHeader& header, ByteView payload) {
  if (header.dst_site != self_.site) return DropReason::frame_not_for_us;
  Link* const link = find(header.src_site);
  if (link == nullptr || header.src_server.index() >= link->servers.size()) return DropReason::frame_unknown_peer;
  const std::optional<wire::HubRequest> request = wire::read_hub_request(wire::hub_content(payload));
  if (!request.has_value() || self_.server.index() >= request->tags) return DropReason::chunk_malformed;
  Asker& asker = link->servers[header.src_server.index()];
  if (!asker.in.verify(wire::hub_request_authenticated(payload, *request),
                       wire::hub_request_tag(payload, *request, self_.server.index()))) {
    return DropReason::frame_bad_tag;
  }
  if (std::pair(request->incarnation, header.counter) <= std::pair(asker.incarnation, asker.counter)) {
    return DropReason::frame_replayed;
  }
  asker.incarnation = request->incarnation;
  asker.counter = header.counter;
  for (const wire::HubRequest::Entry& entry : request->entries) {
    link->sender.on_request(now, header.src_server, entry);
  }
  return std::nullopt;
}

void HubLinks::submit(Instant now, SiteId to, const HubSender::Part& part) {
  Link* const link = find(to);
  CHECK(link != nullptr);
  link->sender.submit(part);
  while (const auto early = link->sender.next_early(part.traffic)) {
    const auto refused =
        hand_over(now, {{self_.site, to, part.traffic, early->sequence, early->index}, early->part, &early->says});
    if (refused.has_value()) port_.drops.add(*refused);
  }
}

void HubLinks::acknowledged(SiteId by, SeqNum through) {
  Link* const link = find(by);
  CHECK(link != nullptr);
  link->sender.acknowledged(through);
}

void HubLinks::ignore(Instant now, SiteId of, ServerSet servers) {
  if (of == self_.site) {
    for (const auto& link : links_) link->sender.ignore(servers);
  } else if (Link* const link = find(of); link != nullptr) {
    link->receiver.ignore(now, servers);
  }
}

void HubLinks::verdict(Instant now, const HubPartName& name, bool good) {
  if (name.from == self_.site) {
    find(name.to)->sender.on_verdict(now, name.traffic, name.sequence, name.index, good);
  } else {
    find(name.from)->receiver.verdict(now, name.traffic, name.sequence, name.index, good);
  }
}

std::size_t HubLinks::next_frame(Instant now, TrafficClass traffic, MutableBytes out, WideEnd& to) {
  CHECK(out.size() >= payload_bytes_);
  const std::size_t room = payload_bytes_ - wire::kFrameHeaderBytes - wire::kHubPartHeadBytes;
  for (std::size_t step = 0; step < links_.size(); ++step) {
    Link& link = *links_[(turn_ + step) % links_.size()];
    // Part i goes to server i there, or to who comes round: any of them will do.
    to = {link.site, ServerId(static_cast<std::uint16_t>(self_.server.index() % link.servers.size()))};
    std::size_t size = traffic == TrafficClass::timely ? write_request(now, link, to, out) : 0;
    if (size == 0) {
      const std::optional<HubSender::Chunk> chunk = link.sender.next_chunk(now, traffic, room);
      if (chunk.has_value()) size = write_part(*chunk, to, out);
    }
    if (size == 0) continue;
    turn_ = (turn_ + step + 1) % links_.size();
    return size;
  }
  return 0;
}

wire::FrameHeader HubLinks::header(wire::FrameKind kind, std::size_t bytes, WideEnd to, std::uint64_t counter) {
  return {.kind = kind,
          .length = static_cast<std::uint16_t>(bytes),
          .src_site = self_.site,
          .src_server = self_.server,
          .dst_site = to.site,
          .dst_server = to.server,
          .port_sequence = ++port_.sequence,
          .counter = counter};
}

std::size_t HubLinks::write_part(const HubSender::Chunk& chunk, WideEnd to, MutableBytes out) {
  const std::size_t size = wire::kFrameHeaderBytes + wire::kHubPartHeadBytes + chunk.part.bytes.size();
  wire::write_frame_header(out, header(wire::FrameKind::hub_part, size, to, chunk.sequence.value()));
  Writer writer(out.subspan(wire::kFrameHeaderBytes));
  wire::write(writer, chunk.part);
  return size;
}

std::size_t HubLinks::write_request(Instant now, Link& link, WideEnd to, MutableBytes out) {
  if (now < link.next_request) return 0;
  wire::HubRequest request{.incarnation = self_.incarnation,
                           .entries = link.receiver.due(now, wire::kMaxHubRequestEntries),
                           .tags = static_cast<std::uint8_t>(link.servers.size())};
  if (request.entries.empty()) return 0;
  link.next_request = now + kRequestSpacing;
  const std::size_t size = wire::hub_request_payload_bytes(request.entries.size(), request.tags);
  wire::write_frame_header(out, header(wire::FrameKind::hub_request, size, to, ++link.counter));
  Writer writer(out.subspan(wire::kFrameHeaderBytes));
  wire::write(writer, request);
  const ByteView covered = wire::hub_request_authenticated(ByteView(out).first(size), request);
  for (Asker& asked : link.servers) writer.bytes(asked.out.tag(covered));
  return size;
}

Instant HubLinks::next_wakeup() const {
  Instant next = Instant::never();
  for (const auto& link : links_) {
    next = earlier(next, link->sender.next_wakeup());
    next = earlier(next, std::max(link->receiver.next_wakeup(), link->next_request));
  }
  return next;
}

std::optional<std::uint64_t> HubLinks::next_released() {
  for (const auto& link : links_) {
    if (auto handle = link->sender.next_released(); handle.has_value()) return handle;
  }
  return std::nullopt;
}

HubSenderStats HubLinks::stats() const {
  HubSenderStats sum;
  for (const auto& link : links_) sum += link->sender.stats();
  return sum;
}

std::uint64_t HubLinks::requested() const {
  std::uint64_t sum = 0;
  for (const auto& link : links_) sum += link->receiver.requested();
  return sum;
}

}  // namespace garrison::link
