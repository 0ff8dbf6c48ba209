// How the servers of this site keep their turns in the first set of one hub link, as one of them hears it
// (docs/adr/0021): the last kRemembered turns of each. A server is suspected when it has missed a quarter of them, and
// twice as many as most others: who misses turns because the hub or the wide area is in trouble does so like the
// others.
//
// Pure; one thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/base/bounds.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/server_set.h"

namespace garrison::link {

class DutyRecord {
 public:
  static constexpr unsigned kRemembered = 32;
  static constexpr int kSuspected = kRemembered / 4;

  // Of `servers` of one site, `self` among them, who is not judged.
  DutyRecord(std::size_t servers, ServerId self) : self_(self), turns_(servers) {}

  // A server had its turn.
  void add(ServerId server, bool missed) {
    if (server == self_) return;
    std::uint32_t& turns = turns_.at(server.index());
    const std::uint32_t before = std::exchange(turns, turns << 1U | (missed ? 1U : 0U));
    if (std::popcount(before) != std::popcount(turns)) judge();
  }
  // It has no turns for a while. Once it has them again it begins anew.
  void forget(ServerId server) {
    if (std::exchange(turns_.at(server.index()), 0) != 0) judge();
  }

  [[nodiscard]] ServerSet suspected() const { return suspected_; }

 private:
  void judge() {
    std::array<int, kMaxServersPerSite> counts{};
    std::size_t others = 0;
    for (std::size_t i = 0; i < turns_.size(); ++i) {
      if (i != self_.index()) counts.at(others++) = std::popcount(turns_[i]);
    }
    const std::span misses = std::span(counts).first(others);
    // Of the others, 3f or more, f may be faulty: who stands in the lower middle misses no more than some correct one.
    const auto middle = misses.begin() + static_cast<std::ptrdiff_t>((misses.size() - 1) / 2);
    std::ranges::nth_element(misses, middle);
    suspected_ = {};
    for (std::size_t i = 0; i < turns_.size(); ++i) {
      const int missed = std::popcount(turns_[i]);
      if (missed >= kSuspected && missed >= 2 * *middle) suspected_.insert(ServerId(static_cast<std::uint16_t>(i)));
    }
  }

  ServerId self_;
  std::vector<std::uint32_t> turns_;  // by server; a bit per turn, the last one lowest: missed
  ServerSet suspected_;
};

}  // namespace garrison::link
