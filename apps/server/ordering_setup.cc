#include "apps/server/ordering_setup.h"

#include "control/bft/bft.h"
#include "control/prime/prime.h"

namespace garrison::server {

namespace {

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

}  // namespace

prime::PrimeConfig prime_config(const config::PrimeSettings& settings, const message::Envelope& envelope, std::size_t n,
                                std::size_t f) {
  prime::PrimeConfig config;
  config.envelope = envelope;
  config.self = ServerId(static_cast<std::uint16_t>(envelope.signer.place()));
  config.n = n;
  config.f = f;
  config.eager = settings.eager;
  config.flood_on_request = settings.flood_on_request;
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
  config.preprepare_pipeline = std::min(config.preprepare_pipeline, config.global_window);
  config.kept_requests = config.kept_sequences = settings.kept_window;
  config.checkpoint_interval = settings.checkpoint_interval;
  return config;
}

Result<Ordering> make_ordering(const config::Topology& topology, const config::SiteSettings& site, ServerId self) {
  switch (topology.local_protocol) {
    case config::LocalProtocol::prime: {
      const message::Envelope envelope{topology.system, crypto::Principal::server(site.id, self),
                                       topology.crypto.epoch};
      const prime::PrimeConfig config = prime_config(topology.prime, envelope, site.n(), site.f);
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

}  // namespace garrison::server
