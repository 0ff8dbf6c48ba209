#include "control/config/names.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>

#include "dataplane/base/bounds.h"

namespace garrison::config {
namespace {

constexpr std::size_t kLetters = 26;
constexpr std::string_view kForwarderSuffix = "-forwarder";
constexpr std::string_view kBackupSuffix = "-backup";

// A number from one upwards in its only spelling; its value from zero upwards.
std::optional<std::uint32_t> parse_ordinal(std::string_view digits) {
  if (digits.empty() || digits.front() == '0') return std::nullopt;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value - 1;
}

}  // namespace

std::string site_name(SiteId site) {
  std::string letters;
  for (std::size_t rest = site.index() + 1; rest > 0; rest = (rest - 1) / kLetters) {
    letters.insert(letters.begin(), static_cast<char>('A' + (rest - 1) % kLetters));
  }
  return letters;
}

std::string server_name(SiteId site, ServerId server) {
  return site_name(site) + std::to_string(std::uint32_t{server.value()} + 1);
}

std::string client_name(ClientId client) { return "c" + std::to_string(std::uint64_t{client.value()} + 1); }

std::string forwarder_name(SiteId site, bool backup) {
  return site_name(site) + std::string(backup ? kBackupSuffix : kForwarderSuffix);
}

std::string principal_name(crypto::Principal principal) {
  if (principal.kind == crypto::Principal::Kind::client) return client_name(ClientId(principal.index));
  if (principal.kind == crypto::Principal::Kind::site) return site_name(principal.site);
  if (principal.kind == crypto::Principal::Kind::forwarder) return forwarder_name(principal.site, principal.index == 1);
  return server_name(principal.site, ServerId(static_cast<std::uint16_t>(principal.index)));
}

std::optional<SiteId> parse_site_name(std::string_view text) {
  if (text.empty() || text.size() > 2) return std::nullopt;
  std::size_t ordinal = 0;
  for (const char letter : text) {
    if (letter < 'A' || letter > 'Z') return std::nullopt;
    ordinal = ordinal * kLetters + static_cast<std::size_t>(letter - 'A') + 1;
  }
  if (ordinal > kMaxSites) return std::nullopt;
  return SiteId(static_cast<std::uint16_t>(ordinal - 1));
}

std::optional<std::pair<SiteId, ServerId>> parse_server_name(std::string_view text) {
  const std::size_t letters = std::min(text.find_first_of("0123456789"), text.size());
  const auto site = parse_site_name(text.substr(0, letters));
  const auto server = parse_ordinal(text.substr(letters));
  if (!site || !server || *server >= kMaxServersPerSite) return std::nullopt;
  return std::pair{*site, ServerId(static_cast<std::uint16_t>(*server))};
}

std::optional<ClientId> parse_client_name(std::string_view text) {
  if (!text.starts_with('c')) return std::nullopt;
  const auto client = parse_ordinal(text.substr(1));
  if (!client) return std::nullopt;
  return ClientId(*client);
}

std::optional<crypto::Principal> parse_principal_name(std::string_view text) {
  if (const auto server = parse_server_name(text)) return crypto::Principal::server(server->first, server->second);
  if (const auto client = parse_client_name(text)) return crypto::Principal::client(*client);
  for (const auto& [suffix, index] : {std::pair(kForwarderSuffix, 0U), std::pair(kBackupSuffix, 1U)}) {
    if (!text.ends_with(suffix)) continue;
    if (const auto site = parse_site_name(text.substr(0, text.size() - suffix.size()))) {
      return crypto::Principal::forwarder(*site, index);
    }
  }
  return std::nullopt;
}

}  // namespace garrison::config
