// Which frames of one port were heard, by the transmit sequence that each of them carries: what was lost on the way to
// a tap, what came twice, and what one of two taps heard and the other did not. Taps are aligned by these sequences
// alone, never by time.
//
// A sequence is a claim that nobody vouches for. One far from the last ones is a stray; only when kRun strays in a row
// go on from one another, as after a restart of the port, is it believed that the port counts from there.
//
// Bounded: a window of kWindow sequences. Pure; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace garrison::tap {

inline constexpr std::size_t kMaxTaps = 2;

class SequenceLog {
 public:
  static constexpr std::uint64_t kWindow = 4096;
  static constexpr unsigned kRun = 16;

  struct Heard {
    std::uint64_t first = 0;  // of the sequences that it counts now; 0: none
    std::uint64_t last = 0;   // the highest
    std::uint64_t frames = 0;
    std::uint64_t lost = 0;  // between first and last, of those before a restart, too
    std::uint64_t repeated = 0;
    std::uint64_t strays = 0;
    std::uint64_t restarts = 0;
  };

  SequenceLog() : window_(kWindow) {}

  void take(std::size_t tap, std::uint64_t sequence);

  [[nodiscard]] Heard heard(std::size_t tap) const;
  // Frames that this tap heard and the other one did not, among those that both could hear.
  [[nodiscard]] std::uint64_t only_at(std::size_t tap) const;

 private:
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t distinct = 0;
    std::uint64_t stray = 0;  // the last one
    unsigned run = 0;         // of strays that went on from one another
    [[nodiscard]] std::uint64_t lost() const { return first == 0 ? 0 : last - first + 1 - distinct; }
  };
  void begin_at(std::uint64_t sequence);
  [[nodiscard]] bool follows(std::uint64_t sequence) const;
  void stray(std::size_t tap, std::uint64_t sequence);
  void mark(std::size_t tap, std::uint64_t sequence);
  void advance(std::uint64_t last);
  [[nodiscard]] std::uint8_t& at(std::uint64_t sequence) { return window_[sequence % kWindow]; }
  [[nodiscard]] bool both_listened(std::uint64_t sequence) const;
  void count_over(std::uint64_t sequence, std::uint8_t taps, std::array<std::uint64_t, kMaxTaps>& only) const;

  std::vector<std::uint8_t> window_;  // by sequence, a bit per tap: [base_, last_]
  std::uint64_t base_ = 0;
  std::uint64_t last_ = 0;  // 0: nothing was heard
  std::array<Range, kMaxTaps> ranges_{};
  std::array<Heard, kMaxTaps> before_{};  // counts, and losses of ranges that are over
  std::array<std::uint64_t, kMaxTaps> only_{};
};

}  // namespace garrison::tap
