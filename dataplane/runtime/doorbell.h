// Doorbell: wakes one sleeping consumer, and costs its producers no system call while the consumer is awake.
//
// The consumer:                          A producer:
//   arm();                                 push into the queue
//   look at every queue once more          ring();
//   if all empty: ppoll(fd())
//   disarm();
// Either the consumer's last look sees the element, or ring() sees the consumer armed and writes the eventfd.
#pragma once

#include <atomic>

namespace garrison::runtime {

class Doorbell {
 public:
  // CHECKs that the kernel gives an eventfd.
  Doorbell();
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;
  ~Doorbell();

  // Consumer: "I am about to sleep". Look at the queues after it, not before.
  void arm();
  // Consumer: "I am awake". Clears a ring that came meanwhile.
  void disarm();
  // Any producer, after its push. Never blocks.
  void ring();

  // Readable after a ring() that found the consumer armed, until disarm().
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
  // Own cache line: producers read it on every push, the consumer writes it only around its sleep.
  alignas(64) std::atomic<bool> armed_{false};
};

}  // namespace garrison::runtime
