#include "crypto/agreement.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "crypto/evp.h"

namespace garrison::crypto {

namespace {

Result<KeyHandle> private_handle(const SecretBytes& secret) {
  if (secret.size() != kAgreementKeyBytes) return Error{"an X25519 secret is 32 bytes long"};
  KeyHandle key(EVP_PKEY_new_raw_private_key_ex(nullptr, "X25519", nullptr, secret.view().data(), secret.size()));
  if (key == nullptr) return openssl_error("cannot use this X25519 secret");
  return key;
}

Result<Bytes> public_half(const KeyHandle& key) {
  Bytes raw(kAgreementKeyBytes);
  std::size_t size = raw.size();
  if (EVP_PKEY_get_raw_public_key(key.get(), raw.data(), &size) != 1 || size != raw.size()) {
    return openssl_error("cannot compute an X25519 public key");
  }
  return raw;
}

// A low-order peer key gives zero whatever our secret is [RFC 7748 6.1]. OpenSSL refuses it too; the rule is ours.
bool all_zero(ByteView bytes) {
  std::uint8_t any = 0;
  for (const std::uint8_t byte : bytes) any |= byte;
  return any == 0;
}

}  // namespace

Result<AgreementKeyPair> generate_agreement_key() {
  SecretBytes secret(kAgreementKeyBytes);
  if (RAND_priv_bytes(secret.writable().data(), static_cast<int>(secret.size())) != 1) {
    return openssl_error("the system gives no random bytes");
  }
  Result<Bytes> public_key = agreement_public_key(secret);
  if (!public_key) return public_key.error();
  return AgreementKeyPair{std::move(secret), std::move(public_key).value()};
}

Result<Bytes> agreement_public_key(const SecretBytes& secret) {
  const Result<KeyHandle> key = private_handle(secret);
  if (!key) return key.error();
  return public_half(key.value());
}

Result<SecretBytes> agree(const SecretBytes& secret, ByteView peer_public_key) {
  if (peer_public_key.size() != kAgreementKeyBytes) return Error{"an X25519 public key is 32 bytes long"};
  const Result<KeyHandle> own = private_handle(secret);
  if (!own) return own.error();
  const KeyHandle peer(
      EVP_PKEY_new_raw_public_key_ex(nullptr, "X25519", nullptr, peer_public_key.data(), peer_public_key.size()));
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, own.value().get(), nullptr));
  SecretBytes shared(kAgreementKeyBytes);
  std::size_t size = shared.size();
  if (peer == nullptr || context == nullptr || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
      EVP_PKEY_derive(context.get(), shared.writable().data(), &size) != 1 || size != shared.size() ||
      all_zero(shared.view())) {
    return openssl_error("key agreement with this X25519 public key fails");
  }
  return shared;
}

SecretBytes derive(const SecretBytes& shared, ByteView info, std::size_t bytes) {
  CHECK(shared.size() > 0 && bytes > 0 && bytes <= 255 * sizeof(Digest));
  const KdfContext context(EVP_KDF_CTX_new(hkdf_algorithm()));
  CHECK(context != nullptr);
  SecretBytes secret = shared;  // parameters take non-const pointers
  Bytes purpose = to_bytes(info);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret.writable().data(), secret.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, purpose.data(), purpose.size()),
      OSSL_PARAM_construct_end()};
  SecretBytes derived(bytes);
  CHECK(EVP_KDF_derive(context.get(), derived.writable().data(), derived.size(), parameters) == 1);
  return derived;
}

}  // namespace garrison::crypto
