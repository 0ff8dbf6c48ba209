// Public keys of Shoup's threshold RSA, and verifying under one. Internal to crypto/.
//
// The modulus N is a product of two safe primes p = 2p' + 1 and q = 2q' + 1, and e = 65537. v generates the squares
// modulo N, and v_i = v^s_i is the verification value of the server with the secret s_i.
// Encoding: N | v | v_1 ... v_n, each as long as N, big-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "crypto/evp.h"
#include "crypto/threshold/big_number.h"
#include "crypto/threshold/threshold.h"

namespace garrison::crypto {

inline constexpr std::uint64_t kShoupExponent = 65537;  // e: a prime above any n

// Servers count from zero, Shoup's indices from one: the polynomial's value at zero is the private key.
[[nodiscard]] inline std::uint64_t shoup_index(ServerId server) { return server.index() + 1; }

// Delta = n!
[[nodiscard]] std::uint64_t shoup_delta(std::size_t n);

struct ShoupKey {
  ThresholdScheme scheme;
  std::size_t k;
  std::size_t n;
  std::size_t bytes;  // of N
  Number modulus;
  Number half;  // (N - 1) / 2: of a residue and its negative one is not above it
  Number v;
  std::vector<Number> v_of;  // by ServerId
  Digest digest;             // of the whole public key

  // Refuses what no dealer makes: sizes, an even N, values that are no units modulo N.
  [[nodiscard]] static Result<ShoupKey> parse(const ThresholdPublicKey& key);
};

// x: the PKCS#1 v1.5 encoding of the SHA-256 digest of the message, `bytes` long (RFC 8017 9.2), as a number below N.
[[nodiscard]] Number encode_message(ByteView message, std::size_t bytes);

// The smaller of a residue and its negative. Combining and proofs square a share, so both would do; one only is
// allowed, so that a correct share has one encoding and two different ones convict their sender.
[[nodiscard]] Number canonical(Number residue, const ShoupKey& key);

// Plain RSA, by OpenSSL.
class ShoupVerifier final : public ThresholdVerifier {
 public:
  explicit ShoupVerifier(const ShoupKey& key);
  [[nodiscard]] bool verify(ByteView message, ByteView signature) override;

 private:
  std::size_t bytes_;
  KeyHandle key_;
  KeyContext context_;
};

}  // namespace garrison::crypto
