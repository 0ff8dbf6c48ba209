// The secret that binds a client's connection to one server: both sides derive it from their own X25519 secret and the
// other's public key, so it is never sent. CLIENT-HELLO and CLIENT-REPLY carry MACs under it. Pure; any thread.
#pragma once

#include "crypto/secret.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/result.h"

namespace garrison::client {

// 32 bytes, the key of a crypto::HmacKey. `own_secret` is the client's or the server's, `peer_public_key` the other's;
// `client`, `site` and `server` name the two whichever side derives it. The error is that of crypto::agree.
[[nodiscard]] Result<crypto::SecretBytes> session_secret(const crypto::SecretBytes& own_secret,
                                                         ByteView peer_public_key, SystemId system, ClientId client,
                                                         SiteId site, ServerId server);

}  // namespace garrison::client
