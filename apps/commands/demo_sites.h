// `garrison demo --sites N`: several sites in real time in one process, over a network between them that takes as long
// as a wide area does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "control/config/topology.h"
#include "crypto/threshold/threshold.h"

namespace garrison::apps {

struct SitesDemoOptions {
  std::size_t sites = 4;
  std::size_t servers = 4;  // of each site
  std::uint32_t clients = 8;
  std::size_t in_flight = 4;
  int seconds = 6;  // of each stretch
  config::LinkKind link = config::LinkKind::erasure;
  Duration wan_delay;
  std::optional<config::BitRate> wan_rate;
  crypto::ThresholdScheme site_scheme = crypto::ThresholdScheme::shoup_rsa2048;
};

// The exit status.
[[nodiscard]] int demonstrate_sites(const SitesDemoOptions& options);

}  // namespace garrison::apps
