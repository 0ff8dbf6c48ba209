#include "control/client/session.h"

#include <array>
#include <cstdint>
#include <string_view>

#include "crypto/agreement.h"

namespace garrison::client {

namespace {
constexpr std::string_view kPurpose = "garrison client session 1";
constexpr std::size_t kSecretBytes = 32;
}  // namespace

Result<crypto::SecretBytes> session_secret(const crypto::SecretBytes& own_secret, ByteView peer_public_key,
                                           SystemId system, ClientId client, SiteId site, ServerId server) {
  const Result<crypto::SecretBytes> shared = crypto::agree(own_secret, peer_public_key);
  if (!shared) return shared.error();
  std::array<std::uint8_t, kPurpose.size() + 8 + 4 + 2 + 2> info{};
  Writer(info).bytes(as_bytes(kPurpose)).u64(system.value()).u32(client.value()).u16(site.value()).u16(server.value());
  return crypto::derive(shared.value(), info, kSecretBytes);
}

}  // namespace garrison::client
