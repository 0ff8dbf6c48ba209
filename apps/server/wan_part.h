// The wan part of a server: its wide-area port, frames in and out, and the channels to its peers in other sites. One
// thread, usually a poll worker. Exists where there are several sites.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "apps/server/wan_queues.h"
#include "dataplane/base/drops.h"
#include "dataplane/link/hub_links.h"
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
  struct Hub {
    link::HubSenderConfig sender;
    link::HubReceiverConfig receiver;
    std::vector<Peer> servers;  // all of that site, ascending
  };
  SiteId site;
  link::ChannelConfig channel;
  std::vector<Peer> peers;   // ascending by server
  std::optional<Hub> hub{};  // its link messages go over the hub, what else there is over channels to peers
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
  bool adaptive_sets = true;   // tells who misses its turns on the hub
};

// Of the part with these sites: one slab for the peers of all of them, with a quota for each, and one for each site
// that is heard on the hub, this one included.
[[nodiscard]] link::RxSlabPlan plan_wan_receive_slab(std::span<const WanSite> sites);

// What the hub links of one server did: parts, and in `requested` link messages.
struct HubCounts {
  link::HubSenderStats sent;
  std::uint64_t requested = 0;

  HubCounts& operator+=(const HubCounts& other) {
    sent += other.sent;
    requested += other.requested;
    return *this;
  }
  // Of the sum of all servers of sites of n: each of them makes its part of every link message. 0 without any.
  [[nodiscard]] double parts_per_message(std::size_t n) const {
    const std::uint64_t parts = sent.sent_first + sent.sent_second + sent.sent_asked;
    return sent.submitted == 0 ? 0 : static_cast<double>(parts * n) / static_cast<double>(sent.submitted);
  }
};

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
  // Of links on the hub; none without one.
  [[nodiscard]] std::optional<HubCounts> hub() const;
  // Owning thread only.
  [[nodiscard]] const link::WideChannels& channels() const { return channels_; }

 private:
  using SiteAddresses = std::array<wire::NetAddress, kMaxServersPerSite>;

  WanPart(WanConfig& config, const link::RxSlabPlan& plan, WanQueues& queues, const Slab& send_slab);
  void take_back(Instant now);
  void take_verdicts(Instant now);
  void take_outbound(Instant now);
  void put_on_hub(Instant now, const WanOutbound& one);
  // Hands to crypto what was heard on the hub; false: there is no room.
  [[nodiscard]] bool take_heard(const link::HubLinks::Heard& heard);
  [[nodiscard]] std::size_t owner_of(SiteId heard) const;
  [[nodiscard]] std::size_t next_payload(Instant now, MutableBytes out, link::WideEnd& to, TrafficClass& traffic);
  void tell_duties(Instant now);
  void publish_hub();
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
  std::unique_ptr<link::HubLinks> hub_;  // null: none of its links is on a hub
  bool adaptive_sets_ = true;
  std::vector<SiteId> heard_sites_;  // in the order of their owners in the receive slab
  std::size_t first_heard_owner_ = 0;
  std::vector<std::optional<link::HubPartName>> heard_slots_;  // by receive slot: of parts that crypto or control has
  std::array<Counter, 8> hub_counters_;                        // in the order of HubCounts
  Counter frames_received_;
  Counter frames_sent_;
  Counter bytes_received_;
  Counter bytes_sent_;
};

}  // namespace garrison::server
