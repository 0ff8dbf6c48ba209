// Keys on disk: one public file for a deployment, one private file (mode 0600, refused otherwise) per principal.
// Text files of `name value` lines, keys in hex, numbers in decimal; a last line `end` shows that none are missing.
// Buffers that held secrets are wiped. Keys of the scheme `modelled` are refused in both directions. Operating
// threads only: blocking file calls.
#pragma once

#include <map>
#include <string>

#include "crypto/key_directory.h"
#include "crypto/secret.h"
#include "dataplane/base/result.h"

namespace garrison::crypto {

struct PrivateBundle {
  SystemId system;
  KeyEpoch epoch;
  Principal self;
  Scheme scheme{};
  SecretBytes signing;                                // as PrivateKey::parse takes it; empty of a forwarder
  SecretBytes agreement;                              // X25519 secret
  std::map<SiteKeyKind, SecretBytes> site_secrets{};  // its parts of its site's threshold keys
};

// Makes both keys of one principal, of a forwarder the one for agreement. Fills `keys` with the public halves.
[[nodiscard]] Result<PrivateBundle> make_bundle(SystemId system, KeyEpoch epoch, Principal self, Scheme scheme,
                                                PublicKeys& keys);

// Whether a bundle is the one that the directory's public keys belong to. A server that started with another one
// would see all it says refused by its peers.
[[nodiscard]] Result<void> check_belongs(const PrivateBundle& bundle, const KeyDirectory& directory);

// Whether a server's parts of threshold keys are those of its site's keys, all of them and no others. An exponentiation
// for each.
[[nodiscard]] Result<void> check_site_secrets(const PrivateBundle& bundle, const KeyDirectory& directory);

// Creates the file with mode 0600 and refuses to overwrite; written to a temporary name, synced, then renamed.
[[nodiscard]] Result<void> save_private(const std::string& path, const PrivateBundle& bundle);
// Refuses files that others own or may read or write, that are not regular, too long, or that do not parse: each
// with its own message.
[[nodiscard]] Result<PrivateBundle> load_private(const std::string& path);
// As save_private, with mode 0644.
[[nodiscard]] Result<void> save_public(const std::string& path, const KeyDirectory& directory);
[[nodiscard]] Result<KeyDirectory> load_public(const std::string& path);

}  // namespace garrison::crypto
