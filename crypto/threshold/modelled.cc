#include "crypto/threshold/modelled.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <utility>

#include "crypto/digest.h"

namespace garrison::crypto {

namespace {

constexpr std::string_view kPurpose = "garrison-modelled-threshold-1";
constexpr std::size_t kSeedBytes = sizeof(Digest);

Digest hash(std::string_view label, std::initializer_list<ByteView> parts) {
  Sha256& sha = thread_sha256().update(as_bytes(kPurpose)).update(as_bytes(label));
  for (const ByteView part : parts) sha.update(part);
  return sha.finish();
}

// `size` bytes that depend on all of `first`.
Bytes stretch(const Digest& first, std::size_t size) {
  Bytes out(size);
  Digest next = first;
  for (Writer writer(out); writer.room() > 0; next = thread_sha256().update(next).finish()) {
    writer.bytes(ByteView(next).first(std::min(writer.room(), next.size())));
  }
  return out;
}

// Numbers in the lower half of the range, as the shares of Shoup's scheme are.
Bytes small(Bytes number) {
  number.front() &= 0x7f;
  return number;
}

std::array<std::uint8_t, 2> index_bytes(ServerId server) {
  std::array<std::uint8_t, 2> bytes{};
  Writer(bytes).u16(server.value());
  return bytes;
}

// The seed, and as many bytes as Shoup's key has.
Bytes encode_key(const Digest& seed, ThresholdScheme scheme, std::size_t k, std::size_t n) {
  Bytes encoded = to_bytes(ByteView(seed));
  const std::array<std::uint8_t, 2> sizes = {static_cast<std::uint8_t>(k), static_cast<std::uint8_t>(n)};
  const Bytes rest = stretch(hash("key", {seed, sizes}), (n + 2) * signature_bytes(scheme) - kSeedBytes);
  encoded.insert(encoded.end(), rest.begin(), rest.end());
  return encoded;
}

// What everybody who holds the key can compute: all there is.
class ModelledKey {
 public:
  static Result<ModelledKey> parse(const ThresholdPublicKey& key) {
    if (key.n > kMaxServersPerSite || key.k < 2 || key.k > key.n) {
      return Error{"a threshold key of " + std::to_string(key.k) + " of " + std::to_string(key.n) + " servers"};
    }
    if (key.encoded.size() < kSeedBytes) return Error{"a modelled threshold key without a seed"};
    ModelledKey parsed(key);
    if (encode_key(parsed.seed_, key.scheme, key.k, key.n) != key.encoded) {
      return Error{"a modelled threshold key that was not dealt"};
    }
    return parsed;
  }

  [[nodiscard]] std::size_t k() const { return k_; }
  [[nodiscard]] std::size_t n() const { return n_; }
  [[nodiscard]] ThresholdScheme scheme() const { return scheme_; }
  [[nodiscard]] std::size_t bytes() const { return signature_bytes(scheme_); }

  [[nodiscard]] Bytes part(ServerId server) const {
    return stretch(hash("part", {seed_, index_bytes(server)}), bytes());
  }
  [[nodiscard]] Bytes share(ServerId server, ByteView message) const {
    return small(stretch(hash("share", {seed_, index_bytes(server), message}), bytes()));
  }
  [[nodiscard]] Bytes proof(ServerId server, ByteView message, ByteView share) const {
    return stretch(hash("proof", {seed_, index_bytes(server), share, message}), proof_bytes(scheme_));
  }
  [[nodiscard]] Bytes signature(ByteView message) const {
    return small(stretch(hash("signature", {seed_, message}), bytes()));
  }

 private:
  explicit ModelledKey(const ThresholdPublicKey& key) : scheme_(key.scheme), k_(key.k), n_(key.n) {
    std::copy_n(key.encoded.begin(), kSeedBytes, seed_.begin());
  }

  ThresholdScheme scheme_;
  std::size_t k_;
  std::size_t n_;
  Digest seed_{};
};

class ModelledSigner final : public ThresholdSigner {
 public:
  ModelledSigner(const ModelledKey& key, ServerId self) : key_(key), self_(self) {}
  [[nodiscard]] Bytes share(ByteView message) override { return key_.share(self_, message); }
  [[nodiscard]] Bytes prove(ByteView message, ByteView share) override { return key_.proof(self_, message, share); }

 private:
  ModelledKey key_;
  ServerId self_;
};

class ModelledVerifier final : public ThresholdVerifier {
 public:
  explicit ModelledVerifier(const ModelledKey& key) : key_(key) {}
  [[nodiscard]] bool verify(ByteView message, ByteView signature) override {
    return equal(key_.signature(message), signature);
  }

