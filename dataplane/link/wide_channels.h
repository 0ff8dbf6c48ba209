// WideChannels: the transport between one server and its peers in other sites, behind one wide-area port.
//
// To every remote site a ChannelGroup, with the ChannelConfig of the path to it; one Pacer over all of them, since they
// share what this server may send. HELLOs go first, then TIMELY, then the rest, and sites take turns within each: a
// site that is far behind, or floods, has its turn and no more. Nothing queues below: what leaves next is decided when
// the pacer lets a frame leave.
//
// Keys of a session name both sites. All else is as channel_group.h says: pure, single-threaded, memory reserved.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/link/channel_group.h"
#include "dataplane/link/pacer.h"

namespace garrison::link {

struct WideEnd {
  SiteId site;
  ServerId server;
  friend bool operator==(WideEnd, WideEnd) = default;
};

struct WideDelivered {
  Delivered message;
  SiteId from;
};

class WideChannels {
 public:
  struct RemoteSite {
    SiteId site;
    ChannelConfig channel;
    std::vector<PeerSecret> peers;  // the servers of it that this one talks to; ascending
  };

  // Sites ascend, without this server's own. The receive slab has two owners per peer, in the order of `sites`
  // (plan_rx_slab with the number of all peers).
  WideChannels(const LocalEnd& self, const Pacer::Config& pacing, std::vector<RemoteSite> sites, SharedPort& port);

  // One received UDP payload. Every refusal is counted by name.
  void on_frame(Instant now, ByteView udp_payload);

  // Sends a message to servers of one site, peers of this one; otherwise as ChannelGroup::submit().
  void submit(Instant now, ByteView message, std::uint64_t handle, SiteId site, ServerSet to, TrafficClass traffic);

  // The next frame that is due and that the pacer lets leave: as ChannelGroup::next_frame().
  [[nodiscard]] std::size_t next_frame(Instant now, MutableBytes out, WideEnd& to, TrafficClass& traffic);
  [[nodiscard]] Instant next_wakeup() const;

  // Complete messages of one class, sites in turn, in order per (peer, BOUNDED). What was looked at is what is popped.
  [[nodiscard]] std::optional<WideDelivered> peek_delivered(TrafficClass traffic) const;
  void pop_delivered(TrafficClass traffic);

  [[nodiscard]] std::optional<std::uint64_t> next_released();

  // Of all that the port sends; what sends there beside the channels goes by it, too.
  [[nodiscard]] Pacer& pacer() { return pacer_; }
  [[nodiscard]] const Pacer& pacer() const { return pacer_; }

  [[nodiscard]] bool is_peer(WideEnd end) const;
  // CHECKs is_peer().
  [[nodiscard]] PeerStats stats(WideEnd peer) const;

 private:
  using Turns = std::array<std::size_t, 2>;  // by class: where the search for the next one starts

  [[nodiscard]] ChannelGroup* group(SiteId site) const;
  [[nodiscard]] std::optional<std::size_t> delivering(TrafficClass traffic) const;
  [[nodiscard]] std::size_t sent(Instant now, SiteId site, std::size_t payload_bytes, WideEnd& to);

  std::vector<std::unique_ptr<ChannelGroup>> groups_;  // ascending by site
  SharedPort& port_;
  Pacer pacer_;
  Turns sending_{};
  Turns delivering_{};
};

}  // namespace garrison::link
