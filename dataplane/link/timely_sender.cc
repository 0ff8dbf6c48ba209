#include "dataplane/link/timely_sender.h"

#include <algorithm>

#include "dataplane/wire/chunk.h"

namespace garrison::link {

TimelySender::TimelySender(std::size_t queue_messages, std::size_t copies, std::size_t fragment_bytes,
                           MessageTable& messages, DropCounters& drops)
    : copies_(copies), fragment_bytes_(fragment_bytes), table_(messages), drops_(drops), queue_(queue_messages) {
  CHECK(queue_messages > 0 && copies > 0 && fragment_bytes > 0);
}

void TimelySender::submit(MessageTable::Index index, std::uint16_t supersede_key) {
  table_.retain(index);
  const Waiting fresh{.index = index, .key = supersede_key, .copies = copies_};
  if (supersede_key != 0) {
    // Between two copies of an older one: the remaining copies are pointless, the message itself was sent.
    if (size_ > 0 && at(0).key == supersede_key && at(0).sequence != 0 && at(0).offset == 0) pop();
    for (std::size_t i = 0; i < size_; ++i) {
      if (at(i).key != supersede_key || at(i).sequence != 0) continue;
      drops_.add(DropReason::timely_superseded);
      table_.release(at(i).index);
      at(i) = fresh;
      return;
    }
  }
  if (size_ == queue_.size()) {
    drops_.add(DropReason::timely_superseded);
    pop();
  }
  ++size_;
  at(size_ - 1) = fresh;
}

void TimelySender::pop() {
  table_.release(at(0).index);
  head_ = (head_ + 1) % queue_.size();
  --size_;
}

void TimelySender::start_session() {
  next_sequence_ = 1;
  if (size_ == 0) return;
  at(0).sequence = 0;
  at(0).offset = 0;
  at(0).copies = copies_;
}

void TimelySender::write(Writer& out) {
  while (size_ > 0) {
    Waiting& oldest = at(0);
    const ByteView message = table_.message(oldest.index);
    const std::size_t size = std::min(fragment_bytes_, message.size() - oldest.offset);
    if (out.room() < wire::kDataChunkHeaderBytes + size) return;
    if (oldest.sequence == 0) oldest.sequence = next_sequence_++;
    wire::write(out, wire::DataChunk{.traffic = TrafficClass::timely,
                                     .sequence = oldest.sequence,
                                     .total = static_cast<std::uint32_t>(message.size()),
                                     .offset = static_cast<std::uint32_t>(oldest.offset),
                                     .bytes = message.subspan(oldest.offset, size)});
    oldest.offset += size;
    if (oldest.offset < message.size()) continue;
    oldest.offset = 0;
    if (--oldest.copies > 0) return;  // two copies in one frame would be lost together
    pop();
  }
}

}  // namespace garrison::link
