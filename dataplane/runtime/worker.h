// Worker: one thread that repeats an ordered list of stages, reading the clock once per pass.
//
// Idle, it climbs a ladder: some passes with a pause, some with sched_yield, then it sleeps in ppoll on its doorbell
// and the stages' fds until the earliest next_wakeup(), offline for RCU. A dedicated worker only ever pauses: it owns
// its core. Whatever feeds a stage from another thread rings doorbell() (a RingQueue does so by itself).
//
// Thread: constructed, started and stopped by one thread; counters may be read by any.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/drops.h"
#include "dataplane/base/result.h"
#include "dataplane/runtime/clock.h"
#include "dataplane/runtime/doorbell.h"
#include "dataplane/runtime/rcu.h"
#include "dataplane/runtime/stage.h"

namespace garrison::runtime {

// How many empty passes in a row before the next rung.
struct IdleLadder {
  std::uint32_t pauses = 200;
  std::uint32_t yields = 20;

  // For more workers than cores: whoever is idle gets out of the way at once.
  static constexpr IdleLadder shared_cores() { return {.pauses = 8, .yields = 2}; }
};

struct WorkerOptions {
  std::string name{};             // at most 15 bytes show in the thread's name
  std::optional<unsigned> cpu{};  // none: wherever the process may run
  bool dedicated = false;         // spin only; wants a core of its own
  IdleLadder ladder{};
  // It looks around this often whatever happens: should a device lose a notification, frames are late, not stuck.
  Duration longest_sleep = milliseconds(100);
};

struct WorkerCounters {
  Counter passes;
  Counter busy_passes;  // with work in any stage
  Counter sleeps;       // ppoll calls
};

struct StageCounters {
  Counter busy_passes;
  Counter work;  // as its poll() counted it
};

class Worker {
 public:
  explicit Worker(WorkerOptions options);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();  // stops

  // Before start(). Stages are polled in this order; the caller owns them and keeps them until stop() returned.
  void add(Stage& stage);

  // Starts the thread; the error says which CPU it could not have. Once.
  Result<void> start();
  // Wakes the thread and joins it. No stage is polled after it returns. Idempotent.
  void stop();

  // Valid for the worker's life, before start() too.
  [[nodiscard]] Doorbell& doorbell() { return doorbell_; }

  [[nodiscard]] const std::string& name() const { return options_.name; }
  [[nodiscard]] const WorkerCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t stages() const { return stages_.size(); }
  [[nodiscard]] std::string_view stage_name(std::size_t index) const { return stages_[index]->stage.name(); }
  [[nodiscard]] const StageCounters& stage_counters(std::size_t index) const { return stages_[index]->counters; }

 private:
  struct Entry {
    explicit Entry(Stage& s) : stage(s) {}
    Stage& stage;
    StageCounters counters;
  };

  static void* thread_main(void* self);
  void run();
  std::size_t pass(Instant now);
  // Returns whether it slept, rather than found work on its last look.
  bool sleep(Clock& clock, RcuReader& reader);
  void wait_until(Instant deadline, Instant now);
  [[nodiscard]] Instant earliest_wakeup() const;

  WorkerOptions options_;
  std::vector<std::unique_ptr<Entry>> stages_;  // pointers: counters never move
  std::vector<int> wait_fds_;                   // the doorbell's first
  Doorbell doorbell_;
  std::atomic<bool> stopping_{false};
  bool started_ = false;
  pthread_t thread_{};
  WorkerCounters counters_;
};

}  // namespace garrison::runtime
