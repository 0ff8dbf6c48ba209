#include "crypto/signature.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <string>
#include <utility>

#include "crypto/digest.h"
#include "crypto/evp.h"
#include "dataplane/base/bounds.h"

namespace garrison::crypto {

namespace {

constexpr std::size_t kEd25519KeyBytes = 32;
constexpr std::size_t kEd25519SignatureBytes = 64;
constexpr std::size_t kRsa1024SignatureBytes = 128;
constexpr std::size_t kModelledSeedBytes = 8;

struct SchemeRow {
  std::string_view name;
  std::size_t signature_bytes;
  int rsa_bits;  // 0: not RSA
  Scheme scheme;
};
constexpr SchemeRow kSchemes[] = {{"ed25519", kEd25519SignatureBytes, 0, Scheme::ed25519},
                                  {"rsa2048", 256, 2048, Scheme::rsa2048},
                                  {"rsa3072", 384, 3072, Scheme::rsa3072},
                                  {"modelled-rsa1024", kRsa1024SignatureBytes, 0, Scheme::modelled_rsa1024},
                                  {"modelled", kEd25519SignatureBytes, 0, Scheme::modelled}};

const SchemeRow& row(Scheme scheme) {
  for (const SchemeRow& candidate : kSchemes) {
    if (candidate.scheme == scheme) return candidate;
  }
  check_failed("a known signature scheme", __FILE__, __LINE__);
}

bool is_rsa(Scheme scheme) { return row(scheme).rsa_bits != 0; }

// Fills `out`, whole digests long; every byte depends on seed and message.
void write_modelled_signature(ByteView seed, ByteView message, MutableBytes out) {
  static constexpr std::string_view kPurpose = "garrison-modelled-1";
  Writer writer(out);
  Digest next = thread_sha256().update(as_bytes(kPurpose)).update(seed).update(message).finish();
  for (writer.bytes(next); writer.room() > 0; writer.bytes(next)) {
    next = thread_sha256().update(seed).update(next).finish();
  }
}

bool verify_modelled(ByteView seed, ByteView message, ByteView signature) {
  std::array<std::uint8_t, kRsa1024SignatureBytes> room;
  const MutableBytes expected = MutableBytes(room).first(signature.size());
  write_modelled_signature(seed, message, expected);
  return equal(expected, signature);
}

// What the scheme's name promises of an RSA key. One exponent: a large one would make verifying a weapon.
Result<void> check_rsa(const KeyHandle& key, Scheme scheme) {
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return Error{"not an RSA key"};
  if (EVP_PKEY_get_bits(key.get()) != row(scheme).rsa_bits) {
    return Error{"an RSA key of " + std::to_string(EVP_PKEY_get_bits(key.get())) + " bits where " +
                 std::string(name(scheme)) + " is meant"};
  }
  BIGNUM* exponent = nullptr;
  const bool read = EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_E, &exponent) == 1;
  const bool usual = read && BN_is_word(exponent, RSA_F4) == 1;
  BN_free(exponent);
  if (!usual) return Error{"an RSA key whose public exponent is not 65537"};
  return {};
}

Result<Bytes> encode_public(const KeyHandle& key, Scheme scheme) {
  if (!is_rsa(scheme)) {
    Bytes raw(kEd25519KeyBytes);
    std::size_t size = raw.size();
    if (EVP_PKEY_get_raw_public_key(key.get(), raw.data(), &size) != 1 || size != raw.size()) {
      return openssl_error("cannot read the Ed25519 public key");
    }
    return raw;
  }
  const int size = i2d_PUBKEY(key.get(), nullptr);
  if (size <= 0) return openssl_error("cannot encode the RSA public key");
  Bytes der(static_cast<std::size_t>(size));
  std::uint8_t* end = der.data();
  CHECK(i2d_PUBKEY(key.get(), &end) == size);
  return der;
}

Result<KeyHandle> parse_public(Scheme scheme, ByteView encoded) {
  KeyHandle key;
  if (!is_rsa(scheme)) {
    if (encoded.size() != kEd25519KeyBytes) return Error{"an Ed25519 public key is 32 bytes long"};
    key.reset(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, encoded.data(), encoded.size()));
    if (key == nullptr) return openssl_error("not an Ed25519 public key");
    return key;
  }
  const std::uint8_t* end = encoded.data();
  key.reset(d2i_PUBKEY_ex(nullptr, &end, static_cast<long>(encoded.size()), nullptr, nullptr));
  if (key == nullptr) return openssl_error("not a SubjectPublicKeyInfo in DER");
  if (const Result<void> fits = check_rsa(key, scheme); !fits) return fits.error();
  const Result<Bytes> canonical = encode_public(key, scheme);
  if (!canonical) return canonical.error();
  if (!equal(canonical.value(), encoded)) return Error{"an RSA public key that is not encoded in canonical DER"};
  return key;
}

using KeyInfo = std::unique_ptr<PKCS8_PRIV_KEY_INFO, FreeWith<PKCS8_PRIV_KEY_INFO_free>>;

