#include "crypto/threshold/known_primes.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "crypto/digest.h"

namespace garrison::crypto {

namespace {

constexpr const char* kPrimes[3][2] = {
    {"d9393cf6302c42bb4e13512ea3ff4d501f8feb9818e31a5a7d5c301d4848530937a48905f3667a9f6d48054445cc35e93b3a"
     "889b1291eebbef140dcb9e5c13cf",
     "c7e2c0e4c4b14045022f9768c657a86fed4af447cdd9e36aec49ac7d67789a5db11c7f7da31bca4bf2d07471c188b9419793"
     "6820aaabec380dc406f1673398c3"},
    {"d80cb3683d968858ad22e959b1e7d0f6ffcb9a210ba863dbe73cb8427eee570e68509689224f844b29f0f12a05ac9c7c373a"
     "87f55087a81caf142624efb8e6570bc16f3a6b649239e3c1a906deacc45bbc14f3f134e8834266f87454e5f225520686e43f"
     "23e7e016c313be81d886d6fecd8cd1c7ab24d5fc34666ec0771136a7",
     "d6a10d5f08b130fa7c18e8cca53686e3881ba1ea0de76eca6eb2211e87594fa2e94563e632b095f06a4b834cf6d7b93b7536"
     "2ed704c493ec1d7eb0591382adb11fa5eb6be467bfa6550cf3b3c48138846a18638615e1302dc6ebaba207a0f92f2c19ff14"
     "50637f09b04106d40a4822b88a86468a79216b6c600ef637af8811fb"},
    {"d0e7d1b144fb9516f6e38a69cd8f70f1023d6205c7c4cffc5491ba986f8ff27b4442be67b23bd7a0ae4d8c3c88297c261d14"
     "80ea9f03262bf62d140d70a385a55d2bc532e18f6489f38847d431a7c4ce443dde69038e87e97f93acc93ba81d0a7f52d157"
     "cd2b633c91173118ffe55e6068cf357039c9058bed75aac029b58ef873b586e379bad18f21498aa39683baf88c340230cf2c"
     "c4e627c8ced4aae193c626e1a86f86f2029615847628dd03ec3ac2b03f144ccfae08daa07a7af79ba927",
     "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef95"
     "19b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb"
     "5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3"
     "ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca237327ffffffffffffffff"}};

Number parse(const char* digits) {
  BIGNUM* number = nullptr;
  CHECK(BN_hex2bn(&number, digits) > 0);
  return secret(Number(number));
}

std::vector<BN_ULONG> odd_primes_below(BN_ULONG end) {
  std::vector<BN_ULONG> primes;
  for (BN_ULONG n = 3; n < end; n += 2) {
    if (std::ranges::none_of(primes, [&](BN_ULONG p) { return n % p == 0; })) primes.push_back(n);
  }
  return primes;
}

// Of p = 3 modulo 4, far greater than the small primes tried first.
bool is_safe_prime(const Number& p, const NumberScratch& scratch) {
  static const std::vector<BN_ULONG> kSmall = odd_primes_below(2048);
  // Who leaves 1 is no multiple of the small prime, but its half is.
  if (std::ranges::any_of(kSmall, [&](BN_ULONG small) { return BN_mod_word(p.get(), small) <= 1; })) return false;
  const Number half = make_number();
  CHECK(BN_rshift1(half.get(), p.get()) == 1);
  return BN_check_prime(half.get(), scratch.get(), nullptr) == 1 &&
         BN_check_prime(p.get(), scratch.get(), nullptr) == 1;
}

// Draws that follow from a name.
class KnownDraw {
 public:
  explicit KnownDraw(std::string_view name) : state_(sha256(as_bytes(name))) {}
  Number operator()(const Number& bound) {
    // Longer than the bound, so that what is left of it is spread evenly.
    Bytes drawn(static_cast<std::size_t>(BN_num_bytes(bound.get())) + sizeof(Digest));
    for (Writer writer(drawn); writer.room() > 0; state_ = sha256(state_)) {
      writer.bytes(ByteView(state_).first(std::min(writer.room(), state_.size())));
    }
    const NumberScratch scratch = make_scratch();
    Number below = make_number();
    CHECK(BN_mod(below.get(), read_number(drawn).get(), bound.get(), scratch.get()) == 1);
    return secret(std::move(below));
  }

 private:
  Digest state_;
};

// The first one from a drawn place on, of the size that a dealer asks for.
Number find_safe_prime(std::size_t bits, KnownDraw& draw) {
  const Number quarter = make_number(1);
  CHECK(BN_lshift(quarter.get(), quarter.get(), static_cast<int>(bits) - 2) == 1);
  Number p = draw(quarter);
  for (const std::size_t bit : {bits - 1, bits - 2, std::size_t{1}, std::size_t{0}}) {
    CHECK(BN_set_bit(p.get(), static_cast<int>(bit)) == 1);
  }
  const NumberScratch scratch = make_scratch();
  while (!is_safe_prime(p, scratch)) CHECK(BN_add_word(p.get(), 4) == 1);
  return p;
}

}  // namespace

SafePrimes known_primes(ThresholdScheme scheme) {
  const std::size_t row = static_cast<std::size_t>(scheme) - 1;
  CHECK(row < std::size(kPrimes));
  return {parse(kPrimes[row][0]), parse(kPrimes[row][1])};
}

Result<DealtThresholdKey> deal_known_key(ThresholdScheme scheme, std::size_t k, std::size_t n, std::string_view name) {
  KnownDraw draw(name);
  const std::size_t bits = signature_bytes(scheme) * 4;
  SafePrimes primes;
  primes.p = find_safe_prime(bits, draw);
  primes.q = find_safe_prime(bits, draw);
  return deal_shoup_key(scheme, k, n, primes, std::ref(draw));
}

}  // namespace garrison::crypto
