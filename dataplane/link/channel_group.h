// ChannelGroup: the transport between one server and its peers in one site: all others of its own (its LAN), or those
// of another that it talks to (wide_channels.h).
//
// Two lanes to every peer. BOUNDED is reliable and in order per peer for as long as both live, except for what a full
// queue gives up; TIMELY is sent once (or timely_copies times), may be lost, arrives in any order, goes first
// everywhere. Frames carry a tag under keys of the two incarnations that talk (session.h), so that nothing of an
// earlier life is ever accepted.
//
// Pure and single-threaded: no clock, no socket; input is pushed, output is pulled. A peer never pushes back: one that
// does not take its messages is marked lagging, its BOUNDED queue is given up (peer_lagging), and messages to it are
// dropped until it acknowledges the new start of the lane. Catch-up, above, brings it what it missed.
//
// Memory is reserved at construction and bounded by ChannelConfig and the quotas of the receive slab; sending and
// receiving allocate nothing. (Two rings grow, until as large as what the caller can make outstanding: handles
// submitted and not released, slots delivered and not taken.)
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "crypto/secret.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/server_set.h"
#include "dataplane/base/slab.h"
#include "dataplane/base/traffic.h"
#include "dataplane/link/channel_config.h"
#include "dataplane/wire/frame.h"

namespace garrison::link {

// One life of one server.
struct LocalEnd {
  SystemId system;
  SiteId site;
  ServerId server;
  Incarnation incarnation;  // above every one that this server ever had
};

// What the groups behind one port share; outlives them.
struct SharedPort {
  Slab& rx_slab;  // the thread of the groups allocates from it
  DropCounters& drops;
  std::uint64_t sequence = 0;  // frames sent so far; the last one carried this number
};

// The X25519 secret shared with one peer (crypto/agreement.h).
struct PeerSecret {
  ServerId server;
  crypto::SecretBytes shared;
};

// A complete message. The slot is the taker's: it goes back to the receive slab through whoever owns that slab.
struct Delivered {
  SlotRef slot;
  ServerId from;
  TrafficClass traffic = TrafficClass::bounded;
};

// Of one peer, since construction unless said otherwise.
struct PeerStats {
  bool established = false;               // both sides know each other's incarnation
  bool lagging = false;                   // BOUNDED messages to it are dropped now
  bool superseded = false;                // it has met a later incarnation of this server: ours went backwards
  Incarnation incarnation;                // of the peer; 0 while unknown
  std::uint64_t sessions = 0;             // incarnations met
  std::uint64_t frames_sent = 0;          // HELLOs included
  std::uint64_t frames_received = 0;      // authentic ones, HELLOs included
  std::uint64_t frames_missing = 0;       // counters of this session that have not arrived (lost or still under way)
  std::uint64_t port_sequence_heard = 0;  // highest in an authentic frame
  std::uint64_t frames_acked = 0;         // of frames with BOUNDED content
  std::uint64_t frames_lost = 0;          // declared lost, rightly or not
  std::uint64_t chunks_retransmitted = 0;
  std::uint64_t messages_acked = 0;      // BOUNDED, completely
  std::uint64_t messages_delivered = 0;  // both lanes
  std::uint64_t lagging_episodes = 0;
  Duration srtt;                   // of this session; 0 before the first sample
  std::size_t queue_messages = 0;  // BOUNDED, sent and unacknowledged ones included
  std::size_t queue_bytes = 0;
  std::size_t in_flight_bytes = 0;  // sent, not acknowledged
  std::size_t timely_queue_messages = 0;
};

class Channel;
class MessageTable;
struct GroupContext;

class ChannelGroup {
 public:
  // `peers` are servers of `peer_site`, ascending by id, never this server. Those of the receive slab's owners that are
  // the group's, two per peer, begin at `first_owner`.
  ChannelGroup(const ChannelConfig& config, const LocalEnd& self, SiteId peer_site, std::vector<PeerSecret> peers,
               SharedPort& port, std::size_t first_owner = 0);
  ~ChannelGroup();
  ChannelGroup(const ChannelGroup&) = delete;
  ChannelGroup& operator=(const ChannelGroup&) = delete;

  // One received UDP payload. Every refusal is counted by name.
  void on_frame(Instant now, ByteView udp_payload);
  // The same, with its header already parsed.
  void on_frame(Instant now, const wire::FrameHeader& header, ByteView udp_payload);

  // Sends one message of 1..max_message_bytes to every peer in `to` (in its own site this server is ignored). `message`
  // stays valid and unchanged until next_released() gives `handle`, which happens exactly once per call: there is one
  // copy for all peers. A queued TIMELY message that was not sent yet gives way to a newer one with the same
  // `supersede_key` (0: none). Never refuses: what a peer's queue cannot hold is a named drop.
  void submit(Instant now, ByteView message, std::uint64_t handle, ServerSet to, TrafficClass traffic,
              std::uint16_t supersede_key);

  // The next frame that is due: writes its UDP payload, complete and tagged, to `out` (at least payload_bytes), its
  // destination and class, and returns its size; 0 when nothing is due. What is returned counts as sent.
  // HELLOs, then TIMELY, then the rest; each fair over peers.
  [[nodiscard]] std::size_t next_frame(Instant now, MutableBytes out, ServerId& to, TrafficClass& traffic);

  // The same in steps, for who lets several groups take turns: HELLOs (asked for them, the group looks after what it
  // has lost), and one class.
  [[nodiscard]] std::size_t next_hello(Instant now, MutableBytes out, ServerId& to);
  [[nodiscard]] std::size_t next_frame_of(Instant now, MutableBytes out, ServerId& to, TrafficClass traffic);

  // When next_frame() has to be asked next, if nothing comes in before: not after the last `now` if a frame is ready.
  [[nodiscard]] Instant next_wakeup() const;

  // Complete messages: TIMELY first, then BOUNDED, in order per (peer, BOUNDED). Null when there is none. The pointer
  // holds until the next call that is not const. The second form looks at one lane only.
  [[nodiscard]] const Delivered* peek_delivered() const;
  void pop_delivered();
  [[nodiscard]] const Delivered* peek_delivered(TrafficClass traffic) const;
  void pop_delivered(TrafficClass traffic);

  // A handle whose message is not needed any more: every peer has it, or it was given up.
  [[nodiscard]] std::optional<std::uint64_t> next_released();

  [[nodiscard]] SiteId peer_site() const;
  [[nodiscard]] bool has_peer(ServerId server) const { return channel(server) != nullptr; }
  [[nodiscard]] PeerStats stats(ServerId peer) const;
  [[nodiscard]] ServerSet lagging() const;
  [[nodiscard]] ServerSet established() const;

 private:
  [[nodiscard]] Channel* channel(ServerId peer) const;

  std::unique_ptr<GroupContext> context_;
  std::vector<std::unique_ptr<Channel>> channels_;  // ascending by peer
  std::array<Channel*, kMaxServersPerSite> by_server_{};
  std::size_t turn_timely_ = 0;  // where the search for the next sender starts
  std::size_t turn_bounded_ = 0;
};

}  // namespace garrison::link