 private:
  ModelledKey key_;
};

class ModelledCombiner final : public ShareCombiner {
 public:
  explicit ModelledCombiner(const ModelledKey& key) : key_(key) {}
  [[nodiscard]] std::size_t k() const override { return key_.k(); }
  [[nodiscard]] std::size_t n() const override { return key_.n(); }
  [[nodiscard]] std::size_t proof_bytes() const override { return crypto::proof_bytes(key_.scheme()); }
  [[nodiscard]] bool well_formed(ByteView share) const override {
    if (share.size() != key_.bytes() || (share.front() & 0x80U) != 0) return false;
    const bool below_256 = std::ranges::all_of(share.first(share.size() - 1), [](auto byte) { return byte == 0; });
    return !below_256 || share.back() > 1;
  }
  [[nodiscard]] bool proven(ByteView message, ServerId signer, ByteView share, ByteView proof) override {
    return signer.index() < key_.n() && equal(key_.share(signer, message), share) &&
           equal(key_.proof(signer, message, share), proof);
  }
  [[nodiscard]] std::optional<Bytes> combine(ByteView message, std::span<const SignatureShare> shares) override {
    CHECK(shares.size() == key_.k());
    for (const SignatureShare& share : shares) {
      CHECK(share.signer.index() < key_.n() && share.bytes.size() == key_.bytes());
      if (!equal(key_.share(share.signer, message), share.bytes)) return std::nullopt;
    }
    return key_.signature(message);
  }
  [[nodiscard]] bool verify(ByteView message, ByteView signature) override {
    return equal(key_.signature(message), signature);
  }

 private:
  ModelledKey key_;
};

}  // namespace

Result<DealtThresholdKey> deal_modelled_key(ThresholdScheme scheme, std::size_t k, std::size_t n, SystemId system,
                                            SiteId site, SiteKeyKind kind) {
  CHECK(is_modelled(scheme));
  if (k < 2 || k > n || n > kMaxServersPerSite) {
    return Error{"a threshold key of " + std::to_string(k) + " of " + std::to_string(n) + " servers is not possible"};
  }
  std::array<std::uint8_t, 8 + 2 + 1 + 1> name{};
  Writer writer(name);
  writer.u64(system.value())
      .u16(site.value())
      .u8(static_cast<std::uint8_t>(kind))
      .u8(static_cast<std::uint8_t>(scheme));
  DealtThresholdKey dealt{.key = {.scheme = scheme,
                                  .k = static_cast<std::uint16_t>(k),
                                  .n = static_cast<std::uint16_t>(n),
                                  .encoded = encode_key(hash("seed", {name}), scheme, k, n)},
                          .secrets = {}};
  const ModelledKey key = ModelledKey::parse(dealt.key).value();
  for (std::size_t i = 0; i < n; ++i) {
    dealt.secrets.emplace_back(ByteView(key.part(ServerId(static_cast<std::uint16_t>(i)))));
  }
  return dealt;
}

Result<std::unique_ptr<ThresholdSigner>> make_modelled_signer(const ThresholdPublicKey& key, ServerId self,
                                                              const SecretBytes& secret) {
  const Result<ModelledKey> parsed = ModelledKey::parse(key);
  if (!parsed) return parsed.error();
  if (self.index() >= key.n) return Error{"a threshold key that has no part for this server"};
  if (!equal(parsed.value().part(self), secret.view())) {
    return Error{"a part of a threshold key that is not this server's part of it"};
  }
  return std::unique_ptr<ThresholdSigner>(std::make_unique<ModelledSigner>(parsed.value(), self));
}

Result<std::unique_ptr<ThresholdVerifier>> make_modelled_verifier(const ThresholdPublicKey& key) {
  const Result<ModelledKey> parsed = ModelledKey::parse(key);
  if (!parsed) return parsed.error();
  return std::unique_ptr<ThresholdVerifier>(std::make_unique<ModelledVerifier>(parsed.value()));
}

Result<std::unique_ptr<ShareCombiner>> make_modelled_combiner(const ThresholdPublicKey& key) {
  const Result<ModelledKey> parsed = ModelledKey::parse(key);
  if (!parsed) return parsed.error();
  return std::unique_ptr<ShareCombiner>(std::make_unique<ModelledCombiner>(parsed.value()));
}

}  // namespace garrison::crypto
