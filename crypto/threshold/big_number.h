// OpenSSL's big numbers behind RAII, and arithmetic modulo one odd number. Every number is wiped when it goes, secret
// or not. Operations that can only fail for want of memory end the program. Internal to crypto/.
#pragma once

#include <openssl/bn.h>

#include <cstddef>
#include <memory>
#include <optional>

#include "crypto/evp.h"
#include "crypto/secret.h"
#include "dataplane/base/bytes.h"

namespace garrison::crypto {

using Number = std::unique_ptr<BIGNUM, FreeWith<BN_clear_free>>;
using NumberScratch = std::unique_ptr<BN_CTX, FreeWith<BN_CTX_free>>;  // wipes what it lent

[[nodiscard]] Number make_number(std::uint64_t value = 0);
[[nodiscard]] Number copy(const Number& number);
[[nodiscard]] NumberScratch make_scratch();

// Big-endian. Writing fills the front with zeros; a number that does not fit is the caller's bug.
[[nodiscard]] Number read_number(ByteView bytes);
void write_number(const Number& number, MutableBytes out);
[[nodiscard]] Bytes number_bytes(const Number& number, std::size_t size);

// Marks a secret, so that OpenSSL takes its constant-time paths.
[[nodiscard]] Number secret(Number number);

[[nodiscard]] bool coprime(const Number& a, const Number& b);

// Residues modulo an odd n, all below n. `_secret` and inverse_of_secret() take the same time whatever the secret is;
// the others are for public numbers alone. One thread at a time.
class Modulus {
 public:
  explicit Modulus(Number n);

  [[nodiscard]] const Number& value() const { return n_; }
  [[nodiscard]] Number multiply(const Number& a, const Number& b) const;
  [[nodiscard]] Number square(const Number& a) const { return multiply(a, a); }
  [[nodiscard]] Number power(const Number& base, const Number& exponent) const;
  // The exponent is secret; so may the base be.
  [[nodiscard]] Number power_secret(const Number& base, const Number& exponent) const;
  // a^x * b^y
  [[nodiscard]] Number power_product(const Number& a, const Number& x, const Number& b, const Number& y) const;
  // None for what shares a factor with n.
  [[nodiscard]] std::optional<Number> inverse(const Number& a) const;
  [[nodiscard]] std::optional<Number> inverse_of_secret(const Number& a) const;

  // Montgomery form, for long products: to_montgomery(a) * b in this form is the plain a * b.
  [[nodiscard]] Number to_montgomery(const Number& a) const;
  [[nodiscard]] Number from_montgomery(const Number& a) const;
  void multiply_montgomery(Number& a, const Number& b) const;  // a = a * b

 private:
  using Montgomery = std::unique_ptr<BN_MONT_CTX, FreeWith<BN_MONT_CTX_free>>;

  Number n_;
  NumberScratch scratch_;
  Montgomery montgomery_;
};

}  // namespace garrison::crypto
