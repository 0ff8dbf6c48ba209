// Receiving side of the TIMELY lane from one peer: reassembles a few messages at once, each delivered at most once and
// as soon as it is complete. A newer message takes the place of the oldest unfinished one. Owned by one Channel.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/link/byte_ranges.h"
#include "dataplane/link/group_context.h"
#include "dataplane/link/sliding_bitmap.h"
#include "dataplane/wire/chunk.h"

namespace garrison::link {

class TimelyReceiver {
 public:
  // `owner`: of the slots that it takes from the receive slab.
  TimelyReceiver(GroupContext& group, ServerId from, std::size_t owner);
  ~TimelyReceiver();
  TimelyReceiver(const TimelyReceiver&) = delete;
  TimelyReceiver& operator=(const TimelyReceiver&) = delete;

  // Never asks for acknowledgement; what is refused is counted. Copies are not.
  void on_chunk(const wire::DataChunk& chunk);
  void reset();

  [[nodiscard]] std::uint64_t delivered() const { return delivered_; }

 private:
  struct Incoming {
    std::uint64_t sequence = 0;  // 0: free
    SlotRef slot;
    std::uint32_t total = 0;
    ByteRanges held;
  };
  [[nodiscard]] Incoming* find(std::uint64_t sequence);
  [[nodiscard]] Incoming* begin(const wire::DataChunk& chunk);
  [[nodiscard]] bool evict_older_than(std::uint64_t sequence);
  void discard(Incoming& message, DropReason reason);

  GroupContext& group_;
  ServerId from_;
  std::size_t owner_;
  std::vector<Incoming> partial_;
  SlidingBitmap<256> done_;  // delivered or given up
  std::uint64_t delivered_ = 0;
};

}  // namespace garrison::link
