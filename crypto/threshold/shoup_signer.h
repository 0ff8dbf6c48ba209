// One server's part of a key of Shoup's threshold RSA. Internal to crypto/.
//
// The share is x^(2 Delta s_i). The exponent is used in constant time, on a base that nobody else knows: x is
// multiplied by a random u first and the result by u^(-2 Delta s_i), as OpenSSL blinds RSA. Proofs need no blinding:
// their secret exponent is fresh.
#pragma once

#include <memory>

#include "crypto/threshold/big_number.h"
#include "crypto/threshold/shoup_key.h"

namespace garrison::crypto {

class ShoupSigner final : public ThresholdSigner {
 public:
  [[nodiscard]] static Result<std::unique_ptr<ThresholdSigner>> make(const ThresholdPublicKey& key, ServerId self,
                                                                     const SecretBytes& secret);
  [[nodiscard]] Bytes share(ByteView message) override;
  [[nodiscard]] Bytes prove(ByteView message, ByteView share) override;

 private:
  ShoupSigner(ShoupKey key, ServerId self, Number s_i);
  void draw_blinding();
  void move_blinding();

  ShoupKey key_;
  Modulus modulus_;
  ServerId self_;
  Number s_i_;
  Number exponent_;    // 2 Delta s_i
  Number blinding_;    // u, in Montgomery form
  Number unblinding_;  // u^(-2 Delta s_i), in Montgomery form
  unsigned blinding_uses_ = 0;
};

}  // namespace garrison::crypto
