// A site of four servers whose wide-area ports stand on a hub, as taps hear it: frames with real layouts around parts
// that its servers have signed, of link messages that the site has signed.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "apps/tap/account.h"
#include "control/config/net_address.h"
#include "control/config/topology_text.h"
#include "dataplane/coding/code.h"
#include "dataplane/wire/frame.h"
#include "dataplane/wire/hub_frame.h"
#include "tests/unit/site/source_site.h"

namespace garrison::tap {

using Order = std::vector<std::uint16_t>;  // in which servers do something
using site::kDestination;
using site::kSource;

inline config::Topology hub_topology(SystemId system, config::LinkKind kind = config::LinkKind::hub_optimistic) {
  config::NewTopology wishes;
  wishes.system = system;
  wishes.sites = 4;
  wishes.link = kind;
  return config::parse_topology(config::new_topology_text(wishes).value(), "test").value();
}

// Parts and frames of site B, kSource, to site C, kDestination; three of four parts decode a message.
class SourceHubTest : public site::SourceSiteTest {
 protected:
  static constexpr std::size_t kServers = 4;

  SourceHubTest() {
    for (std::uint16_t i = 0; i < kServers; ++i) keys_.add(crypto::Principal::server(kSource, ServerId(i)));
  }

  // What travels of a link message, of so many items.
  [[nodiscard]] Bytes whole(std::uint64_t sequence, TrafficClass traffic = TrafficClass::bounded,
                            std::size_t items = 1) {
    const site::OutgoingBatch out = batch(items, SeqNum(sequence), traffic);
    return site::bundle(out, out.links.front(), sign(out));
  }
  // Part `index` of it, as server `by` signs it.
  [[nodiscard]] Bytes part(ByteView of, std::uint64_t sequence, std::uint16_t index, std::uint8_t flip = 0,
                           TrafficClass traffic = TrafficClass::bounded) {
    const coding::Code code(kServers, 3);
    Bytes bytes(code.part_bytes(of.size()));
    code.encode(of, index, bytes);
    bytes[bytes.size() / 2] ^= flip;
    return signed_part(ServerId(index),
                       {kDestination, traffic, static_cast<std::uint8_t>(index), 3, kServers, Incarnation(1),
                        SeqNum(sequence), static_cast<std::uint32_t>(of.size()), bytes});
  }
  [[nodiscard]] Bytes signed_part(ServerId by, const message::LinkPart& part) {
    const auto signer = crypto::Principal::server(kSource, by);
    return keys_.sign(signer, message::encode(keys_.envelope(signer), part));
  }

  // The frames that bring a part, `room` bytes of it each.
  [[nodiscard]] std::vector<Bytes> frames(ByteView part, std::uint64_t sequence, std::uint16_t server,
                                          bool again = false, TrafficClass traffic = TrafficClass::bounded,
                                          std::size_t room = 1200) {
    std::vector<Bytes> made;
    for (std::size_t at = 0; at < part.size(); at += room) {
      wire::HubPart chunk{.traffic = traffic,
                          .index = static_cast<std::uint8_t>(server),
                          .again = again,
                          .total = static_cast<std::uint32_t>(part.size()),
                          .offset = static_cast<std::uint32_t>(at),
                          .mark = 77,
                          .bytes = part.subspan(at, std::min(room, part.size() - at))};
      Bytes content(wire::kHubPartHeadBytes + chunk.bytes.size());
      Writer writer(content);
      wire::write(writer, chunk);
      made.push_back(frame(wire::FrameKind::hub_part, {kSource, ServerId(server)}, {kDestination, ServerId(server)},
                           sequence, content));
    }
    return made;
  }
  [[nodiscard]] Bytes request(std::uint16_t asker, std::uint64_t sequence, std::uint32_t held) {
    const wire::HubRequest request{
        .incarnation = Incarnation(1), .entries = {{TrafficClass::bounded, held, SeqNum(sequence)}}, .tags = kServers};
    Bytes content(wire::hub_request_payload_bytes(1, kServers) - wire::kFrameHeaderBytes);
    Writer writer(content);
    wire::write(writer, request);
    return frame(wire::FrameKind::hub_request, {kDestination, ServerId(asker)}, {kSource, ServerId(asker)}, ++counter_,
                 content);
  }
  [[nodiscard]] Bytes frame(wire::FrameKind kind, Sender from, Sender to, std::uint64_t counter, ByteView content) {
    Bytes bytes(kEncapsulationBytes + wire::kFrameHeaderBytes + content.size());
    const MutableBytes payload = MutableBytes(bytes).subspan(kEncapsulationBytes);
    wire::write_frame_header(payload, {.kind = kind,
                                       .length = static_cast<std::uint16_t>(payload.size()),
                                       .src_site = from.site,
                                       .src_server = from.server,
                                       .dst_site = to.site,
                                       .dst_server = to.server,
                                       .port_sequence = ++port_sequences_[from.server.index()],
                                       .counter = counter});
    std::ranges::copy(content, payload.begin() + wire::kFrameHeaderBytes);
    wire::encapsulate(bytes, address(from), address(to), TrafficClass::bounded, wire::UdpChecksum::software);
    return bytes;
  }
  [[nodiscard]] wire::NetAddress address(Sender of) const {
    return config::net_address(*topology_.site(of.site).servers[of.server.index()].wan);
  }

  // Server `server` of the source sends its part of a message.
  void send(Account& account, std::uint64_t sequence, std::uint16_t server, Instant when, bool again = false) {
    hear(account, frames(part(whole(sequence), sequence, server), sequence, server, again), when);
  }
  std::optional<DropReason> hear(Account& account, const std::vector<Bytes>& frames, Instant when = Instant(1),
                                 std::size_t tap = 0) {
    std::optional<DropReason> last;
    for (const Bytes& each : frames) last = account.take(when, tap, each).refused;
    return last;
  }
  // The first set of this message.
  [[nodiscard]] static ServerSet first_set(std::uint64_t sequence) {
    return config::HubSets({kServers, 1}, {kServers, 1}).first(SeqNum(sequence), {});
  }
  void send_first_set(Account& account, std::uint64_t sequence, Instant when = Instant(1)) {
    first_set(sequence).for_each([&](ServerId id) { send(account, sequence, id.value(), when); });
  }

  // Of the link from the source to the destination.
  [[nodiscard]] static LinkBook::Account said(const Account& account, TrafficClass traffic = TrafficClass::bounded) {
    return account.links().at({kSource, kDestination, traffic}).account();
  }
  [[nodiscard]] static ServerTotals all(const LinkBook::Account& said) {
    ServerTotals sum;
    for (const ServerTotals& each : said.servers) sum += each;
    return sum;
  }

  config::Topology topology_ = hub_topology(keys_.system());
  std::array<std::uint64_t, kServers> port_sequences_{};
  std::uint64_t counter_ = 0;
};

}  // namespace garrison::tap
