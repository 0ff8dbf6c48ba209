#include "crypto/threshold/shoup_combiner.h"

#include <utility>
#include <vector>

#include "crypto/threshold/shoup_proof.h"

namespace garrison::crypto {

namespace {

__extension__ using Signed = __int128;  // not ISO C++; both compilers have it
__extension__ using Unsigned = unsigned __int128;

// Delta is below 2^45 for n <= 16. So Delta times a product of distinct indices, which bounds lambda, is below 2^90; an
// exponent 2 lambda a is below 2^108, and so is 4 Delta^2 a.
static_assert(kMaxServersPerSite <= 16);

// a in 1..e-1 with a * value = 1 modulo the prime e, by Fermat.
std::uint64_t inverse_modulo_e(Unsigned value) {
  std::uint64_t base = static_cast<std::uint64_t>(value % kShoupExponent);
  std::uint64_t result = 1;
  for (std::uint64_t rest = kShoupExponent - 2; rest > 0; rest /= 2) {
    if (rest % 2 == 1) result = result * base % kShoupExponent;
    base = base * base % kShoupExponent;
  }
  return result;
}

// Delta * prod j / (j - i) over the other indices j: an integer.
Signed lagrange(std::uint64_t delta, std::uint64_t i, std::span<const SignatureShare> shares) {
  Signed numerator = static_cast<Signed>(delta);
  Signed denominator = 1;
  for (const SignatureShare& other : shares) {
    const auto j = static_cast<Signed>(shoup_index(other.signer));
    if (j == static_cast<Signed>(i)) continue;
    numerator *= j;
    denominator *= j - static_cast<Signed>(i);
  }
  CHECK(denominator != 0 && numerator % denominator == 0);
  return numerator / denominator;
}

// A product of powers, with one chain of squarings for all of them.
class PowerProduct {
 public:
  explicit PowerProduct(const Modulus& modulus) : modulus_(modulus) {}

  void multiply(const Number& base, Unsigned exponent) {
    factors_.emplace_back(modulus_.to_montgomery(base), exponent);
    all_bits_ |= exponent;
  }
  [[nodiscard]] Number value() const {
    Number product = modulus_.to_montgomery(make_number(1));
    for (int bit = 127; bit >= 0; --bit) {
      if ((all_bits_ >> bit) == 0) continue;
      modulus_.multiply_montgomery(product, product);
      for (const auto& [base, exponent] : factors_) {
        if ((exponent >> bit & 1U) != 0) modulus_.multiply_montgomery(product, base);
      }
    }
    return modulus_.from_montgomery(product);
  }

 private:
  const Modulus& modulus_;
  std::vector<std::pair<Number, Unsigned>> factors_;
  Unsigned all_bits_ = 0;
};

}  // namespace

ShoupCombiner::ShoupCombiner(ShoupKey key) : key_(std::move(key)), modulus_(copy(key_.modulus)), verifier_(key_) {}

bool ShoupCombiner::well_formed(ByteView share) const {
  if (share.size() != key_.bytes) return false;
  const Number x_i = read_number(share);
  return !BN_is_zero(x_i.get()) && !BN_is_one(x_i.get()) && BN_cmp(x_i.get(), key_.half.get()) <= 0;
}

bool ShoupCombiner::proven(ByteView message, ServerId signer, ByteView share, ByteView proof) {
  if (signer.index() >= key_.n || !well_formed(share)) return false;
  return check_proof(ShoupStatement(key_, modulus_, message, signer, share), modulus_, proof);
}

std::optional<Bytes> ShoupCombiner::combine(ByteView message, std::span<const SignatureShare> shares) {
  CHECK(shares.size() == key_.k);
  const std::uint64_t delta = shoup_delta(key_.n);
  const Unsigned four_delta_square = static_cast<Unsigned>(delta) * delta * 4;
  const std::uint64_t a = inverse_modulo_e(four_delta_square);
  const Unsigned minus_b = (four_delta_square * a - 1) / kShoupExponent;

  // y = w^a x^b: positive exponents over negative ones, so that one inversion does.
  PowerProduct above(modulus_);
  PowerProduct below(modulus_);
  below.multiply(encode_message(message, key_.bytes), minus_b);
  for (const SignatureShare& share : shares) {
    CHECK(share.signer.index() < key_.n && share.bytes.size() == key_.bytes);
    const Signed lambda = lagrange(delta, shoup_index(share.signer), shares);
    const bool negative = lambda < 0;
    const auto exponent = static_cast<Unsigned>(negative ? -lambda : lambda) * 2 * a;
    (negative ? below : above).multiply(read_number(share.bytes), exponent);
  }
  const std::optional<Number> inverse = modulus_.inverse(below.value());
  if (!inverse) return std::nullopt;
  Bytes signature = number_bytes(modulus_.multiply(above.value(), *inverse), key_.bytes);
  if (!verifier_.verify(message, signature)) return std::nullopt;
  return signature;
}

}  // namespace garrison::crypto
