// Public keys of every principal and every site of a deployment, by key epoch. Immutable once built; shared between
// threads.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "crypto/principal.h"
#include "crypto/signature.h"
#include "crypto/site_key.h"
#include "crypto/threshold/threshold.h"
#include "dataplane/base/ids.h"

namespace garrison::crypto {

struct PublicKeys {
  Scheme scheme{};
  Bytes signing;    // as PublicKey::parse takes it; empty of a forwarder
  Bytes agreement;  // X25519 public key, 32 bytes
};

class KeyDirectory {
 public:
  using SiteKeyId = std::pair<SiteId, SiteKeyKind>;

  KeyDirectory(SystemId system, KeyEpoch epoch) : system_(system), epoch_(epoch) {}
  // Refuses keys that do not parse, principals that are no server, forwarder or client, and those that are there
  // already.
  [[nodiscard]] Result<void> add(Principal principal, PublicKeys keys);
  [[nodiscard]] const PublicKeys* find(Principal principal) const;
  // As add(). Deployments of one site have no site keys.
  [[nodiscard]] Result<void> add_site_key(SiteKeyId id, ThresholdPublicKey key);
  [[nodiscard]] const ThresholdPublicKey* find_site_key(SiteKeyId id) const;
  [[nodiscard]] const std::map<SiteKeyId, ThresholdPublicKey>& site_keys() const { return site_keys_; }
  [[nodiscard]] SystemId system() const { return system_; }
  [[nodiscard]] KeyEpoch epoch() const { return epoch_; }
  [[nodiscard]] const std::map<Principal, PublicKeys>& all() const { return keys_; }

 private:
  SystemId system_;
  KeyEpoch epoch_;
  std::map<Principal, PublicKeys> keys_;
  std::map<SiteKeyId, ThresholdPublicKey> site_keys_;
};

}  // namespace garrison::crypto
