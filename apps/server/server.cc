#include "apps/server/server.h"

#include <algorithm>

#include "control/bft/bft.h"
#include "control/config/names.h"
#include "control/prime/prime.h"
#include "control/service/service.h"
#include "crypto/agreement.h"

namespace garrison::server {

namespace {

prime::PrimeConfig prime_config(const config::Topology& topology, const config::SiteSettings& site, ServerId self) {
  const config::PrimeSettings& settings = topology.prime;
  prime::PrimeConfig config;
  config.envelope = {topology.system, crypto::Principal::server(site.id, self), topology.crypto.epoch};
  config.self = self;
  config.n = site.n();
  config.f = site.f;
  config.eager = settings.eager;
  config.po_period = settings.po_request_period;
  config.summary_period = settings.po_summary_period;
  config.matrix_period = settings.summary_matrix_period;
  config.preprepare_period = settings.pre_prepare_period;
  config.retransmit_period = settings.retransmit_period;
  config.k_lat = settings.k_lat;
  config.delta_pp = settings.delta_pp;
  config.tat_measure_period = settings.tat_measure_period;
  config.rtt_ping_period = settings.rtt_ping_period;
  config.recon_delay = settings.reconciliation_delay;
  config.max_updates_per_request = settings.max_updates_per_request;
  config.ack_window_requests = settings.preorder_window;
  config.global_window = settings.ordering_window;
  config.kept_requests = config.kept_sequences = settings.kept_window;
  config.checkpoint_interval = settings.checkpoint_interval;
  return config;
}

// For the ordering core that `core` configures.
template <typename CoreConfig>
state_transfer::TransferConfig transfer_config(const CoreConfig& core) {
  state_transfer::TransferConfig config;
  config.envelope = core.envelope;
  config.self = core.self;
  config.n = core.n;
  config.f = core.f;
  config.checkpoint_interval = core.checkpoint_interval;
  config.stall = std::max(config.stall, core.retransmit_period * 5);  // repair comes first
  return config;
}

bft::BftConfig bft_config(const config::Topology& topology, const config::SiteSettings& site, ServerId self) {
  const config::BftSettings& settings = topology.bft;
  bft::BftConfig config;
  config.envelope = {topology.system, crypto::Principal::server(site.id, self), topology.crypto.epoch};
  config.self = self;
  config.n = site.n();
  config.f = site.f;
  config.timeout = settings.timeout;
  config.keep_timeout = settings.keep_timeout;
  config.retransmit_period = settings.retransmit_period;
  config.max_updates_per_batch = settings.max_updates_per_batch;
  config.pipeline = settings.pipeline;
  config.checkpoint_interval = settings.checkpoint_interval;
  config.window = settings.window;
  config.kept_sequences = settings.kept_window;
  return config;
}

struct Ordering {
  std::unique_ptr<ordering::OrderingCore> core;
  state_transfer::TransferConfig transfer;  // that fits the core
};

// What the topology asks for.
Result<Ordering> make_ordering(const config::Topology& topology, const config::SiteSettings& site, ServerId self) {
  switch (topology.local_protocol) {
    case config::LocalProtocol::prime: {
      const prime::PrimeConfig config = prime_config(topology, site, self);
      if (Result<void> fit = prime::check(config); !fit) return fit.error();
      return Ordering{std::make_unique<prime::Prime>(config), transfer_config(config)};
    }
    case config::LocalProtocol::bft: {
      const bft::BftConfig config = bft_config(topology, site, self);
      if (Result<void> fit = bft::check(config); !fit) return fit.error();
      return Ordering{std::make_unique<bft::Bft>(config), transfer_config(config)};
    }
  }
  return Error{"no such local protocol"};
}

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
    const config::Ipv4Address& ip = peer.lan.ip;
    config.addresses.push_back({.mac = peer.lan.mac,
                                .ipv4 = static_cast<std::uint32_t>(ip[0]) << 24U |
                                        static_cast<std::uint32_t>(ip[1]) << 16U |
                                        static_cast<std::uint32_t>(ip[2]) << 8U | ip[3],
                                .udp_port = peer.lan.udp_port});
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

  Ordering ordering = std::move(made).value();
  if (options.wrap_core) ordering.core = options.wrap_core(std::move(ordering.core));

  std::unique_ptr<Server> server(new Server(server_name, options, std::move(queues)));
  Queues& q = server->queues_;
  server->control_ = std::make_unique<ControlPart>(
      ControlPart::Config{topology.system, options.site, options.self, topology.crypto.epoch}, std::move(ordering.core),
      std::make_unique<service::Executor>(std::move(service).value()), std::make_unique<NullStore>(), q,
      ordering.transfer);
  server->lan_ = std::make_unique<LanPart>(lan_config(topology, site, options), std::move(secrets).value(), q,
                                           server->control_->send_slab());
  server->client_ = std::make_unique<ClientPart>(
      ClientPart::Config{topology.system, options.site, options.self, topology.crypto.epoch}, bundle.agreement,
      directory, q, server->control_->reply_slab());
  server->crypto_ = std::make_unique<CryptoPart>(
      CryptoPart::Config{.system = topology.system,
                         .site = options.site,
                         .self = options.self,
                         .servers = site.n(),
                         .configured = topology.bft.authentication},
      directory, crypto::BatchSigner(topology.system, self, topology.crypto.epoch, std::move(key).value()), q,
      server->lan_->receive_slab(), server->client_->slab(), server->control_->send_slab());
  return server;
}

}  // namespace garrison::server
