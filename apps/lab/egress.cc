#include "apps/lab/egress.h"

#include <utility>

namespace garrison::lab {

namespace {
constexpr std::uint64_t kBitNanoseconds = 8'000'000'000;  // per byte and bit/s
}  // namespace

Egress::Egress(EventQueue& events, const EgressModel& model, Depart departed)
    : events_(events), model_(model), departed_(std::move(departed)) {}

bool Egress::offer(const Frame& frame) {
  if (model_.bits_per_s == 0) {
    departed_(frame);
    return true;
  }
  if (backlog_bytes_ + frame.bytes->size() > model_.buffer_bytes) return false;
  backlog_bytes_ += frame.bytes->size();
  (frame.traffic == TrafficClass::timely ? timely_ : bounded_).push_back(frame);
  if (!sending_) send_next();
  return true;
}

void Egress::send_next() {
  std::deque<Frame>& lane = timely_.empty() ? bounded_ : timely_;
  if (lane.empty()) return;
  sending_ = true;
  const std::uint64_t ns = lane.front().bytes->size() * kBitNanoseconds / model_.bits_per_s;
  events_.schedule(events_.now() + Duration(static_cast<std::int64_t>(ns)), [this, frame = std::move(lane.front())] {
    sending_ = false;
    backlog_bytes_ -= frame.bytes->size();
    send_next();
    departed_(frame);
  });
  lane.pop_front();
}

}  // namespace garrison::lab
