#include "control/config/topology.h"

#include <algorithm>

#include "control/config/names.h"

namespace garrison::config {

PrimeSettings wide_area_prime() {
  PrimeSettings prime;
  prime.eager = false;
  prime.flood_on_request = true;
  prime.po_request_period = milliseconds(50);
  prime.po_summary_period = milliseconds(50);
  prime.summary_matrix_period = milliseconds(50);
  prime.pre_prepare_period = milliseconds(50);
  prime.retransmit_period = seconds(2);
  prime.delta_pp = milliseconds(250);
  prime.tat_measure_period = milliseconds(50);
  prime.rtt_ping_period = seconds(1);
  prime.reconciliation_delay = milliseconds(50);
  return prime;
}

const ServerSettings* Topology::find_server(std::string_view server_name) const {
  const auto id = parse_server_name(server_name);
  if (!id || id->first.index() >= sites.size()) return nullptr;
  const SiteSettings& home = site(id->first);
  return id->second.index() < home.n() ? &home.servers[id->second.index()] : nullptr;
}

const WanPair& Topology::wan_pair(SiteId one, SiteId other) const {
  const auto pair = std::ranges::find_if(wan.pairs, [&](const WanPair& each) {
    return each.first == std::min(one, other) && each.second == std::max(one, other);
  });
  CHECK(pair != wan.pairs.end());
  return *pair;
}

std::vector<crypto::Principal> Topology::principals() const {
  std::vector<crypto::Principal> all;
  for (const SiteSettings& each : sites) {
    for (const ServerSettings& server : each.servers) all.push_back(crypto::Principal::server(each.id, server.id));
  }
  for (std::uint32_t i = 0; i < client.count; ++i) all.push_back(crypto::Principal::client(ClientId(i)));
  for (const SiteSettings& each : sites) {
    for (std::uint32_t i = 0; i < each.forwarders.size(); ++i) all.push_back(crypto::Principal::forwarder(each.id, i));
  }
  return all;
}

bool Topology::has(crypto::Principal principal) const {
  if (principal.kind == crypto::Principal::Kind::client) return principal.index < client.count;
  if (principal.kind == crypto::Principal::Kind::site || principal.site.index() >= sites.size()) return false;
  const SiteSettings& home = site(principal.site);
  return principal.index < (principal.signs() ? home.n() : home.forwarders.size());
}

std::optional<crypto::ThresholdScheme> Topology::site_scheme() const {
  if (crypto.site_scheme || sites.size() < 2) return crypto.site_scheme;
  return crypto::ThresholdScheme::shoup_rsa2048;
}

crypto::Scheme Topology::scheme_of(crypto::Principal principal) const {
  if (!principal.signs()) return {};
  return principal.kind == crypto::Principal::Kind::server ? crypto.server_scheme : crypto.client_scheme;
}

}  // namespace garrison::config
