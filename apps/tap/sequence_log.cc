#include "apps/tap/sequence_log.h"

#include <algorithm>

#include "dataplane/base/check.h"

namespace garrison::tap {

namespace {
constexpr std::uint8_t bit(std::size_t tap) { return static_cast<std::uint8_t>(1U << tap); }
}  // namespace

void SequenceLog::begin_at(std::uint64_t sequence) {
  std::ranges::fill(window_, std::uint8_t{0});
  // Room below: the other tap may be behind.
  base_ = sequence > kWindow / 2 ? sequence - kWindow / 2 : 1;
  last_ = sequence;
}

// Never computed with sums: a sequence may be any 64 bits.
bool SequenceLog::follows(std::uint64_t sequence) const {
  return sequence >= base_ && (sequence <= last_ || sequence - last_ <= kWindow);
}

void SequenceLog::take(std::size_t tap, std::uint64_t sequence) {
  CHECK(tap < kMaxTaps);
  ++before_[tap].frames;
  if (sequence == 0) return void(++before_[tap].strays);  // ports count from one
  if (last_ == 0) begin_at(sequence);
  if (!follows(sequence)) return stray(tap, sequence);
  ranges_[tap].run = 0;
  mark(tap, sequence);
}

void SequenceLog::mark(std::size_t tap, std::uint64_t sequence) {
  advance(sequence);
  std::uint8_t& taps = at(sequence);
  if ((taps & bit(tap)) != 0) return void(++before_[tap].repeated);
  taps |= bit(tap);
  Range& range = ranges_[tap];
  if (range.first == 0 || sequence < range.first) range.first = sequence;
  range.last = std::max(range.last, sequence);
  ++range.distinct;
}

void SequenceLog::advance(std::uint64_t last) {
  while (last_ < last) {
    ++last_;
    if (last_ - base_ >= kWindow) {
      count_over(base_, at(base_), only_);
      ++base_;
    }
    at(last_) = 0;
  }
}

void SequenceLog::stray(std::size_t tap, std::uint64_t sequence) {
  ++before_[tap].strays;
  Range& range = ranges_[tap];
  const bool goes_on = range.run > 0 && sequence > range.stray && sequence - range.stray <= kWindow;
  range.run = goes_on ? range.run + 1 : 1;
  range.stray = sequence;
  if (range.run < kRun) return;
  for (std::uint64_t each = base_; each <= last_; ++each) count_over(each, at(each), only_);
  for (std::size_t i = 0; i < kMaxTaps; ++i) {
    before_[i].lost += ranges_[i].lost();
    ranges_[i] = {};
  }
  ++before_[tap].restarts;
  begin_at(sequence);
  mark(tap, sequence);
}

bool SequenceLog::both_listened(std::uint64_t sequence) const {
  return std::ranges::all_of(ranges_, [&](const Range& range) {
    return range.first != 0 && sequence >= range.first && sequence <= range.last;
  });
}

void SequenceLog::count_over(std::uint64_t sequence, std::uint8_t taps,
                             std::array<std::uint64_t, kMaxTaps>& only) const {
  if (!both_listened(sequence)) return;
  for (std::size_t i = 0; i < kMaxTaps; ++i) only[i] += taps == bit(i) ? 1 : 0;
}

SequenceLog::Heard SequenceLog::heard(std::size_t tap) const {
  Heard heard = before_.at(tap);
  const Range& range = ranges_[tap];
  heard.first = range.first;
  heard.last = range.last;
  heard.lost += range.lost();
  return heard;
}

std::uint64_t SequenceLog::only_at(std::size_t tap) const {
  std::array<std::uint64_t, kMaxTaps> only = only_;
  for (std::uint64_t each = base_; last_ != 0 && each <= last_; ++each) {
    count_over(each, window_[each % kWindow], only);
  }
  return only.at(tap);
}

}  // namespace garrison::tap
