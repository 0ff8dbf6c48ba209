// Threshold signatures of a site: any k of its n servers sign together, fewer cannot, and whoever verifies sees one
// ordinary signature of the site and not who made it. A server makes a *share* of a signature; a share may come with a
// *proof* that it is correct; k correct shares combine.
//
// The scheme stands behind these three interfaces. There is one for deployments: RSA after V. Shoup, "Practical
// threshold signatures" (EUROCRYPT 2000), in shoup_*.h; see docs/adr/0011. The lab has a stand-in of the same sizes, in
// modelled.h.
//
// Signatures are deterministic: every k correct shares of one message combine to the same bytes. A signature says
// nothing but "this site signed these bytes": the caller's message must name its purpose, system and key epoch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "crypto/secret.h"
#include "dataplane/base/bounds.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/result.h"

namespace garrison::crypto {

// The number in the name is the size of the modulus. 1024 bits are for figures published with them: no deployment takes
// them. Values are below 64 (crypto/batch.h).
enum class ThresholdScheme : std::uint8_t {
  shoup_rsa1024 = 1,
  shoup_rsa2048 = 2,
  shoup_rsa3072 = 3,
  modelled_rsa1024 = 62,
  modelled_rsa2048 = 63
};

// Those that protect something.
inline constexpr ThresholdScheme kThresholdSchemes[] = {ThresholdScheme::shoup_rsa1024, ThresholdScheme::shoup_rsa2048,
                                                        ThresholdScheme::shoup_rsa3072};

[[nodiscard]] std::string_view name(ThresholdScheme scheme);
[[nodiscard]] std::optional<ThresholdScheme> threshold_scheme_from_name(std::string_view name);
// A share of a signature is as long as the signature.
[[nodiscard]] std::size_t signature_bytes(ThresholdScheme scheme);
[[nodiscard]] std::size_t proof_bytes(ThresholdScheme scheme);
[[nodiscard]] bool is_modelled(ThresholdScheme scheme);

inline constexpr std::size_t kMaxThresholdProofBytes = 432;   // of shoup_rsa3072
inline constexpr std::size_t kMaxThresholdSecretBytes = 384;  // one server's part of the private key
inline constexpr std::size_t kMaxThresholdPublicBytes = (kMaxServersPerSite + 2) * kMaxSignatureBytes;

// 2 <= k <= n <= kMaxServersPerSite. Server i of the site holds the part i of the private key.
struct ThresholdPublicKey {
  ThresholdScheme scheme{};
  std::uint16_t k = 0;
  std::uint16_t n = 0;
  Bytes encoded;  // as the scheme defines it
  friend bool operator==(const ThresholdPublicKey&, const ThresholdPublicKey&) = default;
};

// One per server. Every object below serves one thread at a time and shares nothing with others.
class ThresholdSigner {
 public:
  virtual ~ThresholdSigner() = default;
  // signature_bytes() long. A private-key operation.
  [[nodiscard]] virtual Bytes share(ByteView message) = 0;
  // That `share`, which share(message) returned, is correct; proof_bytes() long. Two private-key operations.
  [[nodiscard]] virtual Bytes prove(ByteView message, ByteView share) = 0;
};

class ThresholdVerifier {
 public:
  virtual ~ThresholdVerifier() = default;
  [[nodiscard]] virtual bool verify(ByteView message, ByteView signature) = 0;
};

struct SignatureShare {
  ServerId signer;
  ByteView bytes;
};

// What comes from other servers may be anything.
class ShareCombiner {
 public:
  virtual ~ShareCombiner() = default;
  [[nodiscard]] virtual std::size_t k() const = 0;
  [[nodiscard]] virtual std::size_t n() const = 0;
  [[nodiscard]] virtual std::size_t proof_bytes() const = 0;
  // Whether these bytes can be a share at all. A correct share has one encoding. Cheap.
  [[nodiscard]] virtual bool well_formed(ByteView share) const = 0;
  // Whether `proof` shows that `share` is `signer`'s correct share of `message`. The cost of several signatures.
  [[nodiscard]] virtual bool proven(ByteView message, ServerId signer, ByteView share, ByteView proof) = 0;
  // The signature from k well-formed shares of k different servers below n, or none if it does not verify: then one of
  // them is not correct.
  [[nodiscard]] virtual std::optional<Bytes> combine(ByteView message, std::span<const SignatureShare> shares) = 0;
  // As ThresholdVerifier: for signatures that somebody else combined.
  [[nodiscard]] virtual bool verify(ByteView message, ByteView signature) = 0;
};

// Keys that do not parse are refused; so is a secret that is not `self`'s part of this key.
[[nodiscard]] Result<std::unique_ptr<ThresholdSigner>> make_signer(const ThresholdPublicKey& key, ServerId self,
                                                                   const SecretBytes& secret);
[[nodiscard]] Result<std::unique_ptr<ThresholdVerifier>> make_verifier(const ThresholdPublicKey& key);
[[nodiscard]] Result<std::unique_ptr<ShareCombiner>> make_combiner(const ThresholdPublicKey& key);

// What the dealer of a key makes. Whoever sees k of the secrets can sign as the site.
struct DealtThresholdKey {
  ThresholdPublicKey key;
  std::vector<SecretBytes> secrets;  // by ServerId
};

// Offline. Seconds to a minute: safe primes are rare. Refuses modelled schemes: see deal_modelled_key().
[[nodiscard]] Result<DealtThresholdKey> deal_threshold_key(ThresholdScheme scheme, std::size_t k, std::size_t n);

}  // namespace garrison::crypto
