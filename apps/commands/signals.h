// SIGINT and SIGTERM, as main waits for them.
#pragma once

#include <csignal>
#include <ctime>

namespace garrison::apps {

// Blocks both in this thread and in those it starts later, which leaves them to whoever waits for them.
class EndSignals {
 public:
  EndSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;
  // What has come and nobody waited for dies here, not the process.
  ~EndSignals() {
    const timespec at_once{};
    while (sigtimedwait(&set_, nullptr, &at_once) > 0) {
    }
    pthread_sigmask(SIG_UNBLOCK, &set_, nullptr);
  }

  // The signal that came.
  int wait() {
    int received = 0;
    sigwait(&set_, &received);
    return received;
  }
  // Waits at most so long; 0 when none came.
  int wait_for(long milliseconds) {
    const timespec limit{milliseconds / 1000, (milliseconds % 1000) * 1'000'000};
    const int received = sigtimedwait(&set_, nullptr, &limit);
    return received > 0 ? received : 0;
  }

 private:
  sigset_t set_{};
};

}  // namespace garrison::apps
