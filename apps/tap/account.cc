#include "apps/tap/account.h"

#include <algorithm>

#include "control/config/net_address.h"
#include "dataplane/base/check.h"
#include "dataplane/wire/hub_frame.h"

namespace garrison::tap {

Account::Account(const config::Topology& topology, const crypto::KeyDirectory* keys)
    : topology_(topology), judge_(topology, keys) {
  for (std::size_t i = 0; i < kMaxTaps; ++i) assemblers_.emplace_back(link::HubAssembler::Config{});
}

Account::Verdict Account::take(Instant when, std::size_t tap, ByteView frame) {
  CHECK(tap < kMaxTaps);
  taps_ = std::max(taps_, tap + 1);
  TapTotals& totals = totals_[tap];
  ++totals.frames;
  totals.bytes += frame.size();
  totals.first = earlier(totals.first, when);
  totals.last = std::max(totals.last, when);
  Verdict verdict;
  verdict.refused = count(when, tap, frame, verdict);
  if (verdict.refused.has_value()) ++totals.refused[static_cast<std::size_t>(*verdict.refused)];
  return verdict;
}

std::optional<DropReason> Account::count(Instant when, std::size_t tap, ByteView frame, Verdict& verdict) {
  wire::Datagram datagram;
  wire::FrameHeader header;
  if (const auto refused = wire::parse_datagram(frame, datagram); refused.has_value()) return refused;
  if (const auto refused = wire::parse_frame_header(datagram.payload, header); refused.has_value()) return refused;
  if (!is_server(header.src_site, header.src_server) || !is_server(header.dst_site, header.dst_server)) {
    return DropReason::frame_unknown_peer;
  }
  const Sender from{header.src_site, header.src_server};
  verdict.sender = from;
  verdict.kind = header.kind;
  SenderTotals& sender = senders_[from];
  FrameTotals& frames = sender.frames[tap];
  ++frames.frames;
  frames.bytes += frame.size();
  ++frames.kinds.at(static_cast<std::size_t>(header.kind) - 1);
  const auto& wan = topology_.site(from.site).servers[from.server.index()].wan;
  if (wan.has_value() && datagram.from.ipv4 != config::net_address(*wan).ipv4) ++frames.foreign_address;
  sender.sequences.take(tap, header.port_sequence);
  if (header.kind == wire::FrameKind::hub_part) return on_part(when, tap, header, datagram.payload, verdict);
  if (header.kind == wire::FrameKind::hub_request) return on_request(tap, header, datagram.payload);
  return std::nullopt;
}

bool Account::is_server(SiteId site, ServerId server) const {
  return site.index() < topology_.sites.size() && server.index() < topology_.site(site).n();
}

LinkBook* Account::book(SiteId from, SiteId to, TrafficClass traffic) {
  if (from == to || !judge_.plan(from, to).on_hub()) return nullptr;
  return &links_.try_emplace(LinkId(from, to, traffic), from, to, traffic, judge_, topology_.wan.adaptive_sets)
              .first->second;
}

std::optional<DropReason> Account::on_part(Instant when, std::size_t tap, const wire::FrameHeader& header,
                                           ByteView payload, Verdict& verdict) {
  const std::optional<wire::HubPart> part = wire::read_hub_part(wire::hub_content(payload));
  if (!part.has_value() || header.counter == 0) return DropReason::chunk_malformed;
  if (part->index != header.src_server.value()) return DropReason::link_part_malformed;
  verdict.traffic = part->traffic;
  LinkBook* const link = book(header.src_site, header.dst_site, part->traffic);
  if (link == nullptr) return DropReason::link_unknown;
  const link::HubPartName name{header.src_site, header.dst_site, part->traffic, SeqNum(header.counter), part->index};
  const link::HubAssembler::Outcome outcome = assemblers_[tap].take(name, *part);
  if (!outcome.whole.has_value()) return outcome.refused;
  return link->take(when, tap, name, part->again, *outcome.whole);
}

// Its tags are for servers that share a key with the asker: what it says is a claim.
std::optional<DropReason> Account::on_request(std::size_t tap, const wire::FrameHeader& header, ByteView payload) {
  const std::optional<wire::HubRequest> request = wire::read_hub_request(wire::hub_content(payload));
  if (!request.has_value()) return DropReason::chunk_malformed;
  // The asker is at the other end of the link that it asks about.
  if (header.src_site == header.dst_site || !judge_.plan(header.dst_site, header.src_site).on_hub()) {
    return DropReason::link_unknown;
  }
  requested_[{header.src_site, header.src_server}][tap] += request->entries.size();
  for (const wire::HubRequest::Entry& entry : request->entries) {
    book(header.dst_site, header.src_site, entry.traffic)->on_request(header.src_server, entry.sequence, entry.held);
  }
  return std::nullopt;
}

std::uint64_t Account::requested(Sender asker) const {
  const auto at = requested_.find(asker);
  return at == requested_.end() ? 0 : *std::ranges::max_element(at->second);
}

}  // namespace garrison::tap
