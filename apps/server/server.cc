#include "apps/server/server.h"

#include "apps/server/link_setup.h"
#include "apps/server/ordering_setup.h"
#include "apps/server/wan_setup.h"
#include "control/config/names.h"
#include "control/config/net_address.h"
#include "control/service/service.h"
#include "crypto/agreement.h"

namespace garrison::server {

namespace {

Result<std::vector<link::PeerSecret>> peer_secrets(const config::SiteSettings& site, ServerId self,
                                                   const crypto::KeyDirectory& directory,
                                                   const crypto::SecretBytes& agreement) {
  std::vector<link::PeerSecret> secrets;
  for (const config::ServerSettings& peer : site.servers) {
    if (peer.id == self) continue;
    const crypto::PublicKeys* keys = directory.find(crypto::Principal::server(site.id, peer.id));
    if (keys == nullptr) {
      return Error{"no public key of server " + peer.name + "; run: garrison check TOPOLOGY --keys DIR"};
    }
    Result<crypto::SecretBytes> shared = crypto::agree(agreement, keys->agreement);
    if (!shared) return Error{"agreement key of server " + peer.name + ": " + shared.error().message};
    secrets.push_back({peer.id, std::move(shared).value()});
  }
  return secrets;
}

LanConfig lan_config(const config::Topology& topology, const config::SiteSettings& site, const ServerOptions& options) {
  LanConfig config{.system = topology.system,
                   .site = site.id,
                   .self = options.self,
                   .incarnation = options.incarnation,
                   .channel = {},
                   .addresses = {},
                   .udp_checksum = options.udp_checksum};
  config.channel.payload_bytes = topology.link.ip_mtu - kIpv4HeaderBytes - kUdpHeaderBytes;
  config.channel.timely_copies = topology.link.lossy ? 2 : 1;
  for (const config::ServerSettings& peer : site.servers) {
    config.addresses.push_back(config::net_address(peer.lan));
  }
  return config;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::make(const config::Topology& topology, const crypto::KeyDirectory& directory,
                                             const crypto::PrivateBundle& bundle, const ServerOptions& options,
                                             Queues queues) {
  const config::SiteSettings& site = topology.site(options.site);
  const std::string server_name = config::server_name(options.site, options.self);
  const crypto::Principal self = crypto::Principal::server(options.site, options.self);
  if (bundle.self != self || bundle.system != topology.system || bundle.epoch != topology.crypto.epoch) {
    return Error{"private key is not the one of " + server_name + " in system " + topology.name +
                 "; run: garrison check TOPOLOGY --keys DIR"};
  }
  Result<crypto::PrivateKey> key = crypto::PrivateKey::parse(bundle.scheme, bundle.signing);
  if (!key) return Error{"signing key of " + server_name + ": " + key.error().message};
  Result<std::vector<link::PeerSecret>> secrets = peer_secrets(site, options.self, directory, bundle.agreement);
  if (!secrets) return secrets.error();
  Result<std::unique_ptr<service::Service>> service =
      service::make_service(config::name(topology.service), {.hash_key = options.hash_key});
  if (!service) return service.error();
  Result<Ordering> made = make_ordering(topology, site, options.self);
  if (!made) return made.error();

  const bool among_others = topology.sites.size() > 1;
  std::optional<SiteSetup> setup;
  std::unique_ptr<crypto::ThresholdSigner> site_signer;
  if (among_others) {
    Result<SiteSetup> site_setup = make_site_setup(topology, directory, bundle);
    if (!site_setup) return site_setup.error();
    setup = std::move(site_setup).value();
    site_signer = std::move(setup->signer);
    if (options.wrap_signer) site_signer = options.wrap_signer(std::move(site_signer));
    if (options.wrap_global_core) setup->core = options.wrap_global_core(std::move(setup->core));
  }

  Ordering ordering = std::move(made).value();
  if (options.wrap_core) ordering.core = options.wrap_core(std::move(ordering.core));

  std::unique_ptr<Server> server(new Server(server_name, options, std::move(queues)));
  Queues& q = server->queues_;
  const ControlPart::Config control{topology.system, options.site, options.self, topology.crypto.epoch,
                                    topology.sites.size()};
  auto executor = std::make_unique<service::Executor>(std::move(service).value());
  auto store = std::make_unique<NullStore>();
  if (among_others) {
    server->control_ = std::make_unique<ControlPart>(control, std::move(ordering.core), std::move(*setup), directory,
                                                     std::move(executor), std::move(store), q, ordering.transfer);
  } else {
    server->control_ = std::make_unique<ControlPart>(control, std::move(ordering.core), std::move(executor),
                                                     std::move(store), q, ordering.transfer);
  }
  server->lan_ = std::make_unique<LanPart>(lan_config(topology, site, options), std::move(secrets).value(), q,
                                           server->control_->send_slab());
  server->client_ = std::make_unique<ClientPart>(
      ClientPart::Config{topology.system, options.site, options.self, topology.crypto.epoch, topology.sites.size()},
      bundle.agreement, directory, q, server->control_->reply_slab(), server->control_->queries().answer_slab());
  server->crypto_ = std::make_unique<CryptoPart>(
      CryptoPart::Config{.system = topology.system,
                         .site = options.site,
                         .self = options.self,
                         .servers = site.n(),
                         .configured = topology.bft.authentication},
      directory, crypto::BatchSigner(topology.system, self, topology.crypto.epoch, std::move(key).value()), q,
      server->lan_->receive_slab(), server->client_->slab(), server->control_->send_slab());
  if (among_others) {
    server->control_->set_tamper(options.tamper);
    Result<WanConfig> wan = make_wan_config(topology, site, options.self, options.incarnation, options.udp_checksum,
                                            directory, bundle.agreement);
    if (!wan) return wan.error();
    // On the naive link most servers of a site talk to no other.
    if (!wan.value().sites.empty()) {
      server->wan_ = std::make_unique<WanPart>(std::move(wan).value(), q.wan, server->control_->send_slab());
    }
    const Slab* const wan_slab = server->wan_ == nullptr ? nullptr : &server->wan_->receive_slab();
    server->crypto_->join_sites(topology.sites.size(), std::move(site_signer), wan_slab);
    if (const ServerSet over = over_forwarders(topology, site.id); !over.empty()) {
      server->forwarder_ = std::make_unique<ForwarderPart>(
          ForwarderPart::Config{{topology.system, self, topology.crypto.epoch}, over, site.forwarders.size()},
          q.forwarder, server->control_->send_slab());
      server->crypto_->join_forwarders(topology.sites.size(), server->forwarder_->receive_slab());
    }
  }
  return server;
}

}  // namespace garrison::server
