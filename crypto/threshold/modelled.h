// A threshold scheme for the lab, as Scheme::modelled is a signature scheme: the interfaces and sizes of Shoup's RSA,
// and keyed digests inside. Everything derives from a seed that the public key shows, so it authenticates nothing; key
// stores and topology files refuse it.
//
// Whoever looks from outside sees what the real scheme shows: a share has one encoding, what is no number in range is
// seen at once, any other wrong share only when a combination fails or its proof is looked at, and whichever k servers
// sign, the signature is the same.
#pragma once

#include "crypto/site_key.h"
#include "crypto/threshold/threshold.h"

namespace garrison::crypto {

// Without randomness: the same arguments give the same key, others another. Refuses k and n as deal_threshold_key()
// does; `scheme` is a modelled one.
[[nodiscard]] Result<DealtThresholdKey> deal_modelled_key(ThresholdScheme scheme, std::size_t k, std::size_t n,
                                                          SystemId system, SiteId site, SiteKeyKind kind);

// As make_signer() and its like, for keys of modelled schemes. Internal to crypto/.
[[nodiscard]] Result<std::unique_ptr<ThresholdSigner>> make_modelled_signer(const ThresholdPublicKey& key,
                                                                            ServerId self, const SecretBytes& secret);
[[nodiscard]] Result<std::unique_ptr<ThresholdVerifier>> make_modelled_verifier(const ThresholdPublicKey& key);
[[nodiscard]] Result<std::unique_ptr<ShareCombiner>> make_modelled_combiner(const ThresholdPublicKey& key);

}  // namespace garrison::crypto
