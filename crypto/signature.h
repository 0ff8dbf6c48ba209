// Plain signatures. Ed25519 and RSA (PKCS#1 v1.5, SHA-256) through OpenSSL EVP with algorithms fetched once and
// contexts reused; the modelled ones stand in for them in the lab: same interface, the size of Ed25519 or of RSA-1024
// (128 bytes, as in the papers' figures), a keyed digest whose key is public, so it authenticates nothing and key
// stores refuse it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "crypto/secret.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"

namespace garrison::crypto {

enum class Scheme : std::uint8_t { ed25519 = 1, rsa2048 = 2, rsa3072 = 3, modelled_rsa1024 = 254, modelled = 255 };

[[nodiscard]] std::string_view name(Scheme scheme);
[[nodiscard]] std::optional<Scheme> scheme_from_name(std::string_view name);
[[nodiscard]] std::optional<Scheme> scheme_from_number(std::uint8_t number);
[[nodiscard]] std::size_t signature_bytes(Scheme scheme);
[[nodiscard]] bool is_modelled(Scheme scheme);
// Whether making a signature costs no more than verifying one.
[[nodiscard]] bool signs_cheaply(Scheme scheme);

// Copies share the immutable key; each copy has contexts of its own, so give each thread a copy.
class PublicKey {
 public:
  // `encoded`: raw 32 bytes for Ed25519, SubjectPublicKeyInfo DER for RSA, 8-byte seed for modelled. RSA keys of
  // another size, with another exponent than 65537, or not in canonical DER are refused.
  [[nodiscard]] static Result<PublicKey> parse(Scheme scheme, ByteView encoded);
  PublicKey(const PublicKey&);
  PublicKey& operator=(const PublicKey&);
  PublicKey(PublicKey&&) noexcept;
  PublicKey& operator=(PublicKey&&) noexcept;
  ~PublicKey();

  [[nodiscard]] Scheme scheme() const;
  [[nodiscard]] Bytes encoded() const;
  [[nodiscard]] bool verify(ByteView message, ByteView signature);

 private:
  friend class PrivateKey;
  struct State;
  explicit PublicKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One thread at a time.
class PrivateKey {
 public:
  [[nodiscard]] static Result<PrivateKey> generate(Scheme scheme);
  // `encoded`: raw 32-byte seed for Ed25519, PKCS#8 DER for RSA, 8-byte seed for modelled. RSA keys are checked as a
  // whole, primes too: tens of milliseconds.
  [[nodiscard]] static Result<PrivateKey> parse(Scheme scheme, const SecretBytes& encoded);
  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  ~PrivateKey();

  [[nodiscard]] Scheme scheme() const;
  [[nodiscard]] SecretBytes encoded() const;
  [[nodiscard]] PublicKey public_key() const;
  // Writes signature_bytes(scheme()) bytes to the front of `out`.
  void sign(ByteView message, MutableBytes out);

 private:
  struct State;
  explicit PrivateKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace garrison::crypto
