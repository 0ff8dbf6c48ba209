// Tagged integer identifiers: a ServerId cannot be passed where a SiteId is meant.
//
// Values count from zero; only text for people counts from one ("A1" is server 0 of site 0).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace garrison {

template <typename Tag, typename Rep>
class TaggedId {
 public:
  using rep = Rep;

  constexpr TaggedId() = default;
  constexpr explicit TaggedId(Rep value) : value_(value) {}

  [[nodiscard]] constexpr Rep value() const { return value_; }
  [[nodiscard]] constexpr std::size_t index() const { return static_cast<std::size_t>(value_); }
  [[nodiscard]] constexpr TaggedId next() const { return TaggedId(static_cast<Rep>(value_ + 1)); }

  friend constexpr auto operator<=>(TaggedId, TaggedId) = default;
  friend constexpr bool operator==(TaggedId, TaggedId) = default;

 private:
  Rep value_{};
};

using SiteId = TaggedId<struct SiteTag, std::uint16_t>;
using ServerId = TaggedId<struct ServerTag, std::uint16_t>;  // index within its site
using ClientId = TaggedId<struct ClientTag, std::uint32_t>;
using SystemId = TaggedId<struct SystemTag, std::uint64_t>;  // one deployment; in every signed byte string
using KeyEpoch = TaggedId<struct KeyEpochTag, std::uint32_t>;
using Incarnation = TaggedId<struct IncarnationTag, std::uint64_t>;  // one life of a server or client
using View = TaggedId<struct ViewTag, std::uint64_t>;
using SeqNum = TaggedId<struct SeqNumTag, std::uint64_t>;  // sequences start at 1; 0 means "none yet"

}  // namespace garrison

template <typename Tag, typename Rep>
struct std::hash<garrison::TaggedId<Tag, Rep>> {
  std::size_t operator()(garrison::TaggedId<Tag, Rep> id) const noexcept { return std::hash<Rep>{}(id.value()); }
};
