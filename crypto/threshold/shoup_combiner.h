// Checks and combines shares of Shoup's threshold RSA. Public values only. Internal to crypto/.
//
// With the Lagrange coefficients lambda_i of the chosen servers at zero, made integers by Delta, w = prod x_i^(2
// lambda_i) satisfies w^e = x^(4 Delta^2). e is coprime to 4 Delta^2, so a 4 Delta^2 + b e = 1 has a solution, and
// y = w^a x^b is the signature: y^e = x.
#pragma once

#include "crypto/threshold/big_number.h"
#include "crypto/threshold/shoup_key.h"

namespace garrison::crypto {

class ShoupCombiner final : public ShareCombiner {
 public:
  explicit ShoupCombiner(ShoupKey key);

  [[nodiscard]] std::size_t k() const override { return key_.k; }
  [[nodiscard]] std::size_t n() const override { return key_.n; }
  [[nodiscard]] std::size_t proof_bytes() const override { return crypto::proof_bytes(key_.scheme); }
  [[nodiscard]] bool well_formed(ByteView share) const override;
  [[nodiscard]] bool proven(ByteView message, ServerId signer, ByteView share, ByteView proof) override;
  [[nodiscard]] std::optional<Bytes> combine(ByteView message, std::span<const SignatureShare> shares) override;
  [[nodiscard]] bool verify(ByteView message, ByteView signature) override {
    return verifier_.verify(message, signature);
  }

 private:
  ShoupKey key_;
  Modulus modulus_;
  ShoupVerifier verifier_;
};

}  // namespace garrison::crypto
