#include "crypto/key_directory.h"

#include <limits>
#include <string>
#include <utility>

#include "crypto/agreement.h"

namespace garrison::crypto {

namespace {
bool possible(const Principal& principal) {
  switch (principal.kind) {
    case Principal::Kind::server:
      return principal.index <= std::numeric_limits<ServerId::rep>::max();
    case Principal::Kind::forwarder:
      return principal.index <= 1;
    case Principal::Kind::client:
      return principal.site == SiteId(0);
    case Principal::Kind::site:  // see add_site_key()
      return false;
  }
  return false;
}
}  // namespace

Result<void> KeyDirectory::add(Principal principal, PublicKeys keys) {
  if (!possible(principal)) return Error{"no such principal: " + text(principal)};
  if (keys_.contains(principal)) return Error{"two entries for " + text(principal)};
  if (principal.signs()) {
    const Result<PublicKey> signing = PublicKey::parse(keys.scheme, keys.signing);
    if (!signing) return Error{"signing key of " + text(principal) + ": " + signing.error().message};
  } else if (!keys.signing.empty()) {
    return Error{"signing key of " + text(principal) + ", which signs nothing"};
  }
  if (keys.agreement.size() != kAgreementKeyBytes) {
    return Error{"agreement key of " + text(principal) + ": an X25519 public key is 32 bytes long"};
  }
  keys_.emplace(principal, std::move(keys));
  return {};
}

Result<void> KeyDirectory::add_site_key(SiteKeyId id, ThresholdPublicKey key) {
  const std::string what = "the " + std::string(name(id.second)) + " key of site " + std::to_string(id.first.value());
  if (site_keys_.contains(id)) return Error{"two entries for " + what};
  if (const auto parsed = make_verifier(key); !parsed) return Error{what + ": " + parsed.error().message};
  site_keys_.emplace(id, std::move(key));
  return {};
}

const ThresholdPublicKey* KeyDirectory::find_site_key(SiteKeyId id) const {
  const auto at = site_keys_.find(id);
  return at == site_keys_.end() ? nullptr : &at->second;
}

const PublicKeys* KeyDirectory::find(Principal principal) const {
  const auto at = keys_.find(principal);
  return at == keys_.end() ? nullptr : &at->second;
}

}  // namespace garrison::crypto
