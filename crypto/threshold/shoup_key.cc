#include "crypto/threshold/shoup_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "crypto/digest.h"

namespace garrison::crypto {

namespace {

// DigestInfo of SHA-256 in DER, up to the digest (RFC 8017 9.2, note 1).
constexpr std::array<std::uint8_t, 19> kDigestInfo = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

Digest digest_of(const ThresholdPublicKey& key) {
  static constexpr std::string_view kPurpose = "garrison-shoup-key-1";
  std::array<std::uint8_t, 13> head;
  Writer(head).u8(static_cast<std::uint8_t>(key.scheme)).u16(key.k).u16(key.n).u64(kShoupExponent);
  return thread_sha256().update(as_bytes(kPurpose)).update(head).update(key.encoded).finish();
}

bool unit(const Number& number, const Number& modulus) {
  return BN_cmp(number.get(), modulus.get()) < 0 && !BN_is_zero(number.get()) && !BN_is_one(number.get()) &&
         coprime(number, modulus);
}

KeyHandle rsa_key(const Number& modulus) {
  using Builder = std::unique_ptr<OSSL_PARAM_BLD, FreeWith<OSSL_PARAM_BLD_free>>;
  using Parameters = std::unique_ptr<OSSL_PARAM, FreeWith<OSSL_PARAM_free>>;
  const Number exponent = make_number(kShoupExponent);
  const Builder builder(OSSL_PARAM_BLD_new());
  CHECK(builder != nullptr && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) == 1);
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  CHECK(parameters != nullptr && context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1 &&
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1);
  return KeyHandle(key);
}

}  // namespace

std::uint64_t shoup_delta(std::size_t n) {
  static_assert(kMaxServersPerSite <= 20, "20! is the largest factorial of 64 bits");
  std::uint64_t delta = 1;
  for (std::uint64_t i = 2; i <= n; ++i) delta *= i;
  return delta;
}

Result<ShoupKey> ShoupKey::parse(const ThresholdPublicKey& key) {
  const std::size_t bytes = signature_bytes(key.scheme);
  if (key.n > kMaxServersPerSite || key.k < 2 || key.k > key.n) {
    return Error{"a threshold key of " + std::to_string(key.k) + " of " + std::to_string(key.n) + " servers"};
  }
  if (key.encoded.size() != bytes * (key.n + 2U)) {
    return Error{"a threshold key of " + std::to_string(key.encoded.size()) + " bytes, not " +
                 std::to_string(bytes * (key.n + 2U))};
  }
  Reader in(key.encoded);
  Number modulus = read_number(in.view(bytes));
  if (static_cast<std::size_t>(BN_num_bits(modulus.get())) != bytes * 8 || !BN_is_odd(modulus.get())) {
    return Error{"a threshold key whose modulus is not an odd number of " + std::to_string(bytes * 8) + " bits"};
  }
  std::vector<Number> values;
  for (std::size_t i = 0; i <= key.n; ++i) {
    values.push_back(read_number(in.view(bytes)));
    if (!unit(values.back(), modulus)) return Error{"a threshold key with a verification value that is no unit"};
  }
  Number half = copy(modulus);
  CHECK(BN_rshift1(half.get(), half.get()) == 1);
  Number v = std::move(values.front());
  values.erase(values.begin());
  return ShoupKey{.scheme = key.scheme,
                  .k = key.k,
                  .n = key.n,
                  .bytes = bytes,
                  .modulus = std::move(modulus),
                  .half = std::move(half),
                  .v = std::move(v),
                  .v_of = std::move(values),
                  .digest = digest_of(key)};
}

Number encode_message(ByteView message, std::size_t bytes) {
  const Digest digest = sha256(message);
  Bytes block(bytes, 0xff);
  const std::size_t tail = kDigestInfo.size() + digest.size();
  block[0] = 0x00;
  block[1] = 0x01;
  block[bytes - tail - 1] = 0x00;
  Writer(MutableBytes(block).last(tail)).bytes(kDigestInfo).bytes(digest);
  return read_number(block);
}

Number canonical(Number residue, const ShoupKey& key) {
  if (BN_cmp(residue.get(), key.half.get()) > 0) CHECK(BN_sub(residue.get(), key.modulus.get(), residue.get()) == 1);
  return residue;
}

ShoupVerifier::ShoupVerifier(const ShoupKey& key)
    : bytes_(key.bytes),
      key_(rsa_key(key.modulus)),
      context_(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr)) {
  CHECK(context_ != nullptr && EVP_PKEY_verify_init(context_.get()) == 1);
  CHECK(EVP_PKEY_CTX_set_rsa_padding(context_.get(), RSA_PKCS1_PADDING) == 1);
  CHECK(EVP_PKEY_CTX_set_signature_md(context_.get(), sha256_algorithm()) == 1);
}

bool ShoupVerifier::verify(ByteView message, ByteView signature) {
  if (signature.size() != bytes_) return false;
  const Digest digest = sha256(message);
  if (EVP_PKEY_verify(context_.get(), signature.data(), signature.size(), digest.data(), digest.size()) == 1) {
    return true;
  }
  ERR_clear_error();  // what a peer's bytes left behind
  return false;
}

}  // namespace garrison::crypto
