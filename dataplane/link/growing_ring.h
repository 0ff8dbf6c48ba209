// A first-in first-out ring that doubles when it is full and never shrinks: it allocates only while its largest
// occupancy still grows. Its user says what bounds that.
#pragma once

#include <cstddef>
#include <vector>

#include "dataplane/base/check.h"

namespace garrison::link {

template <typename T>
class GrowingRing {
 public:
  explicit GrowingRing(std::size_t capacity = 16) : items_(capacity) {
    CHECK(capacity > 0 && (capacity & (capacity - 1)) == 0);
  }

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const T& front() const { return items_[head_]; }

  void push(const T& item) {
    if (size_ == items_.size()) grow();
    items_[(head_ + size_) & (items_.size() - 1)] = item;
    ++size_;
  }
  void pop() {
    CHECK(size_ > 0);
    head_ = (head_ + 1) & (items_.size() - 1);
    --size_;
  }

 private:
  void grow() {
    std::vector<T> larger(items_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = items_[(head_ + i) & (items_.size() - 1)];
    items_ = std::move(larger);
    head_ = 0;
  }

  std::vector<T> items_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace garrison::link
