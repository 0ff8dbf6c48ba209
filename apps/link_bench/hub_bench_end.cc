#include "apps/link_bench/hub_bench_end.h"

#include <array>
#include <utility>

#include "apps/link_bench/bench_address.h"
#include "dataplane/wire/frame.h"

namespace garrison::link_bench {

HubBenchEnd::HubBenchEnd(const Config& config, link::HubLinks::OnHeard on_heard)
    : config_(config),
      no_slab_(std::array{SlabClass{64, 1}}, 1, 64),
      port_{.rx_slab = no_slab_, .drops = drops_},
      links_({.system = SystemId(1), .site = config.site, .server = config.self, .incarnation = Incarnation(1)},
             wire::udp_payload_budget(config.path_ip_bytes), remotes(config), std::move(on_heard), port_) {}

std::vector<link::HubLinks::Remote> HubBenchEnd::remotes(const Config& config) {
  std::vector<link::HubLinks::Remote> all;
  link::HubLinks::Remote& remote = all.emplace_back(
      link::HubLinks::Remote{.site = config.other,
                             .sender = {.parts = config.parts,
                                        .needed = config.needed,
                                        .index = static_cast<std::uint8_t>(config.self.value()),
                                        .window = config.window},
                             .receiver = {.parts = config.parts, .needed = config.needed, .window = config.window},
                             .servers = {}});
  for (std::size_t i = 0; i < config.parts; ++i) {
    remote.servers.push_back({ServerId(static_cast<std::uint16_t>(i)), crypto::SecretBytes(Bytes(32, 7))});
  }
  return all;
}

void HubBenchEnd::on_frame(Instant now, ByteView frame) {
  wire::Datagram datagram;
  wire::FrameHeader header;
  std::optional<DropReason> refused = wire::parse_datagram(frame, datagram);
  if (!refused.has_value()) refused = wire::parse_frame_header(datagram.payload, header);
  if (refused.has_value()) return drops_.add(*refused);
  links_.on_frame(now, header, datagram.payload);
}

void HubBenchEnd::poll(Instant now) {
  links_.tell_suspected(now, [](SiteId, ServerSet) {});
}

std::size_t HubBenchEnd::next_frame(Instant now, MutableBytes out) {
  link::WideEnd to;
  const std::size_t payload = links_.next_frame(now, TrafficClass::bounded, out.subspan(kEncapsulationBytes), to);
  if (payload == 0) return 0;
  const std::size_t size = kEncapsulationBytes + payload;
  wire::encapsulate(out.first(size), bench_address(config_.site, config_.self), bench_address(to.site, to.server),
                    TrafficClass::bounded, wire::UdpChecksum::none);
  return size;
}

}  // namespace garrison::link_bench