Result<KeyHandle> parse_private(Scheme scheme, ByteView encoded) {
  KeyHandle key;
  if (!is_rsa(scheme)) {
    if (encoded.size() != kEd25519KeyBytes) return Error{"an Ed25519 private key is 32 bytes long"};
    key.reset(EVP_PKEY_new_raw_private_key_ex(nullptr, "ED25519", nullptr, encoded.data(), encoded.size()));
    if (key == nullptr) return openssl_error("not an Ed25519 private key");
    return key;
  }
  const std::uint8_t* end = encoded.data();
  const KeyInfo info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &end, static_cast<long>(encoded.size())));
  if (info == nullptr) return openssl_error("not a PKCS#8 private key in DER");
  if (end != encoded.data() + encoded.size()) return Error{"bytes left over after the RSA private key"};
  key.reset(EVP_PKCS82PKEY_ex(info.get(), nullptr, nullptr));
  if (key == nullptr) return openssl_error("not an RSA private key");
  if (const Result<void> fits = check_rsa(key, scheme); !fits) return fits.error();
  // A damaged key may parse and then fail to sign, or sign five times slower without the Chinese remainder. Tens of
  // milliseconds, once per start.
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  CHECK(context != nullptr);
  if (EVP_PKEY_pairwise_check(context.get()) != 1) return openssl_error("an RSA private key that contradicts itself");
  return key;
}

SecretBytes encode_private(const KeyHandle& key, Scheme scheme) {
  if (!is_rsa(scheme)) {
    SecretBytes raw(kEd25519KeyBytes);
    std::size_t size = raw.size();
    CHECK(EVP_PKEY_get_raw_private_key(key.get(), raw.writable().data(), &size) == 1 && size == raw.size());
    return raw;
  }
  const KeyInfo info(EVP_PKEY2PKCS8(key.get()));
  CHECK(info != nullptr);
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr);
  CHECK(size > 0);
  SecretBytes der(static_cast<std::size_t>(size));
  std::uint8_t* end = der.writable().data();
  CHECK(i2d_PKCS8_PRIV_KEY_INFO(info.get(), &end) == size);
  return der;
}

// A context that signs or verifies SHA-256 digests with PKCS#1 v1.5 as often as asked.
KeyContext rsa_context(const KeyHandle& key, int (*start)(EVP_PKEY_CTX*)) {
  KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  CHECK(context != nullptr && start(context.get()) == 1);
  CHECK(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1);
  CHECK(EVP_PKEY_CTX_set_signature_md(context.get(), sha256_algorithm()) == 1);
  return context;
}

}  // namespace

std::string_view name(Scheme scheme) { return row(scheme).name; }
std::size_t signature_bytes(Scheme scheme) { return row(scheme).signature_bytes; }
bool is_modelled(Scheme scheme) { return scheme == Scheme::modelled || scheme == Scheme::modelled_rsa1024; }

bool signs_cheaply(Scheme scheme) { return scheme == Scheme::ed25519 || scheme == Scheme::modelled; }

std::optional<Scheme> scheme_from_name(std::string_view name) {
  for (const SchemeRow& candidate : kSchemes) {
    if (candidate.name == name) return candidate.scheme;
  }
  return std::nullopt;
}

std::optional<Scheme> scheme_from_number(std::uint8_t number) {
  for (const SchemeRow& candidate : kSchemes) {
    if (static_cast<std::uint8_t>(candidate.scheme) == number) return candidate.scheme;
  }
  return std::nullopt;
}

// The scheme decides which members are set: `key` and one context, or for modelled the seed in `encoded` alone.
struct PublicKey::State {
  Scheme scheme;
  Bytes encoded;
  KeyHandle key;
  KeyContext rsa;
  DigestContext ed25519;

  State(Scheme which, Bytes bytes, KeyHandle handle)
      : scheme(which), encoded(std::move(bytes)), key(std::move(handle)) {
    if (is_modelled(scheme)) return;
    if (is_rsa(scheme)) {
      rsa = rsa_context(key, EVP_PKEY_verify_init);
      return;
    }
    ed25519.reset(EVP_MD_CTX_new());
    CHECK(ed25519 != nullptr);
    CHECK(EVP_DigestVerifyInit_ex(ed25519.get(), nullptr, nullptr, nullptr, nullptr, key.get(), nullptr) == 1);
  }
  State(const State& other) : State(other.scheme, other.encoded, share(other.key)) {}
  State& operator=(const State&) = delete;
  ~State() = default;

