// From the topology's settings to configured ordering cores.
#pragma once

#include <algorithm>
#include <memory>

#include "control/config/topology.h"
#include "control/ordering/ordering.h"
#include "control/prime/prime_config.h"
#include "control/state_transfer/transfer_config.h"

namespace garrison::server {

// `envelope` is of every message that the participant signs: a server of a site, or a site.
[[nodiscard]] prime::PrimeConfig prime_config(const config::PrimeSettings& settings, const message::Envelope& envelope,
                                              std::size_t n, std::size_t f);

// That fits the ordering core that `core` configures.
template <typename CoreConfig>
state_transfer::TransferConfig transfer_config(const CoreConfig& core) {
  state_transfer::TransferConfig config;
  config.envelope = core.envelope;
  config.self = core.self;
  config.n = core.n;
  config.f = core.f;
  config.checkpoint_interval = core.checkpoint_interval;
  config.stall = std::max(config.stall, core.retransmit_period * 5);  // repair comes first
  return config;
}

struct Ordering {
  std::unique_ptr<ordering::OrderingCore> core;
  state_transfer::TransferConfig transfer;  // that fits the core
};

// The local protocol of a site, for its server `self`: what the topology asks for.
[[nodiscard]] Result<Ordering> make_ordering(const config::Topology& topology, const config::SiteSettings& site,
                                             ServerId self);

}  // namespace garrison::server
