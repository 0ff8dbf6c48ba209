#include "dataplane/link/bounded_sender.h"

#include <algorithm>
#include <bit>

namespace garrison::link {
namespace {

// Every message in the window has a chunk or two, every frame's worth of window bytes a few. A pool that runs out
// only closes the window earlier.
std::size_t pool_size(const ChannelConfig& config) {
  return std::bit_ceil(2 * config.window_messages + 4 * (config.window_bytes / config.payload_bytes) + 64);
}

}  // namespace

BoundedSender::BoundedSender(const ChannelConfig& config, MessageTable& messages, DropCounters& drops)
    : config_(config),
      table_(messages),
      drops_(drops),
      messages_(config.queue_messages),
      chunks_(pool_size(config)),
      frames_(pool_size(config)),
      round_trip_(config.min_pto, config.max_pto, config.ack_delay, config.reordering) {
  CHECK(std::has_single_bit(config.queue_messages) && config.queue_messages >= config.window_messages);
  CHECK(config.queue_bytes >= config.max_message_bytes && config.window_bytes > 0);
  lost_.reserve(chunks_.size());
  free_all_chunks();
}

BoundedSender::~BoundedSender() = default;

void BoundedSender::submit(MessageTable::Index index) {
  const std::size_t size = table_.message(index).size();
  if (!lagging_ && (next_ - base_ == messages_.size() || queue_bytes_ + size > config_.queue_bytes)) give_up();
  if (lagging_) return drops_.add(DropReason::peer_lagging);
  table_.retain(index);
  message(next_) = Message{.index = index, .total = static_cast<std::uint32_t>(size)};
  queue_bytes_ += size;
  ++next_;
}

void BoundedSender::give_up() {
  for (std::uint64_t sequence = base_; sequence < next_; ++sequence) {
    const Message& dropped = message(sequence);
    if (dropped.acked == dropped.total) continue;
    table_.release(dropped.index);
    drops_.add(DropReason::peer_lagging);
  }
  base_ = cut_ = next_;
  queue_bytes_ = in_flight_bytes_ = 0;
  // Chunks in flight are recognised by their sequence when their frame is acknowledged or lost.
  for (const std::uint32_t chunk : lost_) free_chunk(chunk);
  lost_.clear();
  lagging_ = base_due_ = true;
  ++counts_.lagging_episodes;
}

void BoundedSender::start_session() {
  std::vector<Message> kept;
  for (std::uint64_t sequence = base_; sequence < next_; ++sequence) {
    const Message& old = message(sequence);
    if (old.acked < old.total) kept.push_back(Message{.index = old.index, .total = old.total});
  }
  base_ = cut_ = next_ = 1;
  queue_bytes_ = in_flight_bytes_ = 0;
  for (const Message& again : kept) {
    message(next_++) = again;
    queue_bytes_ += again.total;
  }
  free_all_chunks();
  frames_begin_ = frames_end_ = 0;
  live_frames_ = 0;
  largest_acked_ = 0;
  round_trip_.reset();
  timeout_at_ = overdue_at_ = Instant::never();
  doublings_ = 0;
  base_due_ = lagging_;
}

bool BoundedSender::may_cut() const {
  return cut_ < next_ && cut_ - base_ < config_.window_messages && in_flight_bytes_ < config_.window_bytes &&
         free_chunks_ != kNone;
}

bool BoundedSender::ready() const { return !frames_full() && (base_due_ || !lost_.empty() || may_cut()); }

bool BoundedSender::write(Instant now, std::uint64_t counter, Writer& out) {
  if (!ready()) return false;
  Frame& made = frame(frames_end_);
  made = Frame{.counter = counter, .sent = now, .live = true};
  if (base_due_) {
    wire::write_base(out, base_);
    made.base = true;
    base_due_ = false;
  }
  write_lost(out, made);
  if (lost_.empty()) write_new(out, made);
  if (made.chunks == kNone && !made.base) return false;
  ++frames_end_;
  ++live_frames_;
  // Armed by the oldest frame, not moved by later ones: a trickle of sends must not put it off for ever.
  if (timeout_at_ == Instant::never()) timeout_at_ = now + round_trip_.timeout(doublings_);
  return true;
}

void BoundedSender::write_lost(Writer& out, Frame& into) {
  while (!lost_.empty()) {
    const std::uint32_t chunk = lost_.front();
    if (out.room() < wire::kDataChunkHeaderBytes + chunks_[chunk].size) return;
    std::pop_heap(lost_.begin(), lost_.end(), LaterInStream{chunks_});
    lost_.pop_back();
    ++counts_.chunks_retransmitted;
    put(out, into, chunk);
  }
}

void BoundedSender::write_new(Writer& out, Frame& into) {
  while (may_cut() && out.room() > wire::kDataChunkHeaderBytes) {
    Message& from = message(cut_);
    const std::size_t left = from.total - from.cut;
    const std::size_t size = std::min(left, out.room() - wire::kDataChunkHeaderBytes);
    if (size < left && size < kSmallestCut) return;
    const std::uint32_t chunk = new_chunk();
    chunks_[chunk] = Chunk{.sequence = cut_, .offset = from.cut, .size = static_cast<std::uint16_t>(size)};
    put(out, into, chunk);
    from.cut += static_cast<std::uint32_t>(size);
    in_flight_bytes_ += size;
    if (from.cut == from.total) ++cut_;
  }
}

void BoundedSender::put(Writer& out, Frame& into, std::uint32_t index) {
  Chunk& chunk = chunks_[index];
  const Message& from = message(chunk.sequence);
  wire::write(out, wire::DataChunk{.traffic = TrafficClass::bounded,
                                   .sequence = chunk.sequence,
                                   .total = from.total,
                                   .offset = chunk.offset,
                                   .bytes = table_.message(from.index).subspan(chunk.offset, chunk.size)});
  if (chunk.tries < 1000) ++chunk.tries;
  into.tries = std::max(into.tries, chunk.tries);
  if (!into.base) into.oldest = into.chunks == kNone ? chunk.sequence : std::min(into.oldest, chunk.sequence);
  chunk.next = into.chunks;
  into.chunks = index;
}

bool BoundedSender::on_ack(Instant now, const wire::Ack& ack, std::uint64_t last_counter) {
  if (ack.largest > last_counter) return false;
  bool progress = false;
  for (std::uint64_t position = frames_begin_; position < frames_end_; ++position) {
    Frame& candidate = frame(position);
    if (candidate.counter > ack.largest) break;
    if (!candidate.live || !ack.contains(candidate.counter)) continue;
    if (candidate.counter == ack.largest) round_trip_.sample(now - candidate.sent);
    acknowledge(candidate);
    progress = true;
  }
  largest_acked_ = std::max(largest_acked_, ack.largest);
  detect_losses(now);
  forget_dead_frames();
  if (progress) {
    doublings_ = 0;
    timeout_at_ = live_frames_ > 0 ? now + round_trip_.timeout(0) : Instant::never();
  }
  return true;
}

void BoundedSender::acknowledge(Frame& acked) {
  acked.live = false;
  --live_frames_;
  ++counts_.frames_acked;
  if (acked.base) lagging_ = false;
  while (acked.chunks != kNone) {
    const std::uint32_t chunk = acked.chunks;
    acked.chunks = chunks_[chunk].next;
    acknowledge_bytes(chunks_[chunk]);
    free_chunk(chunk);
  }
}

void BoundedSender::acknowledge_bytes(const Chunk& chunk) {
  if (chunk.sequence < base_) return;  // given up meanwhile
  Message& whole = message(chunk.sequence);
  whole.acked += chunk.size;
  in_flight_bytes_ -= chunk.size;
  if (whole.acked < whole.total) return;
  table_.release(whole.index);
  queue_bytes_ -= whole.total;
  ++counts_.messages_acked;
  while (base_ < next_ && message(base_).acked == message(base_).total) ++base_;
}

void BoundedSender::detect_losses(Instant now) {
  overdue_at_ = Instant::never();
  for (std::uint64_t position = frames_begin_; position < frames_end_; ++position) {
    Frame& candidate = frame(position);
    if (candidate.counter + kPacketThreshold > largest_acked_) break;
    if (!candidate.live) continue;
    const Instant patient_until = candidate.sent + round_trip_.patience(candidate.tries);
    if (now >= patient_until) {
      lose(candidate);
    } else if (config_.reordering > Duration()) {
      overdue_at_ = earlier(overdue_at_, patient_until);
    }
  }
}

void BoundedSender::lose(Frame& lost) {
  lost.live = false;
  --live_frames_;
  ++counts_.frames_lost;
  if (lost.base) base_due_ = lagging_;
  while (lost.chunks != kNone) {
    const std::uint32_t chunk = lost.chunks;
    lost.chunks = chunks_[chunk].next;
    if (chunks_[chunk].sequence < base_) {
      free_chunk(chunk);
      continue;
    }
    lost_.push_back(chunk);
    std::push_heap(lost_.begin(), lost_.end(), LaterInStream{chunks_});
  }
}

// Of the frames that are not known to be lost; null: there is none.
BoundedSender::Frame* BoundedSender::oldest_content() {
  Frame* oldest = nullptr;
  for (std::uint64_t position = frames_begin_; position < frames_end_; ++position) {
    Frame& candidate = frame(position);
    if (candidate.live && (oldest == nullptr || candidate.oldest < oldest->oldest)) oldest = &candidate;
  }
  return oldest;
}

void BoundedSender::on_time(Instant now) {
  if (now >= overdue_at_) {
    detect_losses(now);
    forget_dead_frames();
    timeout_at_ = now + round_trip_.timeout(0);
  }
  if (now < timeout_at_) return;
  // Two frames are probe enough: if they arrive, their acknowledgement tells the fate of the rest. They are those with
  // the oldest content, since a receiver that has no memory for what lies behind a hole takes what fills it.
  for (int probes = 2; probes > 0;) {
    Frame* const oldest = oldest_content();
    if (oldest == nullptr) break;
    lose(*oldest);
    // One whose content was given up meanwhile leaves nothing to probe with.
    if (base_due_ || !lost_.empty()) --probes;
  }
  forget_dead_frames();
  // A peer that is heard of is busy, not gone: it need not wait for long once it takes frames again.
  doublings_ = heard_ ? 1 : std::min(doublings_ + 1, 20U);
  heard_ = false;
  timeout_at_ = live_frames_ > 0 ? now + round_trip_.timeout(doublings_) : Instant::never();
}

// A peer that is heard again is not kept waiting for what its silence has put off.
void BoundedSender::on_heard(Instant now) {
  heard_ = true;
  if (doublings_ <= 1) return;
  doublings_ = 1;
  timeout_at_ = std::min(timeout_at_, now + round_trip_.timeout(doublings_));
}

void BoundedSender::forget_dead_frames() {
  while (frames_begin_ < frames_end_ && !frame(frames_begin_).live) ++frames_begin_;
}

std::uint32_t BoundedSender::new_chunk() {
  const std::uint32_t chunk = free_chunks_;
  CHECK(chunk != kNone);
  free_chunks_ = chunks_[chunk].next;
  return chunk;
}

void BoundedSender::free_chunk(std::uint32_t chunk) {
  chunks_[chunk].next = free_chunks_;
  free_chunks_ = chunk;
}

void BoundedSender::free_all_chunks() {
  free_chunks_ = kNone;
  lost_.clear();
  for (std::size_t i = chunks_.size(); i > 0; --i) free_chunk(static_cast<std::uint32_t>(i - 1));
}

}  // namespace garrison::link
