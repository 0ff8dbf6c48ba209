// Who signs: a server of a site, a client, or a site as one (docs/adr/0012).
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "dataplane/base/ids.h"

namespace garrison::crypto {

struct Principal {
  enum class Kind : std::uint8_t { server = 1, client = 2, site = 3 };
  Kind kind{};
  SiteId site{};            // zero for clients
  std::uint32_t index = 0;  // ServerId or ClientId; zero for sites

  static Principal server(SiteId site, ServerId id) { return {Kind::server, site, id.value()}; }
  static Principal client(ClientId id) { return {Kind::client, SiteId(0), id.value()}; }
  static Principal of_site(SiteId id) { return {Kind::site, id, 0}; }
  // Which participant of a protocol it is: a server among those of its site, a site among the sites.
  [[nodiscard]] std::uint32_t place() const { return kind == Kind::site ? site.value() : index; }
  friend auto operator<=>(const Principal&, const Principal&) = default;
};

// As key files write it: `server SITE INDEX`, `client ID` or `site ID`, counting from zero.
[[nodiscard]] inline std::string text(const Principal& principal) {
  if (principal.kind == Principal::Kind::client) return "client " + std::to_string(principal.index);
  if (principal.kind == Principal::Kind::site) return "site " + std::to_string(principal.site.value());
  return "server " + std::to_string(principal.site.value()) + " " + std::to_string(principal.index);
}

}  // namespace garrison::crypto
