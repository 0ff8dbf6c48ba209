// Channel: everything between one server and one peer: the session and both lanes, two ways.
// Owned by ChannelGroup, which says how its parts behave towards the outside.
#pragma once

#include "dataplane/link/ack_tracker.h"
#include "dataplane/link/bounded_receiver.h"
#include "dataplane/link/bounded_sender.h"
#include "dataplane/link/group_context.h"
#include "dataplane/link/session.h"
#include "dataplane/link/timely_receiver.h"
#include "dataplane/link/timely_sender.h"

namespace garrison::link {

// Content of a data chunk in a frame that it has to itself. Every frame keeps room for an ack of one word, so that a
// chunk that is sent again always fits, whatever is to be acknowledged then.
constexpr std::size_t max_chunk_bytes(const ChannelConfig& config) {
  return config.payload_bytes - wire::kFrameOverheadBytes - wire::ack_bytes(1) - wire::kDataChunkHeaderBytes;
}

class Channel {
 public:
  struct Owners {  // of slots of the receive slab, by lane
    std::size_t bounded = 0;
    std::size_t timely = 0;
  };
  Channel(GroupContext& group, ServerId peer, crypto::SecretBytes shared, Owners owners);

  [[nodiscard]] ServerId peer() const { return peer_; }

  // A frame from the peer to us with a parsed header.
  void on_frame(Instant now, const wire::FrameHeader& header, ByteView payload);

  void submit(MessageTable::Index message, TrafficClass traffic, std::uint16_t supersede_key);

  void on_time(Instant now);
  [[nodiscard]] bool hello_ready(Instant now) const { return now >= session_.hello_due(); }
  [[nodiscard]] bool ready(Instant now, TrafficClass traffic) const;
  [[nodiscard]] Instant next_wakeup() const;

  // Each after the corresponding ready(); returns the size of the frame.
  [[nodiscard]] std::size_t write_hello(Instant now, MutableBytes out);
  [[nodiscard]] std::size_t write_frame(Instant now, MutableBytes out, TrafficClass traffic);

  [[nodiscard]] bool lagging() const { return bounded_out_.lagging(); }
  [[nodiscard]] bool established() const { return session_.established(); }
  [[nodiscard]] PeerStats stats() const;

 private:
  void on_hello(Instant now, const wire::FrameHeader& header, ByteView payload);
  void on_channel(Instant now, const wire::FrameHeader& header, ByteView payload);
  // Takes every chunk of a frame. `asks`: some of it wants an acknowledgement. False: the frame may not be
  // acknowledged.
  [[nodiscard]] bool take_chunks(Instant now, ByteView content, bool& asks);
  [[nodiscard]] bool take_ack(Instant now, Reader& in);
  void count_received(const wire::FrameHeader& header);

  GroupContext& group_;
  ServerId peer_;
  Session session_;
  AckTracker acks_;
  BoundedSender bounded_out_;
  BoundedReceiver bounded_in_;
  TimelySender timely_out_;
  TimelyReceiver timely_in_;
  std::uint64_t sessions_ = 0;
  std::uint64_t frames_sent_ = 0;
  std::uint64_t frames_received_ = 0;
  std::uint64_t port_sequence_heard_ = 0;
};

}  // namespace garrison::link
