// RingQueue<T>: Queue<T> over a single-producer/single-consumer rte_ring, with an optional doorbell of the consumer.
//
// Thread: one producer and one consumer at a time, which may differ. Needs no EAL: the ring lives in memory of ours.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "dataplane/base/queue.h"
#include "dataplane/runtime/doorbell.h"

struct rte_ring;

namespace garrison::runtime {

// The ring without its type. Its operations stay out of line: rte_ring copies elements as words, which the compiler
// must not see through in the same function as accesses of type T.
class RawRing {
 public:
  // `element_bytes` a multiple of 4; 1 <= capacity < 2^30. Memory is taken here and never again.
  RawRing(std::size_t element_bytes, std::size_t capacity);

  std::size_t enqueue(const void* items, std::size_t count);  // producer; returns how many were taken
  std::size_t dequeue(void* out, std::size_t count);          // consumer; returns how many were given
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

 private:
  struct Free {
    void operator()(rte_ring* ring) const;
  };
  unsigned element_bytes_;
  std::size_t capacity_;
  std::unique_ptr<rte_ring, Free> ring_;
};

template <typename T>
class RingQueue final : public Queue<T> {
  static_assert(sizeof(T) % 4 == 0, "rte_ring copies elements as 32-bit words");

 public:
  // `consumer` (may be null, outlives the queue) is rung after every push that took something.
  explicit RingQueue(std::size_t capacity, Doorbell* consumer = nullptr)
      : ring_(sizeof(T), capacity), consumer_(consumer) {}

  // Before either side starts.
  void set_consumer(Doorbell* consumer) { consumer_ = consumer; }

  std::size_t push(std::span<const T> items) override {
    const std::size_t taken = ring_.enqueue(items.data(), items.size());
    if (taken != 0 && consumer_ != nullptr) consumer_->ring();
    return taken;
  }
  std::size_t pop(std::span<T> out) override { return ring_.dequeue(out.data(), out.size()); }
  [[nodiscard]] std::size_t size() const override { return ring_.size(); }
  [[nodiscard]] std::size_t capacity() const override { return ring_.capacity(); }

 private:
  RawRing ring_;
  Doorbell* consumer_;
};

}  // namespace garrison::runtime
