// Who signs: a server of a site, or a client.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "dataplane/base/ids.h"

namespace garrison::crypto {

struct Principal {
  enum class Kind : std::uint8_t { server = 1, client = 2 };
  Kind kind{};
  SiteId site{};            // zero for clients
  std::uint32_t index = 0;  // ServerId or ClientId

  static Principal server(SiteId site, ServerId id) { return {Kind::server, site, id.value()}; }
  static Principal client(ClientId id) { return {Kind::client, SiteId(0), id.value()}; }
  friend auto operator<=>(const Principal&, const Principal&) = default;
};

// As key files write it: `server SITE INDEX` or `client ID`, counting from zero.
[[nodiscard]] inline std::string text(const Principal& principal) {
  if (principal.kind == Principal::Kind::client) return "client " + std::to_string(principal.index);
  return "server " + std::to_string(principal.site.value()) + " " + std::to_string(principal.index);
}

}  // namespace garrison::crypto
