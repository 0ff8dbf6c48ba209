// OpenSSL behind RAII: handles, and the algorithms this project uses, fetched once per process (an implicit fetch
// costs 150 ns a call). Internal to crypto/: no other folder includes it.
#pragma once

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <memory>
#include <string_view>

#include "dataplane/base/result.h"

namespace garrison::crypto {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* handle) const {
    Free(handle);
  }
};

using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, FreeWith<EVP_MAC_CTX_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeWith<EVP_CIPHER_CTX_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, FreeWith<EVP_KDF_CTX_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

// Any thread. Never freed: contexts of any thread may outlive whatever would free them at exit.
[[nodiscard]] const EVP_MD* sha256_algorithm();
[[nodiscard]] EVP_MAC* hmac_algorithm();
[[nodiscard]] EVP_KDF* hkdf_algorithm();
[[nodiscard]] const EVP_CIPHER* aes128_gcm_algorithm();

// Another handle to the same immutable key.
[[nodiscard]] KeyHandle share(const KeyHandle& key);

// Empties this thread's OpenSSL error queue into one line that starts with `what`.
[[nodiscard]] Error openssl_error(std::string_view what);

}  // namespace garrison::crypto
