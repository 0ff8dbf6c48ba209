#include "crypto/threshold/shoup_signer.h"

#include <optional>
#include <string>
#include <utility>

#include "crypto/threshold/shoup_proof.h"

namespace garrison::crypto {

namespace {
// A pair is squared after each use, which costs two multiplications, and drawn anew after so many: two exponentiations.
constexpr unsigned kBlindingUses = 64;
}  // namespace

Result<std::unique_ptr<ThresholdSigner>> ShoupSigner::make(const ThresholdPublicKey& key, ServerId self,
                                                           const SecretBytes& secret_bytes) {
  Result<ShoupKey> parsed = ShoupKey::parse(key);
  if (!parsed) return parsed.error();
  ShoupKey& public_key = parsed.value();
  if (self.index() >= public_key.n) return Error{"a threshold key that has no part for this server"};
  if (secret_bytes.size() != public_key.bytes) {
    return Error{"a part of a threshold key of " + std::to_string(secret_bytes.size()) + " bytes, not " +
                 std::to_string(public_key.bytes)};
  }
  std::unique_ptr<ShoupSigner> made(
      new ShoupSigner(std::move(public_key), self, secret(read_number(secret_bytes.view()))));
  const Number v_i = made->modulus_.power_secret(made->key_.v, made->s_i_);
  if (BN_cmp(v_i.get(), made->key_.v_of[self.index()].get()) != 0) {
    return Error{"a part of a threshold key that is not this server's part of it"};
  }
  return std::unique_ptr<ThresholdSigner>(std::move(made));
}

ShoupSigner::ShoupSigner(ShoupKey key, ServerId self, Number s_i)
    : key_(std::move(key)),
      modulus_(copy(key_.modulus)),
      self_(self),
      s_i_(std::move(s_i)),
      exponent_(secret(copy(s_i_))) {
  CHECK(BN_mul_word(exponent_.get(), 2 * shoup_delta(key_.n)) == 1);
  draw_blinding();
}

Bytes ShoupSigner::share(ByteView message) {
  Number blinded = encode_message(message, key_.bytes);
  modulus_.multiply_montgomery(blinded, blinding_);
  Number share = modulus_.power_secret(blinded, exponent_);
  modulus_.multiply_montgomery(share, unblinding_);
  move_blinding();
  return number_bytes(canonical(std::move(share), key_), key_.bytes);
}

Bytes ShoupSigner::prove(ByteView message, ByteView share) {
  CHECK(share.size() == key_.bytes);
  return prove_share(ShoupStatement(key_, modulus_, message, self_, share), modulus_, s_i_);
}

void ShoupSigner::draw_blinding() {
  const Number u = make_number();
  std::optional<Number> inverse;
  do {  // once: a residue that is no unit would factor N
    CHECK(BN_priv_rand_range(u.get(), key_.modulus.get()) == 1);
    inverse = modulus_.inverse_of_secret(modulus_.power_secret(u, exponent_));
  } while (!inverse);
  blinding_ = modulus_.to_montgomery(u);
  unblinding_ = modulus_.to_montgomery(*inverse);
  blinding_uses_ = 0;
}

void ShoupSigner::move_blinding() {
  if (++blinding_uses_ == kBlindingUses) return draw_blinding();
  modulus_.multiply_montgomery(blinding_, blinding_);
  modulus_.multiply_montgomery(unblinding_, unblinding_);
}

}  // namespace garrison::crypto
