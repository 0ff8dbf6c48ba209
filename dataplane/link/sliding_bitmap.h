// Which of the last N numbers have been seen. Numbers count from 1 and mostly rise.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/base/state_fields.h"

namespace garrison::link {

template <std::size_t N>
class SlidingBitmap {
  static_assert(N >= 128 && (N & (N - 1)) == 0);

 public:
  [[nodiscard]] std::uint64_t highest() const { return highest_; }
  // Below what is remembered; nothing can be said about it.
  [[nodiscard]] bool too_old(std::uint64_t n) const { return highest_ >= N && n <= highest_ - N; }
  [[nodiscard]] bool contains(std::uint64_t n) const { return n <= highest_ && !too_old(n) && bit(n); }
  [[nodiscard]] bool fresh(std::uint64_t n) const { return n != 0 && !too_old(n) && !contains(n); }

  // Too old a number changes nothing.
  void insert(std::uint64_t n) {
    if (too_old(n)) return;
    if (n > highest_) advance(n);
    words_[n / 64 % kWords] |= std::uint64_t{1} << (n % 64);
  }

  // Bit i says whether first + i was seen, for 64 numbers that end at or below highest(). Numbers before 1 wrap and
  // read as not seen.
  [[nodiscard]] std::uint64_t window(std::uint64_t first) const {
    const std::uint64_t low = words_[first / 64 % kWords];
    const std::uint64_t shift = first % 64;
    if (shift == 0) return low;
    return low >> shift | words_[(first / 64 + 1) % kWords] << (64 - shift);
  }

  STATE_FIELDS(words_, highest_)

 private:
  static constexpr std::size_t kWords = N / 64;

  [[nodiscard]] bool bit(std::uint64_t n) const { return ((words_[n / 64 % kWords] >> (n % 64)) & 1U) != 0; }

  void advance(std::uint64_t n) {
    if (n - highest_ >= N) {
      words_.fill(0);
    } else {
      for (std::uint64_t gone = highest_ + 1; gone <= n && gone != 0; ++gone) {
        words_[gone / 64 % kWords] &= ~(std::uint64_t{1} << (gone % 64));
      }
    }
    highest_ = n;
  }

  std::array<std::uint64_t, kWords> words_{};
  std::uint64_t highest_ = 0;
};

}  // namespace garrison::link
