// A set of servers of one site, as a bit mask. Iterates in ascending order.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "dataplane/base/bounds.h"
#include "dataplane/base/check.h"
#include "dataplane/base/ids.h"

namespace garrison {

class ServerSet {
 public:
  static_assert(kMaxServersPerSite <= 32);

  constexpr ServerSet() = default;
  static constexpr ServerSet all(std::size_t n) {
    CHECK(n <= kMaxServersPerSite);
    return ServerSet((std::uint32_t{1} << n) - 1);
  }
  // `bits` as bits() returned them; no other than those of kMaxServersPerSite servers may be set.
  static constexpr ServerSet from_bits(std::uint32_t bits) {
    CHECK((bits >> kMaxServersPerSite) == 0);
    return ServerSet(bits);
  }
  static constexpr ServerSet only(ServerId id) { return ServerSet(bit(id)); }

  constexpr ServerSet& insert(ServerId id) { return bits_ |= bit(id), *this; }
  constexpr ServerSet& erase(ServerId id) { return bits_ &= ~bit(id), *this; }
  [[nodiscard]] constexpr ServerSet without(ServerId id) const { return ServerSet(*this).erase(id); }
  // Any id, also one a peer made up; members are below kMaxServersPerSite.
  [[nodiscard]] constexpr bool contains(ServerId id) const {
    return id.index() < kMaxServersPerSite && (bits_ & bit(id)) != 0;
  }
  [[nodiscard]] constexpr std::size_t size() const { return static_cast<std::size_t>(std::popcount(bits_)); }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] constexpr std::uint32_t bits() const { return bits_; }

  template <typename Visit>
  constexpr void for_each(Visit&& visit) const {
    for (std::uint32_t rest = bits_; rest != 0; rest &= rest - 1) {
      visit(ServerId(static_cast<std::uint16_t>(std::countr_zero(rest))));
    }
  }
  friend constexpr bool operator==(ServerSet, ServerSet) = default;

 private:
  constexpr explicit ServerSet(std::uint32_t bits) : bits_(bits) {}
  static constexpr std::uint32_t bit(ServerId id) {
    CHECK(id.index() < kMaxServersPerSite);
    return std::uint32_t{1} << id.value();
  }

  std::uint32_t bits_ = 0;
};

}  // namespace garrison
