// Whether a site says what is new at once, or once per period. Saying it at once costs: small link messages carry a
// signature each, and the parts of small ones are mostly headers. So a site hurries as long as what it says to all
// others stays below a rate, and above that keeps to its periods, when it has much to say each time anyway.
//
// Goes by what batches that closed will take on the wide area, all of it from the local order: equal at all servers of
// the site, and nothing that another site does moves it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "control/site/link_plan.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/state_fields.h"

namespace garrison::site {

// What a link message of `content_bytes` takes on the wide area, by all servers of its site together, when nothing is
// lost: about, since headers, signatures and paths are taken for constants.
inline constexpr std::size_t kAboutBlock = 400;
inline constexpr std::size_t kAboutHeaders = 180;
[[nodiscard]] std::size_t wide_bytes(const LinkPlan& plan, std::size_t content_bytes);

class Haste {
 public:
  // 0 bytes per second: never.
  explicit Haste(std::uint64_t bytes_per_s);

  [[nodiscard]] bool may(Instant now) const { return bytes_per_s_ > 0 && level(now) > 0; }
  void said(Instant now, std::size_t bytes);

  STATE_FIELDS(bytes_per_s_, most_, least_, level_, at_)

 private:
  [[nodiscard]] std::int64_t level(Instant now) const;

  std::uint64_t bytes_per_s_;
  std::int64_t most_;   // of the level
  std::int64_t least_;  // likewise: what goes beyond is forgotten
  std::int64_t level_;  // bytes at at_
  Instant at_;
};

}  // namespace garrison::site
