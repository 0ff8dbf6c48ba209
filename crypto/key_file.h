// Files that hold keys, as bytes: created whole or not at all, read only where nobody else could have touched them.
// Internal to crypto/. Blocking file calls.
#pragma once

#include <cstddef>
#include <string>

#include "crypto/secret.h"
#include "dataplane/base/result.h"

namespace garrison::crypto {

// secret: mode 0600, of our own user. open: mode 0644, of our own user or root; integrity matters, not secrecy.
enum class KeyFileKind { secret, open };

// Written to PATH.new, synced, renamed to a name that must be free, directory synced. A crash leaves PATH.new at most.
[[nodiscard]] Result<void> create_key_file(const std::string& path, ByteView content, KeyFileKind kind);

// Refuses what is not a regular file, longer than `limit`, of another user, or open to others beyond its kind.
[[nodiscard]] Result<SecretBytes> read_key_file(const std::string& path, std::size_t limit, KeyFileKind kind);

}  // namespace garrison::crypto
