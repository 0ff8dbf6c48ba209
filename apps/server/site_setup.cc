#include "apps/server/site_setup.h"

#include <utility>

#include "apps/server/link_setup.h"
#include "apps/server/ordering_setup.h"
#include "control/config/timing.h"
#include "control/prime/prime.h"

namespace garrison::server {

namespace {

// A PO-REQUEST of the global protocol fits a link message.
constexpr std::size_t kGlobalRequestBytes = 40 * 1024;

site::MachineConfig machine_config(const config::Topology& topology, const config::SiteSettings& site,
                                   const message::Envelope& envelope) {
  site::MachineConfig config;
  config.envelope = envelope;
  config.servers = site.n();
  config.faulty = site.f;
  config.sites = topology.sites.size();
  config.clock_bound = topology.global.clock_bound;
  config.sign_period = topology.global.sign_period;
  if (topology.global.hurry_rate.has_value()) config.hurry_bytes_per_s = topology.global.hurry_rate->bits_per_s / 8;
  config.sender.envelope = envelope;
  config.sender.sites = topology.sites.size();
  config.sender.over_forwarders = over_forwarders(topology, site.id);
  config.sender.over_blink = over(config::LinkKind::blink, topology, site.id);
  config.pairs.timeout = topology.wan.blink_timeout;
  config.pairs.pairs.resize(topology.sites.size());
  for (const config::SiteSettings& other : topology.sites) {
    config.links.push_back(other.id == site.id ? std::nullopt : std::optional(link_plan(topology, site, other)));
  }
  config.receiver.self = site.id;
  config.receiver.sites = topology.sites.size();
  for (const config::SiteSettings& other : topology.sites) {
    if (other.id == site.id) continue;
    config.receiver.sources.push_back({other.id, link_plan(topology, other, site)});
    const site::LinkPlan plan = link_plan(topology, site, other);
    if (plan.blink()) config.pairs.pairs[other.id.index()] = plan.pairs().count();
  }
  config.inquiries.envelope = envelope;
  for (const config::SiteSettings& from : topology.sites) {
    config.inquiries.faulty.push_back(from.f);
    auto& plans = config.inquiries.plans.emplace_back();
    for (const config::SiteSettings& to : topology.sites) {
      plans.push_back(from.id == to.id ? std::nullopt : std::optional(link_plan(topology, from, to)));
    }
  }
  return config;
}

site::MemberConfig member_config(const config::Topology& topology, const config::SiteSettings& site, ServerId self) {
  site::MemberConfig config;
  config.envelope = {topology.system, crypto::Principal::server(site.id, self), topology.crypto.epoch};
  config.self = self;
  config.n = site.n();
  config.f = site.f;
  config.tick_period = topology.global.site_clock_tick;
  config.tick_rest = topology.global.site_clock_rest;
  config.takeover = config::local_ordering_bound(topology.prime) * 2;
  for (const config::SiteSettings& other : topology.sites) {
    config.links.push_back(other.id == site.id ? std::nullopt : std::optional(link_plan(topology, site, other)));
  }
  return config;
}

}  // namespace

Result<SiteSetup> make_site_setup(const config::Topology& topology, const crypto::KeyDirectory& directory,
                                  const crypto::PrivateBundle& bundle) {
  if (topology.local_protocol != config::LocalProtocol::prime) {
    return Error{"sites among others order events, which only prime does yet; write local = \"prime\""};
  }
  const config::SiteSettings& site = topology.site(bundle.self.site);
  const ServerId self(static_cast<std::uint16_t>(bundle.self.index));
  const std::string who = "server " + site.servers[self.index()].name;

  const auto kind = crypto::SiteKeyKind::one_correct;
  const crypto::ThresholdPublicKey* key = directory.find_site_key({site.id, kind});
  const auto secret = bundle.site_secrets.find(kind);
  if (key == nullptr || secret == bundle.site_secrets.end()) {
    return Error{"no threshold key of site " + site.name + "; run: garrison check TOPOLOGY --keys DIR"};
  }
  Result<std::unique_ptr<crypto::ThresholdSigner>> signer = crypto::make_signer(*key, self, secret->second);
  if (!signer) return Error{"threshold key of " + who + ": " + signer.error().message};
  Result<std::unique_ptr<crypto::ShareCombiner>> combiner = crypto::make_combiner(*key);
  if (!combiner) return Error{"threshold key of site " + site.name + ": " + combiner.error().message};

  const message::Envelope envelope{topology.system, crypto::Principal::of_site(site.id), topology.crypto.epoch};
  prime::PrimeConfig core = prime_config(topology.global.prime, envelope, topology.sites.size(), topology.global.f);
  core.max_request_bytes = kGlobalRequestBytes;
  core.clock_step = topology.global.site_clock_rest;
  if (Result<void> fit = prime::check(core); !fit) return Error{"[global]: " + fit.error().message};

  SiteSetup setup;
  setup.machine = machine_config(topology, site, envelope);
  setup.transfer = transfer_config(core);
  setup.core = std::make_unique<prime::Prime>(core);
  setup.member = member_config(topology, site, self);
  setup.member.scheme = key->scheme;
  setup.combiner = std::move(combiner).value();
  setup.signer = std::move(signer).value();
  return setup;
}

}  // namespace garrison::server
