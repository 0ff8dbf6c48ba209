// What a server has for a forwarder of its site: what it has yet to present, and a number of those before, which it
// presents again on a new session. Bounded in messages: one that does not fit pushes the oldest out, and the server has
// then jumped over it. One thread.
#pragma once

#include <cstddef>
#include <deque>
#include <utility>

#include "dataplane/forwarder/local_messages.h"

namespace garrison::forwarder {

inline constexpr std::size_t kMaxWindow = 256;  // that a forwarder may be told to have
// What a server keeps for a forwarder: more than it may be ahead of it, so that a new session takes up where it was.
inline constexpr std::size_t kPresentedMessages = 2 * kMaxWindow;

class PresentedQueue {
 public:
  explicit PresentedQueue(std::size_t messages) : messages_(messages) { CHECK(messages > 0); }

  // Returns false when one that was not presented yet was pushed out.
  bool push(Departure departure) {
    const bool lost = queue_.size() == messages_ && next_ == 0;
    if (queue_.size() == messages_) {
      queue_.pop_front();
      if (next_ > 0) --next_;
    }
    queue_.push_back(std::move(departure));
    return !lost;
  }
  // The next to be presented; null: none.
  [[nodiscard]] const Departure* next() const { return next_ < queue_.size() ? &queue_[next_] : nullptr; }
  void presented() { ++next_; }
  // A new session begins.
  void rewind() { next_ = 0; }

 private:
  std::size_t messages_;
  std::deque<Departure> queue_;
  std::size_t next_ = 0;  // in the queue
};

}  // namespace garrison::forwarder
