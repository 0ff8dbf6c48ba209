#include "crypto/evp.h"

#include <openssl/err.h>

#include <string>

namespace garrison::crypto {

namespace {
template <typename T>
T* fetched(T* algorithm) {
  CHECK(algorithm != nullptr);
  return algorithm;
}
}  // namespace

const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = fetched(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  return algorithm;
}

EVP_MAC* hmac_algorithm() {
  static EVP_MAC* const algorithm = fetched(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  return algorithm;
}

EVP_KDF* hkdf_algorithm() {
  static EVP_KDF* const algorithm = fetched(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  return algorithm;
}

const EVP_CIPHER* aes128_gcm_algorithm() {
  static const EVP_CIPHER* const algorithm = fetched(EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr));
  return algorithm;
}

KeyHandle share(const KeyHandle& key) {
  if (key != nullptr) CHECK(EVP_PKEY_up_ref(key.get()) == 1);
  return KeyHandle(key.get());
}

Error openssl_error(std::string_view what) {
  std::string message(what);
  if (const char* reason = ERR_reason_error_string(ERR_peek_last_error()); reason != nullptr) {
    message.append(": ").append(reason);
  }
  ERR_clear_error();
  return Error{std::move(message)};
}

}  // namespace garrison::crypto
