// Public keys of every principal of a deployment, by key epoch. Immutable once built; shared between threads.
#pragma once

#include <map>
#include <optional>

#include "crypto/principal.h"
#include "crypto/signature.h"
#include "dataplane/base/ids.h"

namespace garrison::crypto {

struct PublicKeys {
  Scheme scheme{};
  Bytes signing;    // as PublicKey::parse takes it
  Bytes agreement;  // X25519 public key, 32 bytes
};

class KeyDirectory {
 public:
  KeyDirectory(SystemId system, KeyEpoch epoch) : system_(system), epoch_(epoch) {}
  // Refuses keys that do not parse, principals that are no server or client, and those that are there already.
  [[nodiscard]] Result<void> add(Principal principal, PublicKeys keys);
  [[nodiscard]] const PublicKeys* find(Principal principal) const;
  [[nodiscard]] SystemId system() const { return system_; }
  [[nodiscard]] KeyEpoch epoch() const { return epoch_; }
  [[nodiscard]] const std::map<Principal, PublicKeys>& all() const { return keys_; }

 private:
  SystemId system_;
  KeyEpoch epoch_;
  std::map<Principal, PublicKeys> keys_;
};

}  // namespace garrison::crypto
