#include "apps/lab/lab_keys.h"

#include <array>
#include <string>
#include <utility>

#include "control/config/topology_text.h"
#include "crypto/agreement.h"
#include "crypto/digest.h"

namespace garrison::lab {

namespace {

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
                               .signing = crypto::SecretBytes(ByteView(digest).first(8)),
                               .agreement = crypto::SecretBytes(ByteView(digest))};
  Result<crypto::PrivateKey> key = crypto::PrivateKey::parse(bundle.scheme, bundle.signing);
  CHECK(key.ok());
  Result<Bytes> agreement = crypto::agreement_public_key(bundle.agreement);
  CHECK(agreement.ok());
  keys = {.scheme = bundle.scheme,
          .signing = key.value().public_key().encoded(),
          .agreement = std::move(agreement).value()};
  return bundle;
}

}  // namespace

config::PrimeSettings small_windows() {
  config::PrimeSettings prime;
  prime.ordering_window = config::kMinOrderingWindow;
  prime.kept_window = config::kMinKeptWindow;
  prime.checkpoint_interval = config::kMinKeptWindow / 2;
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
  CHECK(crypto::is_modelled(wishes.server_scheme) && crypto::is_modelled(wishes.client_scheme));
  Result<std::string> text = config::new_topology_text({.name = "lab",
                                                        .system = SystemId(0x1ab),
                                                        .sites = wishes.sites,
                                                        .f_global = wishes.f_global,
                                                        .link = wishes.link,
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
  topology.crypto.server_scheme = wishes.server_scheme;
  topology.crypto.client_scheme = wishes.client_scheme;

  crypto::KeyDirectory directory(topology.system, topology.crypto.epoch);
  std::vector<crypto::PrivateBundle> servers;
  std::vector<crypto::PrivateBundle> clients;
  for (const crypto::Principal principal : topology.principals()) {
    crypto::PublicKeys keys;
    const bool is_server = principal.kind == crypto::Principal::Kind::server;
    (is_server ? servers : clients).push_back(lab_bundle(topology, principal, keys));
    CHECK(directory.add(principal, std::move(keys)).ok());
  }
  return std::make_shared<const LabKeys>(
      LabKeys{std::move(topology), std::move(directory), std::move(servers), std::move(clients)});
}

}  // namespace garrison::lab
