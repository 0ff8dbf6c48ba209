// Receiving side of acknowledgement: which frames of a session were accepted, and when that has to be said.
#pragma once

#include <cstdint>

#include "dataplane/base/instant.h"
#include "dataplane/link/sliding_bitmap.h"
#include "dataplane/wire/chunk.h"

namespace garrison::link {

class AckTracker {
 public:
  // `gaps_at_once`: a skipped counter is worth telling at once.
  AckTracker(Duration delay, std::size_t every, bool gaps_at_once)
      : delay_(delay), every_(every), gaps_at_once_(gaps_at_once) {}

  void reset() {
    accepted_ = {};
    unreported_ = 0;
    due_ = Instant::never();
  }

  // `asks`: the frame wants an acknowledgement. `in_order`: no counter was skipped in front of it.
  void on_accepted(Instant now, std::uint64_t counter, bool asks, bool in_order) {
    accepted_.insert(counter);
    if (!asks) return;
    ++unreported_;
    const bool at_once = (gaps_at_once_ && !in_order) || unreported_ >= every_;
    due_ = earlier(due_, at_once ? now : now + delay_);
  }

  [[nodiscard]] bool pending() const { return unreported_ > 0; }
  [[nodiscard]] Instant due() const { return due_; }

  // What there is to say in at most `words` words; nothing is pending afterwards.
  [[nodiscard]] wire::Ack take(std::size_t words) {
    wire::Ack ack{.largest = accepted_.highest()};
    for (std::size_t word = 0; word < words; ++word) {
      ack.below[word] = accepted_.window(ack.largest - 64 * (word + 1));
      if (ack.below[word] != 0) ack.words = static_cast<std::uint8_t>(word + 1);
    }
    unreported_ = 0;
    due_ = Instant::never();
    return ack;
  }

 private:
  Duration delay_;
  std::size_t every_;
  bool gaps_at_once_;
  // Larger than what one ack says, so that numbers before 1 never meet a remembered one.
  SlidingBitmap<512> accepted_;
  std::size_t unreported_ = 0;
  Instant due_ = Instant::never();
};
static_assert(64 * wire::kAckWords < 512);

}  // namespace garrison::link
