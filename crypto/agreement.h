// Pairwise secrets: static X25519, then HKDF-SHA-256 with the purpose in `info`.
#pragma once

#include "crypto/secret.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"

namespace garrison::crypto {

inline constexpr std::size_t kAgreementKeyBytes = 32;

struct AgreementKeyPair {
  SecretBytes secret;  // 32 bytes
  Bytes public_key;    // 32 bytes
};

[[nodiscard]] Result<AgreementKeyPair> generate_agreement_key();
[[nodiscard]] Result<Bytes> agreement_public_key(const SecretBytes& secret);
// The raw X25519 output; an all-zero output (low-order peer key) is an error.
[[nodiscard]] Result<SecretBytes> agree(const SecretBytes& secret, ByteView peer_public_key);
// HKDF-SHA-256, empty salt.
[[nodiscard]] SecretBytes derive(const SecretBytes& shared, ByteView info, std::size_t bytes);

}  // namespace garrison::crypto
