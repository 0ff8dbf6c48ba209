#include "control/site/haste.h"

#include <algorithm>

namespace garrison::site {

std::size_t wide_bytes(const LinkPlan& plan, std::size_t content_bytes) {
  const link::PartCode code = plan.code();
  const std::size_t part = (content_bytes + kAboutBlock + code.k - 1) / code.k + kAboutHeaders;
  // The second set of a hub is silent as a rule.
  const std::size_t parts = plan.kind == config::LinkKind::hub_immediate || !plan.on_hub() ? code.n : code.k;
  return parts * part;
}

Haste::Haste(std::uint64_t bytes_per_s)
    : bytes_per_s_(bytes_per_s),
      most_(static_cast<std::int64_t>(bytes_per_s / 20)),
      least_(-static_cast<std::int64_t>(bytes_per_s / 2)),
      level_(most_) {}

std::int64_t Haste::level(Instant now) const {
  constexpr std::int64_t kLongest = 1'000'000'000;  // ns, in which it fills from the bottom with time to spare
  const std::int64_t passed = std::clamp<std::int64_t>((now - at_).ns(), 0, kLongest);
  return std::min(most_, level_ + static_cast<std::int64_t>(bytes_per_s_) * (passed / 1000) / 1'000'000);
}

void Haste::said(Instant now, std::size_t bytes) {
  level_ = std::max(least_, level(now) - static_cast<std::int64_t>(bytes));
  at_ = now;
}

}  // namespace garrison::site
