#include "apps/forwarder/forwarder_setup.h"

#include <fmt/format.h>

#include <utility>

#include "control/config/names.h"
#include "control/config/net_address.h"
#include "crypto/agreement.h"

namespace garrison::forwarder {

namespace {

Result<crypto::SecretBytes> share_with(crypto::Principal other, const crypto::KeyDirectory& directory,
                                       const crypto::PrivateBundle& bundle) {
  const crypto::PublicKeys* const keys = directory.find(other);
  const std::string name = config::principal_name(other);
  if (keys == nullptr) return Error{"no public key of " + name + "; run: garrison check TOPOLOGY --keys DIR"};
  Result<crypto::SecretBytes> shared = crypto::agree(bundle.agreement, keys->agreement);
  if (!shared) return Error{"agreement key of " + name + ": " + shared.error().message};
  return shared;
}

// The topology's parser has seen to it that others have ports where there is no router.
WideFramesConfig frames_config(const config::Topology& topology, const Setup& setup) {
  const config::WanPortSettings& own = *setup.settings.wan_port;
  WideFramesConfig config{.address = config::net_address(own),
                          .peers = {},
                          .pacing = {.bytes_per_s = setup.bytes_per_s},
                          .udp_checksum = own.port != config::PortSettings::Port::inproc};
  for (const Setup::Address& peer : setup.addresses) {
    const config::ForwarderSettings& other =
        topology.site(peer.id.site).forwarders[peer.id.role == Role::primary ? 0 : 1];
    config::PortSettings there;
    if (other.wan_port.has_value()) {
      there = *other.wan_port;
    } else {
      there.ip = other.wan.ip;
      there.udp_port = other.wan.port;
    }
    const bool beside = peer.id.site == setup.self.site && other.wan_port.has_value();
    if (own.gateway.has_value() && !beside) there.mac = *own.gateway;
    config.peers.emplace(peer.id, config::net_address(there));
  }
  return config;
}

}  // namespace

Result<Setup> make_setup(const config::Topology& topology, const crypto::KeyDirectory& directory,
                         const crypto::PrivateBundle& bundle, Incarnation incarnation, const Limits& limits) {
  CHECK(bundle.self.kind == crypto::Principal::Kind::forwarder && topology.has(bundle.self));
  const config::SiteSettings& site = topology.site(bundle.self.site);
  Setup setup;
  setup.system = topology.system;
  setup.self = {site.id, bundle.self.index == 0 ? Role::primary : Role::backup};
  setup.name = config::principal_name(bundle.self);
  setup.settings = site.forwarders[bundle.self.index];
  if (topology.wan.rate.has_value()) setup.bytes_per_s = topology.wan.rate->bits_per_s / 8;
  const std::size_t threshold = limits.threshold == 0 ? site.f + 1 : limits.threshold;
  if (threshold <= site.f || threshold > site.n() - site.f) {
    return Error{fmt::format("{} copies before a message is sent: site {} has f = {}, so write {} to {}", threshold,
                             site.name, site.f, site.f + 1, site.n() - site.f)};
  }
  setup.forwarder = {.role = setup.self.role,
                     .local = {.n = site.n(), .f = site.f, .threshold = threshold, .window = limits.window},
                     .remote = {.n = site.n(),
                                .f = site.f,
                                .collect_after = site.f + 1,
                                .sites = topology.sites.size(),
                                .queue = limits.queue}};
  setup.wide = {.system = topology.system,
                .self = setup.self,
                .incarnation = incarnation,
                .ip_mtu = topology.wan.link.ip_mtu,
                .peers = {}};
  for (const config::ServerSettings& server : site.servers) {
    auto shared = share_with(crypto::Principal::server(site.id, server.id), directory, bundle);
    if (!shared) return shared.error();
    setup.servers.push_back(std::move(shared).value());
  }
  for (const config::SiteSettings& other : topology.sites) {
    for (std::uint32_t i = 0; i < other.forwarders.size(); ++i) {
      const crypto::Principal principal = crypto::Principal::forwarder(other.id, i);
      if (principal == bundle.self) continue;
      auto shared = share_with(principal, directory, bundle);
      if (!shared) return shared.error();
      const ForwarderId id{other.id, i == 0 ? Role::primary : Role::backup};
      setup.wide.peers.push_back({id, std::move(shared).value()});
      setup.addresses.push_back({id, other.forwarders[i].wan});
    }
  }
  if (setup.settings.wan_port.has_value()) setup.frames = frames_config(topology, setup);
  return setup;
}

}  // namespace garrison::forwarder
