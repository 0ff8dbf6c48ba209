// The proof that a share is correct: equality of two discrete logarithms (Chaum and Pedersen), made non-interactive by
// a hash. With x~ = x^(4 Delta), a server shows that the logarithm of its share's square x_i^2 to the base x~ is that
// of v_i to the base v. Internal to crypto/.
//
//   r random, c = H(v^r, x~^r), z = r - c s_i          proof: c (16 bytes) | z (as long as N, and 32 bytes more)
//   check: c = H(v^z v_i^c, x~^z (x_i^2)^c)
//
// z as a difference spares the verifier two inversions. r is 256 bits longer than N, so that z hides s_i up to a
// statistical distance of 2^-128. Whether x_i is a unit is not checked, which would cost a fifth of a check more: who
// finds another residue has factored N. H also covers a purpose, the whole public key, the server and the message, so a
// proof serves for nothing else.
#pragma once

#include <cstddef>

#include "crypto/threshold/big_number.h"
#include "crypto/threshold/shoup_key.h"

namespace garrison::crypto {

inline constexpr std::size_t kChallengeBytes = 16;
inline constexpr std::size_t kBlindingBytes = 2 * kChallengeBytes;  // what r is longer than N
inline constexpr std::size_t kProofOverheadBytes = kChallengeBytes + kBlindingBytes;

// What a proof is about, and the squares that it relates.
struct ShoupStatement {
  ShoupStatement(const ShoupKey& key, const Modulus& modulus, ByteView message, ServerId server, ByteView share);

  [[nodiscard]] Number challenge(const Number& v_commitment, const Number& x_commitment) const;

  const ShoupKey& key;
  const Number& v_i;
  Digest message;
  ServerId server;
  Number x_tilde;       // x^(4 Delta)
  Number share_square;  // x_i^2
};

// `s_i` is the secret of the server of the statement.
[[nodiscard]] Bytes prove_share(const ShoupStatement& statement, const Modulus& modulus, const Number& s_i);
// Any bytes.
[[nodiscard]] bool check_proof(const ShoupStatement& statement, const Modulus& modulus, ByteView proof);

}  // namespace garrison::crypto
