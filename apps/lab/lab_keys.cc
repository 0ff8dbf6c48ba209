#include "apps/lab/lab_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "control/config/topology_text.h"
#include "crypto/agreement.h"
#include "crypto/digest.h"
#include "crypto/threshold/known_primes.h"
#include "crypto/threshold/modelled.h"

namespace garrison::lab {

namespace {

// Of a key whose secret may be any bytes.
std::size_t secret_bytes(crypto::Scheme scheme) {
  CHECK(crypto::is_modelled(scheme) || scheme == crypto::Scheme::ed25519);
  return scheme == crypto::Scheme::ed25519 ? 32 : 8;
}

crypto::PrivateBundle lab_bundle(const config::Topology& topology, crypto::Principal principal,
                                 crypto::PublicKeys& keys) {
  std::array<std::uint8_t, 16> seed{};
  const std::uint64_t site = principal.site.value();
  Writer(seed).u64(static_cast<std::uint64_t>(principal.kind)).u64(site << 32U | principal.index);
  const Digest digest = crypto::sha256(seed);
  crypto::PrivateBundle bundle{.system = topology.system,
                               .epoch = topology.crypto.epoch,
                               .self = principal,
                               .scheme = topology.scheme_of(principal),
                               .signing = {},
                               .agreement = crypto::SecretBytes(ByteView(digest))};
  Result<Bytes> agreement = crypto::agreement_public_key(bundle.agreement);
  CHECK(agreement.ok());
  keys = {.scheme = bundle.scheme, .signing = {}, .agreement = std::move(agreement).value()};
  if (!principal.signs()) return bundle;
  bundle.signing = crypto::SecretBytes(ByteView(digest).first(secret_bytes(bundle.scheme)));
  Result<crypto::PrivateKey> key = crypto::PrivateKey::parse(bundle.scheme, bundle.signing);
  CHECK(key.ok());
  keys.signing = key.value().public_key().encoded();
  return bundle;
}

Result<crypto::DealtThresholdKey> deal_site_key(crypto::ThresholdScheme scheme, SystemId system,
                                                const config::SiteSettings& site, crypto::SiteKeyKind kind) {
  const std::size_t k = crypto::threshold_of(kind, site.f);
  if (crypto::is_modelled(scheme)) return crypto::deal_modelled_key(scheme, k, site.n(), system, site.id, kind);
  const std::string name = fmt::format("site {} key {}", site.id.value(), static_cast<unsigned>(kind));
  return crypto::deal_known_key(scheme, k, site.n(), name);
}

// Each site's two threshold keys, where sites sign: to everybody what may be known, to each server its parts.
void deal_site_keys(const config::Topology& topology, LabKeys& keys) {
  const std::optional<crypto::ThresholdScheme> scheme = topology.site_scheme();
  if (!scheme) return;
  auto bundle = keys.servers.begin();  // of the site's first server
  for (const config::SiteSettings& site : topology.sites) {
    for (const crypto::SiteKeyKind kind : crypto::kSiteKeyKinds) {
      Result<crypto::DealtThresholdKey> dealt = deal_site_key(*scheme, topology.system, site, kind);
      CHECK(dealt.ok());
      CHECK(keys.directory.add_site_key({site.id, kind}, std::move(dealt.value().key)).ok());
      for (std::size_t i = 0; i < site.n(); ++i) {
        bundle[static_cast<std::ptrdiff_t>(i)].site_secrets.emplace(kind, std::move(dealt.value().secrets[i]));
      }
    }
    bundle += static_cast<std::ptrdiff_t>(site.n());
  }
}

}  // namespace

config::PrimeSettings small_windows() {
  config::PrimeSettings prime;
  prime.ordering_window = config::kMinOrderingWindow;
  prime.kept_window = config::kMinKeptWindow;
  prime.checkpoint_interval = config::kMinKeptWindow / 2;
  return prime;
}

config::PrimeSettings small_windows_among_sites() {
  config::PrimeSettings prime;
  prime.kept_window = 512;
  prime.checkpoint_interval = 32;
  return prime;
}

config::PrimeSettings paced(config::PrimeSettings prime, Duration period) {
  prime.eager = false;
  prime.po_request_period = prime.po_summary_period = prime.summary_matrix_period = prime.pre_prepare_period = period;
  prime.delta_pp = std::max(prime.delta_pp, period * 2);
  return prime;
}

config::BftSettings small_bft_windows() {
  config::BftSettings bft;
  bft.kept_window = config::kMinKeptWindow;
  bft.checkpoint_interval = config::kMinKeptWindow / 2;
  bft.window = config::kMinKeptWindow;
  return bft;
}

std::span<const crypto::PrivateBundle> LabKeys::servers_of(SiteId site) const {
  std::size_t first = 0;
  for (std::size_t i = 0; i < site.index(); ++i) first += topology.sites.at(i).n();
  return std::span(servers).subspan(first, topology.site(site).n());
}

std::shared_ptr<const LabKeys> make_lab_keys(const LabTopology& wishes) {
  // A site alone has no link to others.
  const auto between_sites = wishes.sites == 1 ? std::nullopt : std::optional(wishes.link);
  Result<std::string> text = config::new_topology_text({.name = "lab",
                                                        .system = SystemId(0x1ab),
                                                        .sites = wishes.sites,
                                                        .f_global = wishes.f_global,
                                                        .link = between_sites,
                                                        .backup_forwarders = wishes.backup_forwarders,
                                                        .servers = wishes.servers,
                                                        .clients = static_cast<std::uint32_t>(wishes.clients),
                                                        .protocol = wishes.protocol});
  CHECK(text.ok());
  Result<config::Topology> parsed = config::parse_topology(text.value(), "lab");
  CHECK(parsed.ok());
  config::Topology topology = std::move(parsed).value();
  topology.link.lossy = wishes.lossy;
  topology.link.ip_mtu = wishes.ip_mtu;
  topology.service = wishes.service;
  topology.prime = wishes.prime;
  topology.bft = wishes.bft;
  const std::size_t f_global = topology.global.f;
  topology.global = wishes.global;
  topology.global.f = f_global;
  for (config::WanPair& pair : topology.wan.pairs) pair.delay = wishes.wan_delay.value_or(pair.delay);
  topology.wan.rate = wishes.wan_rate;
  topology.wan.link.ip_mtu = wishes.wan_ip_mtu;
  topology.wan.adaptive_sets = wishes.adaptive_sets;
  topology.wan.longest_hub_timeout = wishes.longest_hub_timeout;
  topology.crypto.server_scheme = wishes.server_scheme;
  topology.crypto.client_scheme = wishes.client_scheme;
  topology.crypto.site_scheme.reset();
  if (wishes.sites > 1) topology.crypto.site_scheme = wishes.site_scheme;

  LabKeys made{topology, crypto::KeyDirectory(topology.system, topology.crypto.epoch), {}, {}, {}};
  for (const crypto::Principal principal : topology.principals()) {
    crypto::PublicKeys keys;
    using Kind = crypto::Principal::Kind;
    auto& bundles = principal.kind == Kind::server      ? made.servers
                    : principal.kind == Kind::forwarder ? made.forwarders
                                                        : made.clients;
    bundles.push_back(lab_bundle(topology, principal, keys));
    CHECK(made.directory.add(principal, std::move(keys)).ok());
  }
  deal_site_keys(topology, made);
  return std::make_shared<const LabKeys>(std::move(made));
}

}  // namespace garrison::lab
