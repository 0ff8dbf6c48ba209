// Which bytes of one message have arrived: disjoint ranges, ascending, at most kMaxRanges, so that no sender makes
// us remember without bound.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace garrison::link {

class ByteRanges {
 public:
  static constexpr std::size_t kMaxRanges = 64;
  enum class Insert : std::uint8_t {
    added,
    held,      // all of it was there
    overlaps,  // some of it was there: no correct sender cuts a message twice
    full,      // one range more than can be remembered
  };

  // [begin, end), not empty.
  Insert insert(std::uint32_t begin, std::uint32_t end) {
    std::size_t at = 0;  // the first range that ends at or after `begin`
    while (at < count_ && ranges_[at].end < begin) ++at;
    if (at < count_ && ranges_[at].begin <= begin && end <= ranges_[at].end) return Insert::held;
    const bool joins_left = at < count_ && ranges_[at].end == begin;
    const std::size_t right = joins_left ? at + 1 : at;
    if (right < count_ && ranges_[right].begin < end) return Insert::overlaps;
    const bool joins_right = right < count_ && ranges_[right].begin == end;
    if (joins_left && joins_right) {
      ranges_[at].end = ranges_[right].end;
      for (std::size_t i = right + 1; i < count_; ++i) ranges_[i - 1] = ranges_[i];
      --count_;
    } else if (joins_left) {
      ranges_[at].end = end;
    } else if (joins_right) {
      ranges_[right].begin = begin;
    } else {
      if (count_ == kMaxRanges) return Insert::full;
      for (std::size_t i = count_; i > at; --i) ranges_[i] = ranges_[i - 1];
      ranges_[at] = Range{.begin = begin, .end = end};
      ++count_;
    }
    return Insert::added;
  }
  // Whether they are exactly [0, total).
  [[nodiscard]] bool covers(std::uint32_t total) const {
    return count_ == 1 && ranges_[0].begin == 0 && ranges_[0].end == total;
  }
  void clear() { count_ = 0; }

 private:
  struct Range {
    std::uint32_t begin;
    std::uint32_t end;
  };
  std::array<Range, kMaxRanges> ranges_;
  std::size_t count_ = 0;
};

}  // namespace garrison::link
