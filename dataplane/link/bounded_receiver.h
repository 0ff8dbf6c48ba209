// Receiving side of the BOUNDED lane from one peer: reassembly straight into slots, delivery in order.
//
// What was accepted is never taken back, since it may have been acknowledged. So that messages behind a hole can not
// use up the memory that the hole itself needs, a message that is not the next one gets a slot only while another one
// of the largest size could still be had. Owned by one Channel.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/link/byte_ranges.h"
#include "dataplane/link/group_context.h"
#include "dataplane/wire/chunk.h"

namespace garrison::link {

class BoundedReceiver {
 public:
  // `owner`: of the slots that it takes from the receive slab.
  BoundedReceiver(GroupContext& group, ServerId from, std::size_t owner);
  ~BoundedReceiver();
  BoundedReceiver(const BoundedReceiver&) = delete;
  BoundedReceiver& operator=(const BoundedReceiver&) = delete;

  // False: refused by name, the frame must not be acknowledged. Bytes that are already held are not refused.
  [[nodiscard]] bool on_chunk(const wire::DataChunk& chunk);
  // Messages below `sequence` that are not complete will never come.
  void on_base(std::uint64_t sequence);
  // The session ended: drops what is not delivered.
  void reset();

  [[nodiscard]] std::uint64_t delivered() const { return delivered_; }

 private:
  enum class State : std::uint8_t { empty, partial, complete };
  struct Incoming {
    State state = State::empty;
    SlotRef slot;
    std::uint32_t total = 0;
    ByteRanges held;
  };
  [[nodiscard]] Incoming& incoming(std::uint64_t sequence) { return window_[sequence & (window_.size() - 1)]; }
  [[nodiscard]] bool begin(Incoming& message, std::uint64_t sequence, std::uint32_t total);
  [[nodiscard]] bool refuse(DropReason reason);
  void deliver_next();
  void discard(Incoming& message, DropReason reason);

  GroupContext& group_;
  ServerId from_;
  std::size_t owner_;
  std::vector<Incoming> window_;  // ring by sequence: [expected_, expected_ + size)
  std::uint64_t expected_ = 1;
  std::uint64_t delivered_ = 0;
};

}  // namespace garrison::link
