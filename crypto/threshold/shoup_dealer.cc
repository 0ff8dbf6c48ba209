#include "crypto/threshold/shoup_dealer.h"

#include <string>
#include <utility>

#include "crypto/threshold/shoup_key.h"

namespace garrison::crypto {

namespace {

Number half_of(const Number& odd) {
  Number half = secret(copy(odd));
  CHECK(BN_rshift1(half.get(), half.get()) == 1);
  return half;
}

Number product(const Number& a, const Number& b, const NumberScratch& scratch) {
  Number result = secret(make_number());
  CHECK(BN_mul(result.get(), a.get(), b.get(), scratch.get()) == 1);
  return result;
}

bool safe_prime(const Number& p, int bits, const NumberScratch& scratch) {
  return BN_num_bits(p.get()) == bits && BN_is_bit_set(p.get(), bits - 2) && BN_is_odd(p.get()) &&
         BN_check_prime(p.get(), scratch.get(), nullptr) == 1 &&
         BN_check_prime(half_of(p).get(), scratch.get(), nullptr) == 1;
}

// A polynomial of degree k - 1 modulo m whose value at zero is d; its value at i is the part of the server with index
// i.
class Polynomial {
 public:
  Polynomial(Number d, std::size_t k, const Number& m, const Draw& draw) : m_(m) {
    coefficients_.push_back(std::move(d));
    while (coefficients_.size() < k) coefficients_.push_back(draw(m));
  }
  [[nodiscard]] Number at(std::uint64_t i, const NumberScratch& scratch) const {
    Number value = secret(make_number());
    for (auto next = coefficients_.rbegin(); next != coefficients_.rend(); ++next) {  // Horner
      CHECK(BN_mul_word(value.get(), i) == 1 && BN_add(value.get(), value.get(), next->get()) == 1);
      CHECK(BN_nnmod(value.get(), value.get(), m_.get(), scratch.get()) == 1);
    }
    return value;
  }

 private:
  const Number& m_;
  std::vector<Number> coefficients_;
};

// The square of a random unit; all but a share of 2^-500 of them generate the squares modulo N, and those are drawn.
Number generator(const Modulus& modulus, const Draw& draw) {
  for (;;) {
    Number v = modulus.square(draw(modulus.value()));
    const Number less_one = copy(v);
    CHECK(BN_sub_word(less_one.get(), 1) == 1);
    if (coprime(v, modulus.value()) && coprime(less_one, modulus.value())) return v;
  }
}

}  // namespace

Result<SafePrimes> generate_safe_primes(ThresholdScheme scheme) {
  const auto bits = static_cast<int>(signature_bytes(scheme) * 4);
  const NumberScratch scratch = make_scratch();
  SafePrimes primes{secret(make_number()), secret(make_number())};
  for (const Number* prime : {&primes.p, &primes.q}) {
    if (BN_generate_prime_ex2(prime->get(), bits, 1, nullptr, nullptr, nullptr, scratch.get()) != 1) {
      return openssl_error("cannot generate a safe prime");
    }
  }
  return primes;
}

Number draw_secret(const Number& bound) {
  Number drawn = secret(make_number());
  CHECK(BN_priv_rand_range(drawn.get(), bound.get()) == 1);
  return drawn;
}

Result<DealtThresholdKey> deal_shoup_key(ThresholdScheme scheme, std::size_t k, std::size_t n, const SafePrimes& primes,
                                         const Draw& draw) {
  if (k < 2 || k > n || n > kMaxServersPerSite) {
    return Error{"a threshold key of " + std::to_string(k) + " of " + std::to_string(n) + " servers is not possible"};
  }
  const std::size_t bytes = signature_bytes(scheme);
  const auto prime_bits = static_cast<int>(bytes * 4);
  const NumberScratch scratch = make_scratch();
  if (!safe_prime(primes.p, prime_bits, scratch) || !safe_prime(primes.q, prime_bits, scratch) ||
      BN_cmp(primes.p.get(), primes.q.get()) == 0) {
    return Error{"a threshold key takes two different safe primes of " + std::to_string(prime_bits) + " bits"};
  }
  const Modulus modulus(product(primes.p, primes.q, scratch));
  const Number m = product(half_of(primes.p), half_of(primes.q), scratch);
  Number d = secret(make_number());
  CHECK(BN_mod_inverse(d.get(), make_number(kShoupExponent).get(), m.get(), scratch.get()) != nullptr);
  const Polynomial parts(std::move(d), k, m, draw);
  const Number v = generator(modulus, draw);

  DealtThresholdKey dealt{.key = {.scheme = scheme,
                                  .k = static_cast<std::uint16_t>(k),
                                  .n = static_cast<std::uint16_t>(n),
                                  .encoded = Bytes((n + 2) * bytes)},
                          .secrets = {}};
  Writer out(dealt.key.encoded);
  out.bytes(number_bytes(modulus.value(), bytes)).bytes(number_bytes(v, bytes));
  for (std::size_t i = 0; i < n; ++i) {
    const Number s_i = parts.at(shoup_index(ServerId(static_cast<std::uint16_t>(i))), scratch);
    out.bytes(number_bytes(modulus.power_secret(v, s_i), bytes));
    write_number(s_i, dealt.secrets.emplace_back(bytes).writable());
  }
  return dealt;
}

}  // namespace garrison::crypto
