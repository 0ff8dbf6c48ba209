// Shared by the tests of crypto/threshold: sites with keys made of known primes, dealt once per program.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "crypto/threshold/known_primes.h"
#include "crypto/threshold/shoup_dealer.h"
#include "crypto/threshold/shoup_key.h"
#include "crypto/threshold/threshold.h"
#include "tests/unit/crypto/fixture.h"

namespace garrison::crypto {

inline ServerId server(std::size_t index) { return ServerId(static_cast<std::uint16_t>(index)); }

// `dealing` tells keys of equal sizes apart.
inline const DealtThresholdKey& dealt(ThresholdScheme scheme, std::size_t k, std::size_t n, int dealing = 0) {
  static std::map<std::tuple<ThresholdScheme, std::size_t, std::size_t, int>, DealtThresholdKey> made;
  const auto id = std::tuple(scheme, k, n, dealing);
  auto at = made.find(id);
  if (at == made.end()) at = made.emplace(id, deal_shoup_key(scheme, k, n, known_primes(scheme)).value()).first;
  return at->second;
}

// A whole site, and what its servers say about one message.
struct ThresholdSite {
  explicit ThresholdSite(const DealtThresholdKey& of)
      : key(of.key), combiner(make_combiner(key).value()), verifier(make_verifier(key).value()) {
    for (std::size_t i = 0; i < key.n; ++i) signers.push_back(make_signer(key, server(i), of.secrets[i]).value());
  }
  ThresholdSite(std::size_t k, std::size_t n) : ThresholdSite(dealt(ThresholdScheme::shoup_rsa1024, k, n)) {}

  [[nodiscard]] std::vector<Bytes> shares(ByteView message) const {
    std::vector<Bytes> all;
    for (const auto& signer : signers) all.push_back(signer->share(message));
    return all;
  }
  [[nodiscard]] Number modulus() const { return read_number(ByteView(key.encoded).first(bytes())); }
  [[nodiscard]] std::size_t bytes() const { return signature_bytes(key.scheme); }
  // `number`, or the modulus less it, as a share is written.
  [[nodiscard]] Bytes as_share(std::uint64_t number) const { return number_bytes(make_number(number), bytes()); }
  [[nodiscard]] Bytes negated(ByteView share) const {
    const Number number = read_number(share);
    CHECK(BN_sub(number.get(), modulus().get(), number.get()) == 1);
    return number_bytes(number, bytes());
  }

  ThresholdPublicKey key;
  std::unique_ptr<ShareCombiner> combiner;
  std::unique_ptr<ThresholdVerifier> verifier;
  std::vector<std::unique_ptr<ThresholdSigner>> signers;
};

// Every way to choose k of n, as ascending indices.
inline std::vector<std::vector<std::size_t>> subsets(std::size_t k, std::size_t n) {
  std::vector<std::vector<std::size_t>> all;
  for (std::uint32_t bits = 0; bits < (1U << n); ++bits) {
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < n; ++i) {
      if ((bits >> i & 1U) != 0) chosen.push_back(i);
    }
    if (chosen.size() == k) all.push_back(chosen);
  }
  return all;
}

inline std::vector<SignatureShare> pick(const std::vector<Bytes>& shares, const std::vector<std::size_t>& chosen) {
  std::vector<SignatureShare> picked;
  for (const std::size_t i : chosen) picked.push_back({server(i), shares[i]});
  return picked;
}

}  // namespace garrison::crypto
