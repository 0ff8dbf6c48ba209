// Names of servers and clients as people write them: "A1" is server 0 of site 0, "c7" is client 6.
//
// Sites are A..Z, then AA..AZ, BA.. and so on; servers and clients count from one. One spelling only: no leading
// zeros, no other case. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "crypto/principal.h"
#include "dataplane/base/ids.h"

namespace garrison::config {

[[nodiscard]] std::string site_name(SiteId site);                     // "A"
[[nodiscard]] std::string server_name(SiteId site, ServerId server);  // "A1"
[[nodiscard]] std::string client_name(ClientId client);               // "c1"
[[nodiscard]] std::string forwarder_name(SiteId site, bool backup);   // "A-forwarder", "A-backup"
[[nodiscard]] std::string principal_name(crypto::Principal principal);

// Nothing when the text is not a name of that kind. Bounds: kMaxSites, kMaxServersPerSite; any ClientId.
[[nodiscard]] std::optional<SiteId> parse_site_name(std::string_view text);
[[nodiscard]] std::optional<std::pair<SiteId, ServerId>> parse_server_name(std::string_view text);
[[nodiscard]] std::optional<ClientId> parse_client_name(std::string_view text);
[[nodiscard]] std::optional<crypto::Principal> parse_principal_name(std::string_view text);

}  // namespace garrison::config
