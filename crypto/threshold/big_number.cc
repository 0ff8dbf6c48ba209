#include "crypto/threshold/big_number.h"

#include <openssl/err.h>

#include <utility>

namespace garrison::crypto {

Number make_number(std::uint64_t value) {
  Number made(BN_new());
  CHECK(made != nullptr && BN_set_word(made.get(), value) == 1);
  return made;
}

Number copy(const Number& number) {
  Number made(BN_dup(number.get()));
  CHECK(made != nullptr);
  return made;
}

NumberScratch make_scratch() {
  NumberScratch made(BN_CTX_new());
  CHECK(made != nullptr);
  return made;
}

Number read_number(ByteView bytes) {
  Number made(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  CHECK(made != nullptr);
  return made;
}

void write_number(const Number& number, MutableBytes out) {
  const auto size = static_cast<int>(out.size());
  CHECK(BN_bn2binpad(number.get(), out.data(), size) == size);
}

Bytes number_bytes(const Number& number, std::size_t size) {
  Bytes bytes(size);
  write_number(number, bytes);
  return bytes;
}

Number secret(Number number) {
  BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  return number;
}

bool coprime(const Number& a, const Number& b) {
  const NumberScratch scratch = make_scratch();
  const Number divisor = make_number();
  CHECK(BN_gcd(divisor.get(), a.get(), b.get(), scratch.get()) == 1);
  return BN_is_one(divisor.get());
}

Modulus::Modulus(Number n) : n_(std::move(n)), scratch_(make_scratch()), montgomery_(BN_MONT_CTX_new()) {
  CHECK(BN_is_odd(n_.get()) && montgomery_ != nullptr);
  CHECK(BN_MONT_CTX_set(montgomery_.get(), n_.get(), scratch_.get()) == 1);
}

Number Modulus::multiply(const Number& a, const Number& b) const {
  Number product = to_montgomery(a);
  multiply_montgomery(product, b);
  return product;
}

Number Modulus::power(const Number& base, const Number& exponent) const {
  Number result = make_number();
  CHECK(BN_mod_exp_mont(result.get(), base.get(), exponent.get(), n_.get(), scratch_.get(), montgomery_.get()) == 1);
  return result;
}

Number Modulus::power_secret(const Number& base, const Number& exponent) const {
  Number result = make_number();
  CHECK(BN_mod_exp_mont_consttime(result.get(), base.get(), exponent.get(), n_.get(), scratch_.get(),
                                  montgomery_.get()) == 1);
  return result;
}

Number Modulus::power_product(const Number& a, const Number& x, const Number& b, const Number& y) const {
  Number result = make_number();
  CHECK(BN_mod_exp2_mont(result.get(), a.get(), x.get(), b.get(), y.get(), n_.get(), scratch_.get(),
                         montgomery_.get()) == 1);
  return result;
}

std::optional<Number> Modulus::inverse(const Number& a) const {
  Number result = make_number();
  if (BN_mod_inverse(result.get(), a.get(), n_.get(), scratch_.get()) != nullptr) return result;
  ERR_clear_error();  // what a peer's number left behind
  return std::nullopt;
}

std::optional<Number> Modulus::inverse_of_secret(const Number& a) const {
  return inverse(secret(copy(a)));  // OpenSSL goes by the mark
}

Number Modulus::to_montgomery(const Number& a) const {
  Number result = make_number();
  CHECK(BN_to_montgomery(result.get(), a.get(), montgomery_.get(), scratch_.get()) == 1);
  return result;
}

Number Modulus::from_montgomery(const Number& a) const {
  Number result = make_number();
  CHECK(BN_from_montgomery(result.get(), a.get(), montgomery_.get(), scratch_.get()) == 1);
  return result;
}

void Modulus::multiply_montgomery(Number& a, const Number& b) const {
  CHECK(BN_mod_mul_montgomery(a.get(), a.get(), b.get(), montgomery_.get(), scratch_.get()) == 1);
}

}  // namespace garrison::crypto
