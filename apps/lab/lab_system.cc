#include "apps/lab/lab_system.h"

#include <utility>

#include "control/config/names.h"

namespace garrison::lab {

namespace {

constexpr Duration kHubDelay = microseconds(5);           // from one port of a hub to the others
constexpr std::uint64_t kBitNanoseconds = 8'000'000'000;  // per byte and bit/s
constexpr Duration kOwnSiteDelay = microseconds(150);     // between the forwarders of one site

std::vector<std::pair<SiteId, ServerId>> all_stations(const config::Topology& topology) {
  std::vector<std::pair<SiteId, ServerId>> all;
  for (const config::SiteSettings& site : topology.sites) {
    for (std::size_t i = 0; i < site.n() + site.forwarders.size(); ++i) {
      all.emplace_back(site.id, ServerId(static_cast<std::uint16_t>(i)));
    }
  }
  return all;
}

}  // namespace

LabSystem::LabSystem(EventQueue& events, std::shared_ptr<const LabKeys> keys, const LabSystemOptions& options)
    : events_(events),
      keys_(std::move(keys)),
      who_(all_stations(keys_->topology)),
      uplink_bits_per_s_(keys_->topology.wan.rate.value_or(config::BitRate{}).bits_per_s),
      rng_(options.seed),
      wan_(
          events, who_.size(), rng_.next(),
          [this](StationId to, ByteView frame) {
            const auto& [site, server] = who_[to.index()];
            LabSite& at = *sites_[site.index()];
            if (server.index() >= at.size()) {
              return forwarders_[site.index()][server.index() - at.size()]->on_frame(frame);
            }
            if (!has_hub(site)) return at.on_wan_frame(server, frame);
            for (std::uint16_t i = 0; i < at.size(); ++i) at.on_wan_frame(ServerId(i), frame);
          },
          [this](StationId station) {
            const auto& [site, server] = who_[station.index()];
            LabSite& at = *sites_[site.index()];
            if (server.index() < at.size()) return at.wake(server);
            forwarders_[site.index()][server.index() - at.size()]->wake();
          }),
      forwarders_(keys_->topology.sites.size()),
      watched_(keys_->topology.sites.size()),
      closed_(keys_->topology.sites.size()) {
  const config::Topology& topology = keys_->topology;
  CHECK(topology.sites.size() > 1);
  std::vector<std::size_t> groups;
  std::size_t station = 0;
  for (const config::SiteSettings& site : topology.sites) {
    first_station_.push_back(station);
    groups.push_back(site.n() + site.forwarders.size());
    station += groups.back();
  }
  hubs_.resize(topology.sites.size());
  for (const config::WanPair& pair : topology.wan.pairs) {
    if (config::on_hub(pair.kind)) hubs_[pair.first.index()] = hubs_[pair.second.index()] = true;
  }
  wan_.set_egress({.bits_per_s = uplink_bits_per_s_, .fair = options.fair_uplinks}, groups);
  byzantine_ = options.false_witnesses;
  if (!options.attacks_on_sites.empty()) {
    options.attacks_on_sites.front()->faulty().for_each([this](ServerId site) { byzantine_.insert(site); });
  }
  links_ = std::make_unique<LinkCheckers>(common_, byzantine_);
  for (const config::SiteSettings& site : topology.sites) {
    LabSiteOptions one{.seed = rng_.next(), .hop = options.hop, .costs = options.costs};
    if (site.id.index() < options.attacks.size()) one.attack = options.attacks[site.id.index()];
    one.site = site.id;
    one.common = common_;
    one.wan = &wan_;
    one.first_station = first_station_[site.id.index()];
    one.presented = [this, id = site.id](ServerId server) {
      for (const auto& forwarder : forwarders_[id.index()]) forwarder->flush(server);
    };
    one.byzantine = byzantine_.contains(ServerId(site.id.value()));
    if (options.liar) one.liar = [&](ServerId server) { return options.liar(site.id, server); };
    if (has_hub(site.id) || options.hub_liar) {
      one.on_wan_port = [this](StationId from, StationId to, ByteView frame) { return on_wan_port(from, to, frame); };
    }
    if (options.hub_liar) {
      one.hub_liar = [&](ServerId server) {
        adversary::HubLiar* const liar = options.hub_liar(site.id, server);
        if (liar != nullptr) hub_liars_[this->station(site.id, server)] = liar;
        return liar;
      };
    }
    if (options.blink_liar) one.blink_liar = [&](ServerId server) { return options.blink_liar(site.id, server); };
    std::optional<ServerId> watched;
    if (one.byzantine && !options.attacks_on_sites.empty()) {
      one.wrap_global = [&](ServerId server, std::unique_ptr<ordering::OrderingCore> core) {
        return options.attacks_on_sites[server.index()]->corrupt(ServerId(site.id.value()), std::move(core));
      };
    }
    if (options.watcher != nullptr && !one.byzantine) {
      // The last one that has no part in any attack.
      for (const config::ServerSettings& server : site.servers) {
        const bool attacks = one.attack != nullptr && one.attack->faulty().contains(server.id);
        if (!attacks && !(options.is_liar && options.is_liar(site.id, server.id))) watched = server.id;
      }
      CHECK(watched.has_value());
      watched_[site.id.index()] = watched;
      one.wrap_global = [&, who = *watched](ServerId server, std::unique_ptr<ordering::OrderingCore> core) {
        return server == who ? watch(std::move(core), ServerId(site.id.value()), *options.watcher) : std::move(core);
      };
    }
    sites_.push_back(std::make_unique<LabSite>(events_, keys_, one));
    LabSite& made = *sites_.back();
    for (const config::ServerSettings& server : site.servers) {
      if (made.faulty().contains(server.id)) continue;
      made.server(server.id).control().machine()->on_closed = [this, id = site.id, who = server.id](
                                                                  std::uint64_t number, const Digest& fingerprint) {
        on_closed(id, who, number, fingerprint);
      };
      links_->watch(site.id, server.id, *made.server(server.id).control().machine());
    }
    if (options.false_witnesses.contains(ServerId(site.id.value()))) corrupt_links(made);
  }
  std::vector<ServerSet> faulty_of;
  for (const auto& site : sites_) faulty_of.push_back(site->faulty());
  links_->set_faulty(std::move(faulty_of));
  for (const config::SiteSettings& site : topology.sites) add_forwarders(site);
  set_delays();
}

void LabSystem::set_delays() {
  for (std::size_t a = 0; a < who_.size(); ++a) {
    for (std::size_t b = 0; b < who_.size(); ++b) {
      if (who_[a].first == who_[b].first) continue;
      const Duration delay = keys_->topology.wan_pair(who_[a].first, who_[b].first).delay;
      wan_.set_delay(StationId(static_cast<std::uint16_t>(a)), StationId(static_cast<std::uint16_t>(b)), delay,
                     delay / 20);
    }
  }
}

void LabSystem::add_forwarders(const config::SiteSettings& site) {
  std::vector<server::Server*> servers;
  for (const config::ServerSettings& server : site.servers)
    servers.push_back(&sites_[site.id.index()]->server(server.id));
  const auto station_of = [this](forwarder::ForwarderId id) {
    const std::size_t role = id.role == forwarder::Role::primary ? 0 : 1;
    const std::size_t index = keys_->topology.site(id.site).n() + role;
    return station(id.site, ServerId(static_cast<std::uint16_t>(index)));
  };
  for (const crypto::PrivateBundle& bundle : keys_->forwarders) {
    if (bundle.self.site != site.id) continue;
    Result<forwarder::Setup> setup =
        forwarder::make_setup(keys_->topology, keys_->directory, bundle, Incarnation(1), forwarder::Limits{});
    if (!setup) check_failed(setup.error().message.c_str(), __FILE__, __LINE__);
    LabSite* const at = sites_[site.id.index()].get();
    LabForwarder::Config config{
        .station = station_of(setup.value().self),
        .station_of = station_of,
        .to_own_site =
            [this](forwarder::ForwarderId id, const Bytes& datagram) {
              events_.schedule(events_.now() + kOwnSiteDelay, [this, id, datagram] {
                const std::size_t role = id.role == forwarder::Role::primary ? 0 : 1;
                forwarders_[id.site.index()].at(role)->on_datagram(datagram);
              });
            },
        .reaches = [at](ServerId server) { return !at->host(server).crashed() && !at->network().in_partition(server); },
        .wake = [at](ServerId server) { at->wake(server); },
        .report =
            [this](std::string violation) {
              if (!common_->violation.has_value()) common_->violation = std::move(violation);
            }};
    forwarders_[site.id.index()].push_back(
        std::make_unique<LabForwarder>(events_, wan_, std::move(setup).value(), std::move(config), servers));
  }
}

void LabSystem::corrupt_links(LabSite& site) {
  const config::Topology& topology = keys_->topology;
  for (const config::ServerSettings& server : topology.site(site.id()).servers) {
    adversary::FalseWitness& witness = witnesses_.emplace_back(
        message::Envelope{topology.system, crypto::Principal::of_site(site.id()), topology.crypto.epoch});
    site.server(server.id).control().machine()->corrupt(
        {[&witness](site::LogicalMachine& machine, const message::VerifiedMessage& event) {
          witness.on_event(machine, event);
        }});
  }
}

std::uint64_t LabSystem::false_witness_acts() const {
  std::uint64_t most = 0;
  for (const adversary::FalseWitness& witness : witnesses_) most = std::max(most, witness.acted());
  return most;
}

std::optional<std::string> LabSystem::too_many_failures() const {
  for (const config::SiteSettings& site : keys_->topology.sites) {
    for (const config::ServerSettings& server : site.servers) {
      LabSite& at = *sites_[site.id.index()];
      if (at.faulty().contains(server.id)) continue;
      const auto found = links_->too_many_failures(*at.server(server.id).control().machine(), site.f);
      if (found.has_value()) return config::server_name(site.id, server.id) + ": " + *found;
    }
  }
  return std::nullopt;
}

void LabSystem::start() {
  for (const auto& site : sites_) site->start();
  for (const auto& of_site : forwarders_) {
    for (const auto& forwarder : of_site) forwarder->start();
  }
}

void LabSystem::crash(SiteId site, ServerId server) {
  sites_[site.index()]->crash(server);
  if (!has_hub(site)) wan_.crash(station(site, server));  // what is addressed to it all others hear on a hub
}

bool LabSystem::on_wan_port(StationId from, StationId to, ByteView frame) {
  bool leaves = true;
  if (const auto liar = hub_liars_.find(from); liar != hub_liars_.end()) {
    const adversary::HubLiar::OnHub does = liar->second->on_frame(frame);
    for (const Bytes& other : does.before) {
      hear(from, other);
      wan_.send(from, to, other);
    }
    leaves = does.leaves;
    if (!does.again.has_value()) {
      if (const auto known = again_.find(from); known != again_.end()) known->second.frame.clear();
    } else if (uplink_bits_per_s_ > 0) {
      const auto [known, fresh] = again_.try_emplace(from, Again{to, *does.again});
      if (does.again->size() > known->second.frame.size()) known->second = {to, *does.again};
      if (fresh) fill_uplink(from);
    }
  }
  hear(from, frame);
  return leaves;
}

void LabSystem::fill_uplink(StationId from) {
  const auto& [to, frame] = again_.at(from);
  if (frame.empty()) {  // it behaves
    again_.erase(from);
    return;
  }
  hear(from, frame);
  wan_.send(from, to, frame);
  const std::uint64_t ns = frame.size() * kBitNanoseconds / uplink_bits_per_s_;
  events_.schedule(events_.now() + Duration(static_cast<std::int64_t>(ns)), [this, from] { fill_uplink(from); });
}

void LabSystem::hear(StationId from, ByteView frame) {
  const auto& [site, sender] = who_[from.index()];
  if (!has_hub(site)) return;
  events_.schedule(events_.now() + kHubDelay, [this, site = site, sender = sender, heard = to_bytes(frame)] {
    LabSite& here = *sites_[site.index()];
    for (std::uint16_t i = 0; i < here.size(); ++i) {
      if (ServerId(i) != sender) here.on_wan_frame(ServerId(i), heard);
    }
  });
}

std::uint64_t LabSystem::rotations() {
  std::uint64_t sum = 0;
  for (const auto& site : sites_) {
    if (byzantine_.contains(ServerId(site->id().value()))) continue;
    std::uint64_t most = 0;  // of a server that is up to date
    for (std::size_t i = 0; i < site->size(); ++i) {
      std::uint64_t known = 0;
      const auto& machine = *site->server(ServerId(static_cast<std::uint16_t>(i))).control().machine();
      for (const site::MachineStatus::Office& office : machine.status().offices) {
        if (!byzantine_.contains(ServerId(office.to.value()))) known += office.rotations;
      }
      most = std::max(most, known);
    }
    sum += most;
  }
  return sum;
}

server::HubCounts LabSystem::hub_counts() const {
  server::HubCounts sum;
  for (const auto& site : sites_) {
    for (std::uint16_t i = 0; i < site->size(); ++i) {
      const server::WanPart* const wan = site->server(ServerId(i)).wan();
      const auto one = wan == nullptr ? std::nullopt : wan->hub();
      if (one.has_value()) sum += *one;
    }
  }
  return sum;
}

StationSet LabSystem::stations(SiteId site) const {
  StationSet all;
  for (std::size_t i = 0; i < who_.size(); ++i) {
    if (who_[i].first == site) all.insert(StationId(static_cast<std::uint16_t>(i)));
  }
  return all;
}

void LabSystem::on_closed(SiteId site, ServerId server, std::uint64_t number, const Digest& fingerprint) {
  const auto [known, fresh] = closed_[site.index()].try_emplace(number, fingerprint);
  if (fresh || known->second == fingerprint || common_->violation.has_value()) return;
  common_->violation = "logical machine: " + config::server_name(site, server) + " closes batch " +
                       std::to_string(number) + " with other content than others of its site";
}

bool LabSystem::caught_up() const {
  for (const auto& site : sites_) {
    if (!site->caught_up()) return false;
  }
  return true;
}

std::optional<std::string> LabSystem::state_difference() const {
  std::optional<Digest> first;
  for (const auto& site : sites_) {
    if (auto difference = site->state_difference(); difference.has_value()) return difference;
    const std::optional<Digest> state = site->state();
    if (!state.has_value()) continue;
    if (!first.has_value()) first = state;
    if (*first != *state) return "agreement: the state of site " + config::site_name(site->id()) + " differs";
  }
  return std::nullopt;
}

std::size_t LabSystem::completed() const {
  std::size_t sum = 0;
  for (const auto& site : sites_) sum += site->clients().completed();
  return sum;
}

std::size_t LabSystem::wanted() const {
  std::size_t sum = 0;
  for (const auto& site : sites_) sum += site->clients().wanted();
  return sum;
}

}  // namespace garrison::lab
