// Who holds keys: a server of a site, a client, a site as one (docs/adr/0012), or a site's dependable forwarder, which
// signs nothing.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "dataplane/base/ids.h"

namespace garrison::crypto {

struct Principal {
  enum class Kind : std::uint8_t { server = 1, client = 2, site = 3, forwarder = 4 };
  Kind kind{};
  SiteId site{};            // zero for clients
  std::uint32_t index = 0;  // ServerId or ClientId; zero for sites; 0 of a primary forwarder, 1 of a backup

  static Principal server(SiteId site, ServerId id) { return {Kind::server, site, id.value()}; }
  static Principal client(ClientId id) { return {Kind::client, SiteId(0), id.value()}; }
  static Principal of_site(SiteId id) { return {Kind::site, id, 0}; }
  static Principal forwarder(SiteId site, std::uint32_t index) { return {Kind::forwarder, site, index}; }
  [[nodiscard]] bool signs() const { return kind != Kind::forwarder; }
  // Which participant of a protocol it is: a server among those of its site, a site among the sites.
  [[nodiscard]] std::uint32_t place() const { return kind == Kind::site ? site.value() : index; }
  friend auto operator<=>(const Principal&, const Principal&) = default;
};

// As key files write it: `server SITE INDEX`, `forwarder SITE INDEX`, `client ID` or `site ID`, counting from zero.
[[nodiscard]] inline std::string text(const Principal& principal) {
  if (principal.kind == Principal::Kind::client) return "client " + std::to_string(principal.index);
  if (principal.kind == Principal::Kind::site) return "site " + std::to_string(principal.site.value());
  const std::string kind = principal.signs() ? "server " : "forwarder ";
  return kind + std::to_string(principal.site.value()) + " " + std::to_string(principal.index);
}

}  // namespace garrison::crypto
