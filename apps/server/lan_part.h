// The LAN part of a server: frames in and out, and the channels to its peers. One thread, usually a poll worker.
#pragma once

#include <optional>

#include "apps/server/queues.h"
#include "dataplane/base/drops.h"
#include "dataplane/link/channel_group.h"
#include "dataplane/stages/frame_endpoint.h"
#include "dataplane/wire/frame.h"

namespace garrison::server {

struct LanConfig {
  SystemId system;
  SiteId site;
  ServerId self;
  Incarnation incarnation;
  link::ChannelConfig channel;
  std::vector<wire::NetAddress> addresses;  // of every server of the site, by ServerId
  bool udp_checksum = true;                 // off where no wire is crossed
};

class LanPart final : public stages::FrameEndpoint {
 public:
  // `queues` and `send_slab` (control's; read here between Outbound and its return) must outlive it. `secrets`: the
  // pairwise secret with each peer.
  LanPart(const LanConfig& config, std::vector<link::PeerSecret> secrets, Queues& queues, const Slab& send_slab);

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
  [[nodiscard]] const link::ChannelGroup& channels() const { return channels_; }

 private:
  LanConfig config_;
  Queues& queues_;
  const Slab& send_slab_;
  DropCounters drops_;
  Slab receive_slab_;
  link::SharedPort port_;
  link::ChannelGroup channels_;
  Counter frames_received_;
  Counter frames_sent_;
  Counter bytes_received_;
  Counter bytes_sent_;
};

}  // namespace garrison::server
