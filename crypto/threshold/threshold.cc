#include "crypto/threshold/threshold.h"

#include <algorithm>
#include <string>
#include <utility>

#include "crypto/threshold/modelled.h"
#include "crypto/threshold/shoup_combiner.h"
#include "crypto/threshold/shoup_dealer.h"
#include "crypto/threshold/shoup_key.h"
#include "crypto/threshold/shoup_proof.h"
#include "crypto/threshold/shoup_signer.h"

namespace garrison::crypto {

namespace {

struct SchemeRow {
  std::string_view name;
  std::size_t modulus_bytes;
  ThresholdScheme scheme;
};
constexpr SchemeRow kRows[] = {{"shoup-rsa1024", 128, ThresholdScheme::shoup_rsa1024},
                               {"shoup-rsa2048", 256, ThresholdScheme::shoup_rsa2048},
                               {"shoup-rsa3072", 384, ThresholdScheme::shoup_rsa3072},
                               {"modelled-rsa1024", 128, ThresholdScheme::modelled_rsa1024},
                               {"modelled-rsa2048", 256, ThresholdScheme::modelled_rsa2048}};
static_assert(kMaxSignatureBytes >= kRows[2].modulus_bytes && kMaxThresholdSecretBytes >= kRows[2].modulus_bytes);
static_assert(kMaxThresholdProofBytes == kRows[2].modulus_bytes + kProofOverheadBytes);

const SchemeRow& row(ThresholdScheme scheme) {
  const auto* const found = std::ranges::find(kRows, scheme, &SchemeRow::scheme);
  CHECK(found != std::end(kRows));
  return *found;
}

}  // namespace

std::string_view name(ThresholdScheme scheme) { return row(scheme).name; }
std::size_t signature_bytes(ThresholdScheme scheme) { return row(scheme).modulus_bytes; }
std::size_t proof_bytes(ThresholdScheme scheme) { return row(scheme).modulus_bytes + kProofOverheadBytes; }

bool is_modelled(ThresholdScheme scheme) {
  return scheme == ThresholdScheme::modelled_rsa1024 || scheme == ThresholdScheme::modelled_rsa2048;
}

std::optional<ThresholdScheme> threshold_scheme_from_name(std::string_view name) {
  const auto* const found = std::ranges::find(kRows, name, &SchemeRow::name);
  if (found == std::end(kRows)) return std::nullopt;
  return found->scheme;
}

Result<std::unique_ptr<ThresholdSigner>> make_signer(const ThresholdPublicKey& key, ServerId self,
                                                     const SecretBytes& secret) {
  if (is_modelled(key.scheme)) return make_modelled_signer(key, self, secret);
  return ShoupSigner::make(key, self, secret);
}

Result<std::unique_ptr<ThresholdVerifier>> make_verifier(const ThresholdPublicKey& key) {
  if (is_modelled(key.scheme)) return make_modelled_verifier(key);
  Result<ShoupKey> parsed = ShoupKey::parse(key);
  if (!parsed) return parsed.error();
  return std::unique_ptr<ThresholdVerifier>(std::make_unique<ShoupVerifier>(parsed.value()));
}

Result<std::unique_ptr<ShareCombiner>> make_combiner(const ThresholdPublicKey& key) {
  if (is_modelled(key.scheme)) return make_modelled_combiner(key);
  Result<ShoupKey> parsed = ShoupKey::parse(key);
  if (!parsed) return parsed.error();
  return std::unique_ptr<ShareCombiner>(std::make_unique<ShoupCombiner>(std::move(parsed).value()));
}

Result<DealtThresholdKey> deal_threshold_key(ThresholdScheme scheme, std::size_t k, std::size_t n) {
  if (is_modelled(scheme))
    return Error{"the scheme `" + std::string(name(scheme)) + "` protects nothing; choose another"};
  const Result<SafePrimes> primes = generate_safe_primes(scheme);
  if (!primes) return primes.error();
  return deal_shoup_key(scheme, k, n, primes.value());
}

}  // namespace garrison::crypto
