// The threshold keys of a site. Each site has one of each kind, with moduli of their own: shares of one say nothing
// about the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace garrison::crypto {

enum class SiteKeyKind : std::uint8_t {
  one_correct = 1,  // k = f + 1: some correct server stands behind it; for messages between sites
  quorum = 2,       // k = 2f + 1: a quorum does; for view-change proofs
};

inline constexpr SiteKeyKind kSiteKeyKinds[] = {SiteKeyKind::one_correct, SiteKeyKind::quorum};

// As key files write it.
[[nodiscard]] constexpr std::string_view name(SiteKeyKind kind) {
  return kind == SiteKeyKind::one_correct ? "one-correct" : "quorum";
}

[[nodiscard]] constexpr std::optional<SiteKeyKind> site_key_kind_from_name(std::string_view text) {
  for (const SiteKeyKind kind : kSiteKeyKinds) {
    if (name(kind) == text) return kind;
  }
  return std::nullopt;
}

[[nodiscard]] constexpr std::size_t threshold_of(SiteKeyKind kind, std::size_t f) {
  return kind == SiteKeyKind::one_correct ? f + 1 : 2 * f + 1;
}

}  // namespace garrison::crypto
