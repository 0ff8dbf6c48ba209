#include "dataplane/link/timely_receiver.h"

namespace garrison::link {

TimelyReceiver::TimelyReceiver(GroupContext& group, ServerId from, std::size_t owner)
    : group_(group), from_(from), owner_(owner), partial_(group.config.timely_reassembly) {
  CHECK(!partial_.empty());
}

TimelyReceiver::~TimelyReceiver() {
  for (const Incoming& message : partial_) {
    if (message.sequence != 0) group_.port.rx_slab.free(message.slot);
  }
}

void TimelyReceiver::on_chunk(const wire::DataChunk& chunk) {
  if (!done_.fresh(chunk.sequence)) return;
  if (chunk.total > group_.config.max_message_bytes) return group_.port.drops.add(DropReason::chunk_malformed);
  Incoming* message = find(chunk.sequence);
  if (message == nullptr) message = begin(chunk);
  if (message == nullptr) return;
  if (message->total != chunk.total) return group_.port.drops.add(DropReason::chunk_malformed);

  const auto size = static_cast<std::uint32_t>(chunk.bytes.size());
  const ByteRanges::Insert inserted = message->held.insert(chunk.offset, chunk.offset + size);
  if (inserted == ByteRanges::Insert::held) return;
  if (inserted != ByteRanges::Insert::added) return group_.port.drops.add(DropReason::chunk_malformed);
  std::memcpy(group_.port.rx_slab.bytes(message->slot).data() + chunk.offset, chunk.bytes.data(), size);
  if (!message->held.covers(message->total)) return;

  group_.timely.push(Delivered{.slot = message->slot, .from = from_, .traffic = TrafficClass::timely});
  done_.insert(message->sequence);
  message->sequence = 0;
  ++delivered_;
}

TimelyReceiver::Incoming* TimelyReceiver::find(std::uint64_t sequence) {
  for (Incoming& message : partial_) {
    if (message.sequence == sequence) return &message;
  }
  return nullptr;
}

TimelyReceiver::Incoming* TimelyReceiver::begin(const wire::DataChunk& chunk) {
  if (find(0) == nullptr && !evict_older_than(chunk.sequence)) {
    group_.port.drops.add(DropReason::timely_superseded);
    return nullptr;
  }
  auto slot = group_.port.rx_slab.allocate(owner_, chunk.total);
  while (!slot && evict_older_than(chunk.sequence)) slot = group_.port.rx_slab.allocate(owner_, chunk.total);
  if (!slot) {
    group_.port.drops.add(DropReason::chunk_no_slot);
    return nullptr;
  }
  Incoming* const message = find(0);
  message->sequence = chunk.sequence;
  message->slot = *slot;
  message->total = chunk.total;
  message->held.clear();
  return message;
}

bool TimelyReceiver::evict_older_than(std::uint64_t sequence) {
  Incoming* oldest = nullptr;
  for (Incoming& message : partial_) {
    if (message.sequence != 0 && (oldest == nullptr || message.sequence < oldest->sequence)) oldest = &message;
  }
  if (oldest == nullptr || oldest->sequence > sequence) return false;
  done_.insert(oldest->sequence);
  discard(*oldest, DropReason::timely_superseded);
  return true;
}

void TimelyReceiver::reset() {
  for (Incoming& message : partial_) {
    if (message.sequence != 0) discard(message, DropReason::session_reset);
  }
  done_ = {};
}

void TimelyReceiver::discard(Incoming& message, DropReason reason) {
  group_.port.rx_slab.free(message.slot);
  message.sequence = 0;
  group_.port.drops.add(reason);
}

}  // namespace garrison::link