  bool verify(ByteView message, ByteView signature) {
    if (is_rsa(scheme)) {
      const Digest digest = sha256(message);
      return EVP_PKEY_verify(rsa.get(), signature.data(), signature.size(), digest.data(), digest.size()) == 1;
    }
    // Without a key it starts over under the one it has: 24 ns instead of 0.5 us.
    CHECK(EVP_DigestVerifyInit_ex(ed25519.get(), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr) == 1);
    return EVP_DigestVerify(ed25519.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
  }
};

PublicKey::PublicKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
PublicKey::PublicKey(const PublicKey& other) : state_(std::make_unique<State>(*other.state_)) {}
PublicKey& PublicKey::operator=(const PublicKey& other) {
  if (this != &other) state_ = std::make_unique<State>(*other.state_);
  return *this;
}
PublicKey::PublicKey(PublicKey&&) noexcept = default;
PublicKey& PublicKey::operator=(PublicKey&&) noexcept = default;
PublicKey::~PublicKey() = default;

Result<PublicKey> PublicKey::parse(Scheme scheme, ByteView encoded) {
  if (is_modelled(scheme)) {
    if (encoded.size() != kModelledSeedBytes) return Error{"a modelled key is 8 bytes long"};
    return PublicKey(std::make_unique<State>(scheme, to_bytes(encoded), KeyHandle()));
  }
  Result<KeyHandle> key = parse_public(scheme, encoded);
  if (!key) return key.error();
  return PublicKey(std::make_unique<State>(scheme, to_bytes(encoded), std::move(key).value()));
}

Scheme PublicKey::scheme() const { return state_->scheme; }
Bytes PublicKey::encoded() const { return state_->encoded; }

bool PublicKey::verify(ByteView message, ByteView signature) {
  if (signature.size() != signature_bytes(state_->scheme)) return false;
  if (is_modelled(state_->scheme)) return verify_modelled(state_->encoded, message, signature);
  if (state_->verify(message, signature)) return true;
  ERR_clear_error();  // what a peer's bytes left behind
  return false;
}

// As PublicKey::State.
struct PrivateKey::State {
  Scheme scheme;
  SecretBytes seed;  // modelled only
  KeyHandle key;
  KeyContext rsa;
  DigestContext ed25519;

  State(Scheme which, KeyHandle handle) : scheme(which), key(std::move(handle)) {
    if (is_rsa(scheme)) {
      rsa = rsa_context(key, EVP_PKEY_sign_init);
      return;
    }
    ed25519.reset(EVP_MD_CTX_new());
    CHECK(ed25519 != nullptr);
    CHECK(EVP_DigestSignInit_ex(ed25519.get(), nullptr, nullptr, nullptr, nullptr, key.get(), nullptr) == 1);
  }
  State(Scheme modelled, SecretBytes modelled_seed) : scheme(modelled), seed(std::move(modelled_seed)) {}

  void sign(ByteView message, MutableBytes out) {
    std::size_t size = out.size();
    if (is_modelled(scheme)) {
      write_modelled_signature(seed.view(), message, out);
    } else if (is_rsa(scheme)) {
      const Digest digest = sha256(message);
      CHECK(EVP_PKEY_sign(rsa.get(), out.data(), &size, digest.data(), digest.size()) == 1);
    } else {
      CHECK(EVP_DigestSignInit_ex(ed25519.get(), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr) == 1);
      CHECK(EVP_DigestSign(ed25519.get(), out.data(), &size, message.data(), message.size()) == 1);
    }
    CHECK(size == out.size());
  }
};

PrivateKey::PrivateKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

Result<PrivateKey> PrivateKey::generate(Scheme scheme) {
  if (is_modelled(scheme)) {
    SecretBytes seed(kModelledSeedBytes);
    if (RAND_bytes(seed.writable().data(), static_cast<int>(seed.size())) != 1) {
      return openssl_error("the system gives no random bytes");
    }
    return PrivateKey(std::make_unique<State>(scheme, std::move(seed)));
  }
  KeyHandle key;
  if (is_rsa(scheme)) {
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(row(scheme).rsa_bits)));
  } else {
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  }
  if (key == nullptr) return openssl_error("cannot generate a key");
  return PrivateKey(std::make_unique<State>(scheme, std::move(key)));
}

Result<PrivateKey> PrivateKey::parse(Scheme scheme, const SecretBytes& encoded) {
  if (is_modelled(scheme)) {
    if (encoded.size() != kModelledSeedBytes) return Error{"a modelled key is 8 bytes long"};
    return PrivateKey(std::make_unique<State>(scheme, encoded));
  }
  Result<KeyHandle> handle = parse_private(scheme, encoded.view());
  if (!handle) return handle.error();
  return PrivateKey(std::make_unique<State>(scheme, std::move(handle).value()));
}

Scheme PrivateKey::scheme() const { return state_->scheme; }

SecretBytes PrivateKey::encoded() const {
  return is_modelled(state_->scheme) ? state_->seed : encode_private(state_->key, state_->scheme);
}

PublicKey PrivateKey::public_key() const {
  const Scheme scheme = state_->scheme;
  Result<Bytes> encoded =
      is_modelled(scheme) ? Result<Bytes>(to_bytes(state_->seed.view())) : encode_public(state_->key, scheme);
  Result<PublicKey> key = PublicKey::parse(scheme, std::move(encoded).value());
  return std::move(key).value();
}

void PrivateKey::sign(ByteView message, MutableBytes out) {
  const std::size_t size = signature_bytes(state_->scheme);
  CHECK(out.size() >= size);
  state_->sign(message, out.first(size));
}

}  // namespace garrison::crypto
