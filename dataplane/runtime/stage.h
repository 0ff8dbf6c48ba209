// Stage: one piece of work a worker repeats. Thin glue around objects that know nothing of threads or DPDK.
#pragma once

#include <cstddef>
#include <string_view>

#include "dataplane/base/instant.h"

namespace garrison::runtime {

// Thread: every call comes from the worker it was added to. A stage never waits and never blocks.
class Stage {
 public:
  Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  virtual ~Stage() = default;

  // One bounded round of work; returns how much was done (frames, messages), 0 when there was none. `now` is the
  // worker's one clock read of this pass.
  virtual std::size_t poll(Instant now) = 0;

  // When poll() will have work although no doorbell rang and no fd became readable. Asked only before the worker
  // sleeps. An instant that has passed keeps the worker awake.
  [[nodiscard]] virtual Instant next_wakeup() const { return Instant::never(); }

  // A file descriptor that becomes readable when there is work, or -1. Constant while the worker runs; not owned by
  // the worker.
  [[nodiscard]] virtual int wait_fd() const { return -1; }

  [[nodiscard]] virtual std::string_view name() const = 0;
};

}  // namespace garrison::runtime
