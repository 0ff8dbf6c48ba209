// Sending side of the BOUNDED lane to one peer: queue, window, chunks, retransmission.
//
// Every byte of a message that is not acknowledged is in exactly one place: not cut yet, in a chunk of a frame in
// flight, or in a chunk that waits to be sent again. Chunks keep their cut for life, so the receiver never sees one
// byte in two different chunks.
//
// A queue that overflows is given up as a whole and the peer is lagging until it acknowledges a base chunk: "messages
// below the next sequence will never come". The base chunk is repeated like any content, so that the lane lives again
// after a partition of any length. Owned by one Channel.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/instant.h"
#include "dataplane/link/channel_config.h"
#include "dataplane/link/message_table.h"
#include "dataplane/link/round_trip.h"
#include "dataplane/wire/chunk.h"

namespace garrison::link {

class BoundedSender {
 public:
  BoundedSender(const ChannelConfig& config, MessageTable& messages, DropCounters& drops);
  ~BoundedSender();
  BoundedSender(const BoundedSender&) = delete;
  BoundedSender& operator=(const BoundedSender&) = delete;

  // Takes a reference to the message, or drops it by name.
  void submit(MessageTable::Index message);

  // A new session: everything not completely acknowledged is sent again, from sequence 1.
  void start_session();

  // Whether write() would write anything.
  [[nodiscard]] bool ready() const;
  // Writes chunks to `out`, which go out in the frame with this counter. False if there were none.
  bool write(Instant now, std::uint64_t counter, Writer& out);

  // False if it acknowledges what was never sent.
  [[nodiscard]] bool on_ack(Instant now, const wire::Ack& ack, std::uint64_t last_counter);
  // The peer lives: an authentic frame came.
  void on_heard(Instant now);

  [[nodiscard]] Instant deadline() const { return earlier(timeout_at_, overdue_at_); }
  void on_time(Instant now);

  [[nodiscard]] bool lagging() const { return lagging_; }
  [[nodiscard]] std::size_t queue_messages() const { return static_cast<std::size_t>(next_ - base_); }
  [[nodiscard]] std::size_t queue_bytes() const { return queue_bytes_; }
  [[nodiscard]] std::size_t in_flight_bytes() const { return in_flight_bytes_; }
  [[nodiscard]] Duration srtt() const { return round_trip_.smoothed(); }

  struct Counts {
    std::uint64_t frames_acked = 0;
    std::uint64_t frames_lost = 0;
    std::uint64_t chunks_retransmitted = 0;
    std::uint64_t messages_acked = 0;
    std::uint64_t lagging_episodes = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

  // A later acknowledged counter by this much means lost (RFC 9002 section 6.1.1).
  static constexpr std::uint64_t kPacketThreshold = 3;
  // A cut that leaves part of a message for the next frame is worth its header from this size on.
  static constexpr std::size_t kSmallestCut = 64;

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;

  struct Message {
    MessageTable::Index index = 0;
    std::uint32_t total = 0;
    std::uint32_t cut = 0;    // bytes in chunks so far
    std::uint32_t acked = 0;  // total: done, its reference is gone
  };
  struct Chunk {
    std::uint64_t sequence = 0;
    std::uint32_t offset = 0;
    std::uint16_t size = 0;
    std::uint16_t tries = 0;
    std::uint32_t next = kNone;
  };
  // Of two chunks of the pool.
  struct LaterInStream {
    const std::vector<Chunk>& chunks;
    bool operator()(std::uint32_t a, std::uint32_t b) const {
      return std::tie(chunks[a].sequence, chunks[a].offset) > std::tie(chunks[b].sequence, chunks[b].offset);
    }
  };
  struct Frame {
    std::uint64_t counter = 0;
    Instant sent;
    std::uint32_t chunks = kNone;
    std::uint64_t oldest = 0;  // sequence of its first chunk; 0: a base alone, or with others
    std::uint16_t tries = 0;   // of its most tried chunk
    bool base = false;
    bool live = false;
  };

  [[nodiscard]] Message& message(std::uint64_t sequence) { return messages_[sequence & (messages_.size() - 1)]; }
  [[nodiscard]] Frame& frame(std::uint64_t position) { return frames_[position & (frames_.size() - 1)]; }
  [[nodiscard]] bool frames_full() const { return frames_end_ - frames_begin_ == frames_.size(); }
  [[nodiscard]] bool may_cut() const;

  void write_lost(Writer& out, Frame& into);
  void write_new(Writer& out, Frame& into);
  void put(Writer& out, Frame& into, std::uint32_t chunk);
  void acknowledge(Frame& acked);
  void acknowledge_bytes(const Chunk& chunk);
  void lose(Frame& lost);
  [[nodiscard]] Frame* oldest_content();
  void detect_losses(Instant now);
  void forget_dead_frames();
  void give_up();
  [[nodiscard]] std::uint32_t new_chunk();
  void free_chunk(std::uint32_t chunk);
  void free_all_chunks();

  const ChannelConfig& config_;
  MessageTable& table_;
  DropCounters& drops_;

  std::vector<Message> messages_;  // ring by sequence: [base_, next_)
  std::uint64_t base_ = 1;         // oldest not completely acknowledged
  std::uint64_t next_ = 1;         // of the next message submitted
  std::uint64_t cut_ = 1;          // first with bytes that were never sent
  std::size_t queue_bytes_ = 0;
  std::size_t in_flight_bytes_ = 0;

  std::vector<Chunk> chunks_;  // pool
  std::uint32_t free_chunks_ = kNone;
  std::vector<std::uint32_t> lost_;  // to send again: a heap, what comes first in the stream on top

  std::vector<Frame> frames_;  // ring, ascending by counter; dead ones stay until they are oldest
  std::uint64_t frames_begin_ = 0;
  std::uint64_t frames_end_ = 0;
  std::size_t live_frames_ = 0;
  std::uint64_t largest_acked_ = 0;

  RoundTrip round_trip_;
  Instant timeout_at_ = Instant::never();
  Instant overdue_at_ = Instant::never();  // of an overtaken frame, on a path that reorders: lost from then on
  unsigned doublings_ = 0;
  bool heard_ = false;

  bool lagging_ = false;
  bool base_due_ = false;
  Counts counts_;
};

}  // namespace garrison::link
