// Queue<T>: the bounded hand-over between two parts of a server that different threads may own.
//
// One producer, one consumer. Elements are small handles by value (trivially copyable, at most 128 bytes). The
// node implements it over a single-producer/single-consumer rte_ring, the lab and the tests over PlainQueue.
// A push that finds no room takes fewer elements and says so: the caller keeps the rest or names a drop.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <type_traits>

namespace garrison {

template <typename T>
class Queue {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 128);

 public:
  Queue() = default;
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  virtual ~Queue() = default;

  // Producer side. Returns how many from the front were taken; the order is kept.
  virtual std::size_t push(std::span<const T> items) = 0;
  // Consumer side. Fills `out` from the front and returns how many.
  virtual std::size_t pop(std::span<T> out) = 0;
  // Elements waiting; exact for the consumer, an upper bound for the producer.
  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual std::size_t capacity() const = 0;

  bool push_one(const T& item) { return push({&item, 1}) == 1; }
  bool pop_one(T& out) { return pop({&out, 1}) == 1; }
  [[nodiscard]] std::size_t room() const { return capacity() - size(); }
};

// Single-threaded implementation.
template <typename T>
class PlainQueue final : public Queue<T> {
 public:
  explicit PlainQueue(std::size_t capacity) : capacity_(capacity) {}

  std::size_t push(std::span<const T> items) override {
    std::size_t taken = 0;
    while (taken < items.size() && queue_.size() < capacity_) queue_.push_back(items[taken++]);
    return taken;
  }
  std::size_t pop(std::span<T> out) override {
    std::size_t given = 0;
    while (given < out.size() && !queue_.empty()) {
      out[given++] = queue_.front();
      queue_.pop_front();
    }
    return given;
  }
  [[nodiscard]] std::size_t size() const override { return queue_.size(); }
  [[nodiscard]] std::size_t capacity() const override { return capacity_; }

 private:
  std::size_t capacity_;
  std::deque<T> queue_;
};

}  // namespace garrison
