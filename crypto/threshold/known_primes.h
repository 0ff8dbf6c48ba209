// Safe primes that everybody can read here, so that tests and measurements need not look for new ones: keys made of
// them protect nothing. A library of its own, so that what deals keys for deployments is built without it;
// tools/check-layers refuses other includes.
#pragma once

#include "crypto/threshold/shoup_dealer.h"

namespace garrison::crypto {

[[nodiscard]] SafePrimes known_primes(ThresholdScheme scheme);

}  // namespace garrison::crypto
