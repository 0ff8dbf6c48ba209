#include "apps/link_bench/channel_bench_end.h"

#include <array>
#include <utility>

#include "apps/link_bench/bench_address.h"
#include "dataplane/link/wide_config.h"

namespace garrison::link_bench {

namespace {

// What is sent until the acknowledgement of a quiet peer comes, and more.
constexpr std::size_t kSendSlots = 2048;

}  // namespace

link::ChannelConfig bench_channel(std::size_t path_ip_bytes) {
  link::ChannelConfig config =
      link::wide_channel_config({.round_trip = milliseconds(1), .jitter = Duration(), .ip_bytes = path_ip_bytes});
  config.window_bytes = 1024 * 1024;
  return config;
}

ChannelBenchEnd::ChannelBenchEnd(SiteId site, ServerId self, SiteId other, const link::ChannelConfig& channel,
                                 std::size_t message_bytes, io::Port& port, rte_mempool& pool)
    : send_slab_(std::array{SlabClass{message_bytes, kSendSlots}}, 1, kSendSlots * message_bytes) {
  server::WanConfig config{.system = SystemId(1),
                           .site = site,
                           .self = self,
                           .incarnation = Incarnation(1),
                           .address = bench_address(site, self),
                           .pacing = {},
                           .sites = {},
                           .udp_checksum = false};
  server::WanSite& remote = config.sites.emplace_back();
  remote.site = other;
  remote.channel = channel;
  remote.peers.push_back({.secret = {self, crypto::SecretBytes(Bytes(32, 7))}, .address = bench_address(other, self)});
  const std::size_t slots = server::slots_of(server::plan_wan_receive_slab(config.sites).classes);
  queues_ =
      server::make_wan_queues(slots, []<typename T>(std::size_t capacity, server::Part) -> std::unique_ptr<Queue<T>> {
        return std::make_unique<PlainQueue<T>>(capacity);
      });
  part_ = std::make_unique<server::WanPart>(std::move(config), queues_, send_slab_);
  stage_ = std::make_unique<stages::LanStage>("link", port, *part_, pool);
}

}  // namespace garrison::link_bench
