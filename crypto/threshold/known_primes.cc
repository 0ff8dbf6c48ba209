#include "crypto/threshold/known_primes.h"

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

}  // namespace

SafePrimes known_primes(ThresholdScheme scheme) {
  const std::size_t row = static_cast<std::size_t>(scheme) - 1;
  CHECK(row < std::size(kPrimes));
  return {parse(kPrimes[row][0]), parse(kPrimes[row][1])};
}

}  // namespace garrison::crypto
