// Sending side of the TIMELY lane to one peer: each message goes out timely_copies times, one copy right behind the
// other, and is then forgotten. Owned by one Channel.
//
// Fragments are cut at multiples of one size whatever room a frame has left, so that the copies of a message consist
// of the same fragments.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/drops.h"
#include "dataplane/link/message_table.h"

namespace garrison::link {

class TimelySender {
 public:
  TimelySender(std::size_t queue_messages, std::size_t copies, std::size_t fragment_bytes, MessageTable& messages,
               DropCounters& drops);
  ~TimelySender() = default;
  TimelySender(const TimelySender&) = delete;
  TimelySender& operator=(const TimelySender&) = delete;

  // Takes a reference to the message. What it makes superfluous is dropped as timely_superseded.
  void submit(MessageTable::Index message, std::uint16_t supersede_key);
  // A new session: sequences start anew, and a message that was being sent is sent anew.
  void start_session();

  [[nodiscard]] std::size_t size() const { return size_; }
  // Writes what fits; at least one fragment if not empty and `out` has room for a whole one.
  void write(Writer& out);

 private:
  struct Waiting {
    MessageTable::Index index = 0;
    std::uint16_t key = 0;
    std::uint64_t sequence = 0;  // 0: nothing of it was sent. Only the oldest can have one
    std::size_t offset = 0;
    std::size_t copies = 0;  // still to send, the one under way included
  };
  [[nodiscard]] Waiting& at(std::size_t i) { return queue_[(head_ + i) % queue_.size()]; }
  void pop();

  std::size_t copies_;
  std::size_t fragment_bytes_;
  MessageTable& table_;
  DropCounters& drops_;
  std::vector<Waiting> queue_;  // ring
  std::size_t head_ = 0;
  std::size_t size_ = 0;
  std::uint64_t next_sequence_ = 1;
};

}  // namespace garrison::link
