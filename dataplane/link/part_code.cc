#include "dataplane/link/part_code.h"

namespace garrison::link {

std::optional<PartCode> erasure_code(SiteSize sender, SiteSize receiver) {
  CHECK(sender.n > 0 && sender.n <= kMaxServersPerSite && receiver.n > 0);
  const std::size_t per_receiver = (sender.n + receiver.n - 1) / receiver.n;
  const std::size_t spoiled = sender.f + receiver.f * per_receiver;
  if (spoiled >= sender.n) return std::nullopt;
  return PartCode{.n = static_cast<std::uint8_t>(sender.n), .k = static_cast<std::uint8_t>(sender.n - spoiled)};
}

coding::Code& PartCodes::of(PartCode code) {
  for (const auto& known : codes_) {
    if (known->n() == code.n && known->k() == code.k) return *known;
  }
  return *codes_.emplace_back(std::make_unique<coding::Code>(code.n, code.k));
}

}  // namespace garrison::link
