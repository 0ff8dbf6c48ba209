#include "dataplane/runtime/doorbell.h"

#include <rte_atomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "dataplane/base/check.h"

namespace garrison::runtime {

// Two threads each write one thing and then read the other's: consumer (armed_, queue), producer (queue, armed_).
// Without a full barrier between write and read on *both* sides either may read the old value and the wake-up is
// lost. rte_atomic_thread_fence rather than the C++ fence: g++ refuses the latter under ThreadSanitizer.
Doorbell::Doorbell() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { CHECK(fd_ >= 0); }

Doorbell::~Doorbell() { close(fd_); }

void Doorbell::arm() {
  armed_.store(true, std::memory_order_relaxed);  // relaxed: the fence orders it
  rte_atomic_thread_fence(__ATOMIC_SEQ_CST);      // armed_ is visible before the consumer's last look at its queues
}

void Doorbell::disarm() {
  armed_.store(false, std::memory_order_relaxed);  // relaxed: a late ring() only costs one spurious wake-up
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t drained = read(fd_, &count, sizeof count);  // EAGAIN: nobody rang
}

void Doorbell::ring() {
  rte_atomic_thread_fence(__ATOMIC_SEQ_CST);            // the pushed element is visible before armed_ is read
  if (!armed_.load(std::memory_order_relaxed)) return;  // relaxed: the fence orders it
  if (!armed_.exchange(false, std::memory_order_relaxed)) return;  // relaxed: only picks which producer writes
  const std::uint64_t one = 1;
  CHECK(write(fd_, &one, sizeof one) == sizeof one);  // cannot be full: one write per arm(), drained by disarm()
}

}  // namespace garrison::runtime
