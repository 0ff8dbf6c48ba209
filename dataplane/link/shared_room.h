// SharedRoom: how much of a buffer each of several users has taken. Half of it is kept for them in equal parts, and the
// other half is for whoever comes first: who takes all that it can get leaves the others their parts, and one that is
// alone has more than half. Of one user all is its own. Pure; one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "dataplane/base/check.h"

namespace garrison::link {

class SharedRoom {
 public:
  // `total` in whatever unit it is used with: bytes, frames.
  SharedRoom(std::size_t total, std::size_t users)
      : own_(users == 1 ? total : total / 2 / users), common_(total - own_ * users), held_(users) {}

  // False, and nothing has changed, when there is no room for so much of this user.
  [[nodiscard]] bool take(std::size_t user, std::size_t amount) {
    std::size_t& held = held_.at(user);
    const std::size_t more = beyond_own(held + amount) - beyond_own(held);
    if (more > common_) return false;
    common_ -= more;
    held += amount;
    return true;
  }
  void give_back(std::size_t user, std::size_t amount) {
    std::size_t& held = held_.at(user);
    CHECK(amount <= held);
    common_ += beyond_own(held) - beyond_own(held - amount);
    held -= amount;
  }
  [[nodiscard]] std::size_t held(std::size_t user) const { return held_.at(user); }

 private:
  [[nodiscard]] std::size_t beyond_own(std::size_t held) const { return held - std::min(held, own_); }

  std::size_t own_;     // of each user
  std::size_t common_;  // that is free
  std::vector<std::size_t> held_;
};

}  // namespace garrison::link
