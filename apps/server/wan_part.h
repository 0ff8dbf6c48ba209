// The wan part of a server: its wide-area port, frames in and out, and the channels to its peers in other sites. One
// thread, usually a poll worker. Exists where there are several sites.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "apps/server/wan_queues.h"
#include "dataplane/base/drops.h"
#include "dataplane/link/wide_channels.h"
#include "dataplane/stages/frame_endpoint.h"
#include "dataplane/wire/frame.h"

namespace garrison::server {

// Another site, and the servers of it that this one talks to.
struct WanSite {
  struct Peer {
    link::PeerSecret secret;
    wire::NetAddress address;  // what a frame to it is addressed to; behind a router the MAC is the router's
  };
  SiteId site;
  link::ChannelConfig channel;
  std::vector<Peer> peers;  // ascending by server
};

struct WanConfig {
  SystemId system;
  SiteId site;
  ServerId self;
  Incarnation incarnation;
  wire::NetAddress address;    // of this server's port
  link::Pacer::Config pacing;  // of all that this server sends to other sites
  std::vector<WanSite> sites;  // ascending, without its own; at least one peer in all
  bool udp_checksum = true;    // off where no wire is crossed
};

// Of the part with these sites: one slab for the peers of all of them, with a quota for each.
[[nodiscard]] link::RxSlabPlan plan_wan_receive_slab(std::span<const WanSite> sites);

class WanPart final : public stages::FrameEndpoint {
 public:
  // `queues` hold every slot of plan_wan_receive_slab(). They and `send_slab` (control's; read here between WanOutbound
  // and its return) outlive the part.
  WanPart(WanConfig config, WanQueues& queues, const Slab& send_slab);

  void on_frame(Instant now, ByteView ethernet_frame) override;
  std::size_t next_frame(Instant now, MutableBytes out) override;
  [[nodiscard]] Instant next_wakeup() const override;
  // Takes what the other parts handed over, and hands complete messages on.
  void poll(Instant now) override;

  // Readable from any thread.
  [[nodiscard]] const DropCounters& drops() const { return drops_; }
  [[nodiscard]] const Slab& receive_slab() const { return receive_slab_; }
  [[nodiscard]] std::uint64_t frames_received() const { return frames_received_.get(); }
  [[nodiscard]] std::uint64_t frames_sent() const { return frames_sent_.get(); }
  [[nodiscard]] std::uint64_t bytes_received() const { return bytes_received_.get(); }  // of whole frames
  [[nodiscard]] std::uint64_t bytes_sent() const { return bytes_sent_.get(); }
  // Owning thread only.
  [[nodiscard]] const link::WideChannels& channels() const { return channels_; }

 private:
  using SiteAddresses = std::array<wire::NetAddress, kMaxServersPerSite>;

  WanPart(WanConfig& config, const link::RxSlabPlan& plan, WanQueues& queues, const Slab& send_slab);
  void take_back();
  void take_outbound(Instant now);
  void hand_on(TrafficClass traffic, Queue<WanInbound>& queue);

  wire::NetAddress address_;
  wire::UdpChecksum checksum_;
  std::vector<SiteAddresses> addresses_;  // by SiteId
  WanQueues& queues_;
  const Slab& send_slab_;
  DropCounters drops_;
  Slab receive_slab_;
  link::SharedPort port_;
  link::WideChannels channels_;
  Counter frames_received_;
  Counter frames_sent_;
  Counter bytes_received_;
  Counter bytes_sent_;
};

}  // namespace garrison::server
