// Virtual time: events in order of their instants, and of their scheduling where those are equal.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "dataplane/base/check.h"
#include "dataplane/base/instant.h"

namespace garrison::lab {

class EventQueue {
 public:
  using Action = std::function<void()>;

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] bool empty() const { return events_.empty(); }
  [[nodiscard]] std::uint64_t executed() const { return executed_; }

  // `at` is not before now().
  void schedule(Instant at, Action action) {
    CHECK(at >= now_);
    events_.push({at, next_++, std::move(action)});
  }

  // Advances to the next event and runs it.
  void run_next() {
    // The queue gives const access only; the action is moved out of an element that is popped right away.
    Event event = std::move(const_cast<Event&>(events_.top()));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    events_.pop();
    now_ = event.at;
    ++executed_;
    event.action();
  }

 private:
  struct Event {
    Instant at;
    std::uint64_t order = 0;
    Action action;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const { return a.at != b.at ? a.at > b.at : a.order > b.order; }
  };

  Instant now_;
  std::uint64_t next_ = 0;
  std::uint64_t executed_ = 0;
  std::priority_queue<Event, std::vector<Event>, Later> events_;
};

}  // namespace garrison::lab
