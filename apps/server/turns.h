// What waits at one thread, by source: each source in turn, TIMELY before BOUNDED, so that nobody who sends much delays
// what others have sent. How much a source may have waiting is bounded by who lends it the slots.
#pragma once

#include <array>
#include <deque>
#include <vector>

#include "dataplane/base/traffic.h"

namespace garrison::server {

template <typename T>
class Turns {
 public:
  explicit Turns(std::size_t sources = 0) { by_class_.fill(std::vector<std::deque<T>>(sources)); }

  void push(TrafficClass traffic, std::size_t source, const T& item) {
    by_class_[static_cast<std::size_t>(traffic)].at(source).push_back(item);
    ++waiting_;
  }

  // Calls `take(item)` for at most `budget` of them, until it returns false: that item stays. Returns how many were
  // taken.
  template <typename Take>
  std::size_t run(std::size_t budget, Take&& take) {
    std::size_t done = 0;
    for (std::vector<std::deque<T>>& sources : by_class_) {
      for (std::size_t idle = 0; waiting_ > 0 && idle < sources.size() && done < budget;
           turn_ = (turn_ + 1) % sources.size()) {
        std::deque<T>& queue = sources[turn_];
        if (queue.empty()) {
          ++idle;
          continue;
        }
        if (!take(queue.front())) return done;
        queue.pop_front();
        --waiting_;
        idle = 0;
        ++done;
      }
    }
    return done;
  }

 private:
  std::array<std::vector<std::deque<T>>, 2> by_class_;
  std::size_t waiting_ = 0;
  std::size_t turn_ = 0;
};

}  // namespace garrison::server
