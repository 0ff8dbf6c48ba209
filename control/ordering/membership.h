// What every ordering core's configuration has in common: who this server is, of how many, and how many may be faulty.
#pragma once

#include "crypto/principal.h"
#include "dataplane/base/bounds.h"

namespace garrison::ordering {

// Why these do not fit each other; null when they do.
template <typename CoreConfig>
[[nodiscard]] const char* membership_misfit(const CoreConfig& config) {
  if (config.n == 0 || config.n > kMaxServersPerSite) return "n must be 1 to 16";
  if (config.n < 3 * config.f + 1) return "n must be at least 3f+1";
  if (config.self.index() >= config.n) return "this server is not one of the n";
  const crypto::Principal& signer = config.envelope.signer;
  const bool self = signer.kind != crypto::Principal::Kind::client && signer.place() == config.self.value();
  return self ? nullptr : "the envelope names another signer than this participant";
}

}  // namespace garrison::ordering
