// The trusted dealer of Shoup's threshold RSA. Internal to crypto/, but for tests and measurements.
#pragma once

#include <cstddef>
#include <functional>

#include "crypto/threshold/big_number.h"
#include "crypto/threshold/threshold.h"

namespace garrison::crypto {

// Two different safe primes of half the modulus' size, their two highest bits set. As secret as the key.
struct SafePrimes {
  Number p;
  Number q;
};

// Any thread. On average 0.15, 2 and 10 s of one core for 1024, 2048 and 3072 bits, often several times that.
[[nodiscard]] Result<SafePrimes> generate_safe_primes(ThresholdScheme scheme);

// Draws a number below `bound`, each as likely as any other.
using Draw = std::function<Number(const Number& bound)>;
[[nodiscard]] Number draw_secret(const Number& bound);  // of OpenSSL's private generator

// Refuses k and n that the scheme has not, and primes that are not as above. The parts of the key follow from what
// `draw` draws: as secret as they are.
[[nodiscard]] Result<DealtThresholdKey> deal_shoup_key(ThresholdScheme scheme, std::size_t k, std::size_t n,
                                                       const SafePrimes& primes, const Draw& draw = draw_secret);

}  // namespace garrison::crypto
