// Safe primes that everybody can read here or find again, so that tests and measurements need not look for new ones
// and simulated runs are the same every time: keys made of them protect nothing. A library of its own, so that what
// deals keys for deployments is built without it; tools/check-layers refuses other includes.
#pragma once

#include <string_view>

#include "crypto/threshold/shoup_dealer.h"

namespace garrison::crypto {

[[nodiscard]] SafePrimes known_primes(ThresholdScheme scheme);
// A whole key, the same for the same name and another for another. About 0.3 s of one core for 1024 bits, some seconds
// for 2048. Refuses k and n as deal_shoup_key() does.
[[nodiscard]] Result<DealtThresholdKey> deal_known_key(ThresholdScheme scheme, std::size_t k, std::size_t n,
                                                       std::string_view name);

}  // namespace garrison::crypto
