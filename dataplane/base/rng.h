// Seeded pseudo-random numbers (xoshiro256**, seeded by splitmix64) for the lab and tests. Never for keys.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "dataplane/base/check.h"

namespace garrison {

class Rng {
 public:
  explicit Rng(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15U;
      std::uint64_t z = seed;
      z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
      z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
      word = z ^ (z >> 31U);
    }
  }

  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in [0, bound). bound > 0. The bias of the multiply-shift is below bound / 2^64.
  std::uint64_t below(std::uint64_t bound) {
    CHECK(bound > 0);
    __extension__ using Wide = unsigned __int128;  // not ISO C++; both compilers have it
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64U);
  }

  // Uniform in [low, high].
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    CHECK(low <= high);
    const std::uint64_t span = high - low + 1;
    return span == 0 ? next() : low + below(span);  // zero: all 2^64 numbers
  }

  // True in `millionths` of a million calls.
  bool chance(std::uint64_t millionths) { return below(1'000'000) < millionths; }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace garrison
