#include "apps/adversary/hub_liar.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "dataplane/base/bounds.h"
#include "dataplane/wire/frame.h"
#include "dataplane/wire/hub_frame.h"

namespace garrison::adversary {

namespace {

constexpr std::array<std::pair<HubLie, std::string_view>, 6> kNames{{{HubLie::silent, "silent"},
                                                                     {HubLie::eager, "eager"},
                                                                     {HubLie::late, "late"},
                                                                     {HubLie::forged, "forged"},
                                                                     {HubLie::unsent, "unsent"},
                                                                     {HubLie::greedy, "greedy"}}};

// The header of a part on the hub, where the frame is one.
std::optional<wire::FrameHeader> part_header(ByteView frame) {
  wire::FrameHeader header;
  if (frame.size() <= kEncapsulationBytes || wire::parse_frame_header(frame.subspan(kEncapsulationBytes), header)) {
    return std::nullopt;
  }
  return header.kind == wire::FrameKind::hub_part ? std::optional(header) : std::nullopt;
}

// The same part of the link message in another server's name, which says something else.
Bytes forged_frame(ByteView frame, wire::FrameHeader header, std::size_t server) {
  Bytes forged = to_bytes(frame);
  const MutableBytes payload = MutableBytes(forged).subspan(kEncapsulationBytes);
  header.src_server = ServerId(static_cast<std::uint16_t>(server));
  wire::write_frame_header(payload, header);
  constexpr std::size_t kIndex = wire::kFrameHeaderBytes + 1;
  payload[kIndex] = static_cast<std::uint8_t>(server);
  payload.back() ^= 0x5aU;
  return forged;
}

std::optional<Bytes> marked_timely(ByteView frame) {
  wire::Datagram datagram;
  if (wire::parse_datagram(frame, datagram)) return std::nullopt;
  Bytes marked = to_bytes(frame);
  wire::encapsulate(marked, datagram.from, datagram.to, TrafficClass::timely, wire::UdpChecksum::none);
  return marked;
}

ServerId sender_of(const site::Member::SendPart& part) { return part.part->get().server(); }
bool in_first_set(const site::Member::SendPart& part) { return part.hub->first_set.contains(sender_of(part)); }

}  // namespace

std::string_view name(HubLie lie) {
  return std::ranges::find(kNames, lie, [](const auto& each) { return each.first; })->second;
}

std::optional<HubLie> hub_lie(std::string_view name) {
  const auto found = std::ranges::find(kNames, name, [](const auto& each) { return each.second; });
  return found == kNames.end() ? std::nullopt : std::optional(found->first);
}

void HubLiar::tamper(Instant now, site::Member::Outputs& outputs) {
  lies_ = period_ == Duration() || now.ns() % period_.ns() < period_.ns() / 2;
  std::vector<site::Member::SendPart> send;
  while (!held_back_.empty() && held_back_.front().until <= now) {
    send.push_back(std::move(held_back_.front().part));
    held_back_.pop_front();
  }
  for (site::Member::SendPart& part : outputs.send) {
    const bool on_hub = lies_ && part.hub != nullptr;
    if (on_hub && lie_ == HubLie::silent && in_first_set(part)) {
      ++acted_;
    } else if (on_hub && lie_ == HubLie::late) {
      ++acted_;
      held_back_.push_back({now + late_by_, std::move(part)});
    } else {
      if (on_hub && lie_ == HubLie::eager && !in_first_set(part)) {
        ++acted_;
        auto eager = std::make_shared<site::Member::OnHub>(*part.hub);
        eager->first_set.insert(sender_of(part));
        part.hub = std::move(eager);
      }
      send.push_back(std::move(part));
    }
  }
  outputs.send = std::move(send);
}

HubLiar::OnHub HubLiar::on_frame(ByteView frame) {
  OnHub on_hub;
  if (!lies_) return on_hub;
  if (lie_ == HubLie::greedy) {
    on_hub.again = marked_timely(frame);
    if (!on_hub.again.has_value()) return on_hub;
    ++acted_;
    on_hub.before.push_back(*on_hub.again);
    on_hub.leaves = false;
    return on_hub;
  }
  const std::optional<wire::FrameHeader> header = part_header(frame);
  if (!header.has_value()) return on_hub;
  if (lie_ == HubLie::unsent) {
    ++acted_;
    on_hub.leaves = false;
  }
  if (lie_ == HubLie::forged) {
    ++acted_;
    for (std::size_t server = 0; server < servers_; ++server) {
      if (server != header->src_server.index()) on_hub.before.push_back(forged_frame(frame, *header, server));
    }
  }
  return on_hub;
}

}  // namespace garrison::adversary
