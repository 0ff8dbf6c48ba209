#include "dataplane/link/bounded_receiver.h"

#include <algorithm>
#include <bit>

namespace garrison::link {

BoundedReceiver::BoundedReceiver(GroupContext& group, ServerId from, std::size_t owner)
    : group_(group), from_(from), owner_(owner), window_(group.config.window_messages) {
  CHECK(std::has_single_bit(group.config.window_messages));
}

BoundedReceiver::~BoundedReceiver() {
  for (const Incoming& message : window_) {
    if (message.state != State::empty) group_.port.rx_slab.free(message.slot);
  }
}

bool BoundedReceiver::refuse(DropReason reason) {
  group_.port.drops.add(reason);
  return false;
}

bool BoundedReceiver::on_chunk(const wire::DataChunk& chunk) {
  if (chunk.sequence < expected_) {
    group_.port.drops.add(DropReason::chunk_duplicate);
    return true;
  }
  if (chunk.sequence - expected_ >= window_.size()) return refuse(DropReason::chunk_beyond_window);
  if (chunk.total > group_.config.max_message_bytes) return refuse(DropReason::chunk_malformed);

  Incoming& message = incoming(chunk.sequence);
  if (message.state == State::empty) {
    if (!begin(message, chunk.sequence, chunk.total)) return refuse(DropReason::chunk_no_slot);
  } else if (message.total != chunk.total) {
    return refuse(DropReason::chunk_malformed);
  }
  const auto size = static_cast<std::uint32_t>(chunk.bytes.size());
  switch (message.held.insert(chunk.offset, chunk.offset + size)) {
    case ByteRanges::Insert::added:
      break;
    case ByteRanges::Insert::held:
      group_.port.drops.add(DropReason::chunk_duplicate);
      return true;
    case ByteRanges::Insert::overlaps:
      return refuse(DropReason::chunk_malformed);
    case ByteRanges::Insert::full:
      return refuse(DropReason::chunk_beyond_window);  // comes again when holes below it are filled
  }
  std::memcpy(group_.port.rx_slab.bytes(message.slot).data() + chunk.offset, chunk.bytes.data(), size);
  if (message.held.covers(message.total)) message.state = State::complete;
  deliver_next();
  return true;
}

bool BoundedReceiver::begin(Incoming& message, std::uint64_t sequence, std::uint32_t total) {
  const auto slot = group_.port.rx_slab.allocate(owner_, total);
  if (!slot) return false;
  if (sequence != expected_) {
    const auto spare = group_.port.rx_slab.allocate(owner_, group_.config.max_message_bytes);
    if (!spare) {
      group_.port.rx_slab.free(*slot);
      return false;
    }
    group_.port.rx_slab.free(*spare);
  }
  message.state = State::partial;
  message.slot = *slot;
  message.total = total;
  message.held.clear();
  return true;
}

void BoundedReceiver::deliver_next() {
  while (incoming(expected_).state == State::complete) {
    Incoming& message = incoming(expected_);
    group_.bounded.push(Delivered{.slot = message.slot, .from = from_, .traffic = TrafficClass::bounded});
    message.state = State::empty;
    ++delivered_;
    ++expected_;
  }
}

void BoundedReceiver::on_base(std::uint64_t sequence) {
  if (sequence <= expected_) return;
  const std::uint64_t held_until = expected_ + std::min<std::uint64_t>(sequence - expected_, window_.size());
  for (; expected_ < held_until; ++expected_) {
    deliver_next();
    if (expected_ >= held_until) break;
    if (incoming(expected_).state == State::partial) discard(incoming(expected_), DropReason::peer_lagging);
  }
  expected_ = std::max(expected_, sequence);
  deliver_next();
}

void BoundedReceiver::reset() {
  for (Incoming& message : window_) {
    if (message.state != State::empty) discard(message, DropReason::session_reset);
  }
  expected_ = 1;
}

void BoundedReceiver::discard(Incoming& message, DropReason reason) {
  group_.port.rx_slab.free(message.slot);
  message.state = State::empty;
  group_.port.drops.add(reason);
}

}  // namespace garrison::link
