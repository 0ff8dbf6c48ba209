#include "apps/lab/egress.h"

#include <utility>

namespace garrison::lab {

namespace {
constexpr std::uint64_t kBitNanoseconds = 8'000'000'000;  // per byte and bit/s
constexpr std::uint64_t kBitsPerByte = 8;
}  // namespace

Egress::Egress(EventQueue& events, const EgressModel& model, StationId first, std::size_t stations, Depart departed)
    : events_(events),
      model_(model),
      first_(first),
      departed_(std::move(departed)),
      uplink_(model.fair ? stations : 1, model.bits_per_s / kBitsPerByte),
      backlog_(model.buffer_bytes, model.fair ? stations : 1),
      waiting_(model.fair ? stations : 1) {}

bool Egress::offer(const Frame& frame) {
  if (model_.bits_per_s == 0) {
    departed_(frame);
    return true;
  }
  const std::size_t from = sender(frame.from);
  if (!backlog_.take(from, frame.bytes->size())) return false;
  uplink_.add(from, frame.traffic);
  waiting_[from].at(static_cast<std::size_t>(frame.traffic)).push_back(frame);
  if (!sending_) send_next();
  return true;
}

void Egress::send_next() {
  if (uplink_.empty()) return;
  sending_ = true;
  const link::FairUplink::Turn turn = uplink_.next(events_.now());
  std::deque<Frame>& queue = waiting_[turn.sender].at(static_cast<std::size_t>(turn.traffic));
  const std::size_t bytes = queue.front().bytes->size();
  uplink_.sent(events_.now(), turn, bytes);
  const std::uint64_t ns = bytes * kBitNanoseconds / model_.bits_per_s;
  events_.schedule(events_.now() + Duration(static_cast<std::int64_t>(ns)),
                   [this, sender = turn.sender, frame = std::move(queue.front())] {
                     sending_ = false;
                     backlog_.give_back(sender, frame.bytes->size());
                     send_next();
                     departed_(frame);
                   });
  queue.pop_front();
}

}  // namespace garrison::lab
