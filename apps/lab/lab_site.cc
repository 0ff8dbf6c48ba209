#include "apps/lab/lab_site.h"

#include <utility>

#include "apps/server/link_setup.h"
#include "apps/server/wan_setup.h"
#include "control/config/names.h"

namespace garrison::lab {

LabSite::LabSite(EventQueue& events, std::shared_ptr<const LabKeys> keys, const LabSiteOptions& options)
    : events_(events),
      keys_(std::move(keys)),
      site_(options.site),
      rng_(options.seed),
      network_(
          events, keys_->topology.site(site_).n(), rng_.next(),
          [this](ServerId to, ByteView frame) { hosts_[to.index()]->on_frame(frame); },
          [this](ServerId server) { hosts_[server.index()]->schedule_pass(events_.now()); }),
      checkers_(keys_->topology.site(site_).n(), site_,
                options.common == nullptr ? std::make_shared<CommonOrder>() : options.common),
      clients_(events, *keys_, site_, network_, hosts_, checkers_, rng_.next()) {
  if (options.attack != nullptr) checkers_.exclude(options.attack->faulty());
  if (options.byzantine) checkers_.exclude(ServerSet::all(keys_->topology.site(site_).n()));
  for (const crypto::PrivateBundle& bundle : keys_->servers_of(site_)) hosts_.push_back(make_host(bundle, options));
}

std::unique_ptr<Host> LabSite::make_host(const crypto::PrivateBundle& bundle, const LabSiteOptions& options) {
  const config::SiteSettings& site = keys_->topology.site(site_);
  const ServerId id(static_cast<std::uint16_t>(bundle.self.index));
  server::ServerOptions server_options{.site = site_, .self = id, .incarnation = Incarnation(1), .udp_checksum = false};
  server_options.wrap_core = [&](std::unique_ptr<ordering::OrderingCore> core) {
    if (options.attack != nullptr && options.attack->faulty().contains(id)) {
      return options.attack->corrupt(id, std::move(core));
    }
    return options.watcher == nullptr ? std::move(core) : watch(std::move(core), id, *options.watcher);
  };
  if (adversary::SiteLiar* const liar = options.liar ? options.liar(id) : nullptr; liar != nullptr) {
    ServerSet faulty = checkers_.faulty();
    checkers_.exclude(faulty.insert(id));
    server_options.tamper = [liar](Instant now, site::Member::Outputs& outputs) { liar->tamper(now, outputs); };
    server_options.wrap_signer = [liar](std::unique_ptr<crypto::ThresholdSigner> signer) {
      return liar->wrap(std::move(signer));
    };
  }
  const auto add_liar = [&](auto* liar) {
    if (liar == nullptr) return;
    ServerSet faulty = checkers_.faulty();
    checkers_.exclude(faulty.insert(id));
    server_options.tamper = [liar, other = server_options.tamper](Instant now, site::Member::Outputs& outputs) {
      if (other) other(now, outputs);
      liar->tamper(now, outputs);
    };
  };
  if (options.hub_liar) add_liar(options.hub_liar(id));
  if (options.blink_liar) add_liar(options.blink_liar(id));
  if (options.wrap_global) {
    server_options.wrap_global_core = [&](std::unique_ptr<ordering::OrderingCore> core) {
      return options.wrap_global(id, std::move(core));
    };
  }
  const auto make_queue = []<typename T>(std::size_t capacity, server::Part) -> std::unique_ptr<Queue<T>> {
    return std::make_unique<PlainQueue<T>>(capacity);
  };
  server::Queues queues = server::make_queues(site.n(), make_queue);
  server::add_wan_queues(queues, server::wan_receive_slots(keys_->topology, site_, id), make_queue);
  const ServerSet over = server::over_forwarders(keys_->topology, site_);
  if (!over.empty()) server::add_forwarder_queues(queues, server::bundle_slots(over), make_queue);
  Result<std::unique_ptr<server::Server>> made =
      server::Server::make(keys_->topology, keys_->directory, bundle, server_options, std::move(queues));
  if (!made) check_failed(made.error().message.c_str(), __FILE__, __LINE__);
  made.value()->control().set_observer(&checkers_.observer(id));

  Host::Config config{.id = id, .hop = options.hop, .costs = options.costs, .macs = {}, .wan = options.wan};
  config.on_wan_port = options.on_wan_port;
  config.station = StationId(static_cast<std::uint16_t>(options.first_station + id.index()));
  for (const config::SiteSettings& each : keys_->topology.sites) {
    for (const config::ServerSettings& server : each.servers) {
      if (server.wan.has_value()) config.wan_macs.push_back(server.wan->mac);
    }
    config.wan_macs.resize(config.wan_macs.size() + each.forwarders.size());  // no server sends to them there
  }
  if (options.presented) config.presented = [presented = options.presented, id] { presented(id); };
  for (const config::ServerSettings& peer : site.servers) config.macs.push_back(peer.lan.mac);
  return std::make_unique<Host>(events_, network_, config, std::move(made).value(),
                                [this, id](Instant at, server::SessionId session, ByteView message) {
                                  clients_.reply(at, id, session, message);
                                });
}

void LabSite::start(ServerSet late) {
  late.for_each([this](ServerId server) { crash(server); });
  // Machines do not come up in the same instant.
  for (const auto& host : hosts_) {
    host->schedule_pass(events_.now() + microseconds(static_cast<std::int64_t>(rng_.below(2'000))));
  }
}

void LabSite::join(ServerId server) {
  network_.join(server);
  hosts_[server.index()]->join();
}

void LabSite::crash(ServerId server) {
  hosts_[server.index()]->crash();
  network_.crash(server);
}

bool LabSite::caught_up() const {
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    const ServerId id(static_cast<std::uint16_t>(i));
    if (counts(i) && checkers_.executed(id) != checkers_.agreed()) return false;
  }
  return true;
}

std::optional<std::string> LabSite::state_difference() const {
  std::optional<Digest> first;
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    if (!counts(i)) continue;
    const Digest digest = hosts_[i]->server().control().executor().state_digest();
    if (!first.has_value()) first = digest;
    if (*first != digest) {
      return "agreement: the state of " + config::server_name(site_, ServerId(static_cast<std::uint16_t>(i))) +
             " differs";
    }
  }
  return std::nullopt;
}

std::optional<Digest> LabSite::state() const {
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    if (counts(i)) return hosts_[i]->server().control().executor().state_digest();
  }
  return std::nullopt;
}

std::optional<std::string> LabSite::false_accusation() const {
  std::optional<std::string> accusation;
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    if (!counts(i)) continue;
    hosts_[i]->server().control().core().status().blacklist.for_each([&](ServerId other) {
      if (checkers_.faulty().contains(other)) return;
      accusation = "blame: " + config::server_name(site_, ServerId(static_cast<std::uint16_t>(i))) +
                   " has blacklisted " + config::server_name(site_, other) + ", which is correct";
    });
  }
  return accusation;
}

std::optional<std::string> LabSite::accounts_difference() const {
  const NetworkCounts& counts = network_.counts();
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  for (const auto& host : hosts_) {
    sent += host->server().lan().frames_sent();
    received += host->server().lan().frames_received() + host->frames_waiting() + host->frames_overrun();
  }
  if (counts.sent != sent) return "accounts: servers and network differ on the frames sent";
  if (counts.delivered != received) return "accounts: servers and network differ on the frames delivered";
  if (!counts.balanced()) return "accounts: frames sent are not frames delivered and named losses";
  return std::nullopt;
}

}  // namespace garrison::lab
