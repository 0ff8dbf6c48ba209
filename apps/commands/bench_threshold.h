// The threshold signatures' part of `garrison bench crypto`.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/instant.h"
#include "dataplane/base/result.h"

namespace garrison::apps {

struct ThresholdRow {
  std::string op;
  std::size_t bits = 0;
  std::size_t message_bytes = 0;
  std::size_t k = 0;
  std::size_t n = 0;
  std::optional<std::size_t> batch{};  // messages under one signature
  double us = 0;                       // per message
  double modexps =
      0;  // as many of OpenSSL's exponentiations with an exponent as long as the modulus, timed just before
};

// For moduli of 1024, 2048 and 3072 bits and the keys of sites of 4, 7 and 16 servers: the exponentiation that the
// others are counted in, share, proof, check of a proof, combination and verification. For sites of 4 also whole
// batches of 1..256 messages. Each row takes `budget`.
[[nodiscard]] Result<std::vector<ThresholdRow>> measure_threshold(Duration budget);

}  // namespace garrison::apps
