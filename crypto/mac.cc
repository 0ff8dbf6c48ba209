#include "crypto/mac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "crypto/evp.h"
#include "dataplane/base/bounds.h"

namespace garrison::crypto {

namespace {
bool same_tag(const Tag& expected, ByteView tag) {
  return tag.size() == expected.size() && CRYPTO_memcmp(expected.data(), tag.data(), expected.size()) == 0;
}
}  // namespace

// The context keeps the digest states after the inner and outer key block; a restart without a key copies them.
struct HmacKey::State {
  MacContext context{EVP_MAC_CTX_new(hmac_algorithm())};
};

HmacKey::HmacKey(ByteView key) : state_(std::make_unique<State>()) {
  CHECK(state_->context != nullptr && !key.empty());
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  CHECK(EVP_MAC_init(state_->context.get(), key.data(), key.size(), parameters) == 1);
}

HmacKey::~HmacKey() = default;
HmacKey::HmacKey(HmacKey&&) noexcept = default;
HmacKey& HmacKey::operator=(HmacKey&&) noexcept = default;

Tag HmacKey::tag(ByteView message) {
  EVP_MAC_CTX* const context = state_->context.get();
  Digest full;
  std::size_t size = 0;
  CHECK(EVP_MAC_init(context, nullptr, 0, nullptr) == 1);
  CHECK(EVP_MAC_update(context, message.data(), message.size()) == 1);
  CHECK(EVP_MAC_final(context, full.data(), &size, full.size()) == 1 && size == full.size());
  Tag tag;
  std::memcpy(tag.data(), full.data(), tag.size());
  return tag;
}

bool HmacKey::verify(ByteView message, ByteView tag) { return same_tag(this->tag(message), tag); }

// GMAC is GCM with nothing encrypted (NIST SP 800-38D, 3). The key schedule and GHASH tables stay in the context;
// a frame only sets the nonce.
struct FrameKey::State {
  CipherContext context{EVP_CIPHER_CTX_new()};
};

FrameKey::FrameKey(ByteView key16) : state_(std::make_unique<State>()) {
  CHECK(state_->context != nullptr && key16.size() == 16);
  CHECK(EVP_EncryptInit_ex2(state_->context.get(), aes128_gcm_algorithm(), key16.data(), nullptr, nullptr) == 1);
}

FrameKey::~FrameKey() = default;
FrameKey::FrameKey(FrameKey&&) noexcept = default;
FrameKey& FrameKey::operator=(FrameKey&&) noexcept = default;

Tag FrameKey::seal(std::uint64_t counter, ByteView authenticated) {
  CHECK(authenticated.size() <= kMaxMessageBytes);
  EVP_CIPHER_CTX* const context = state_->context.get();
  std::array<std::uint8_t, 12> nonce{};  // the counter, then four zero bytes
  store_le(nonce.data(), counter);
  Tag tag;
  int written = 0;
  CHECK(EVP_EncryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr) == 1);
  if (!authenticated.empty()) {
    CHECK(EVP_EncryptUpdate(context, nullptr, &written, authenticated.data(), static_cast<int>(authenticated.size())) ==
          1);
  }
  CHECK(EVP_EncryptFinal_ex(context, tag.data(), &written) == 1 && written == 0);
  OSSL_PARAM parameters[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag.data(), tag.size()),
                             OSSL_PARAM_construct_end()};
  CHECK(EVP_CIPHER_CTX_get_params(context, parameters) == 1);
  return tag;
}

bool FrameKey::verify(std::uint64_t counter, ByteView authenticated, ByteView tag) {
  return same_tag(seal(counter, authenticated), tag);
}

}  // namespace garrison::crypto
