#include "apps/server/wan_setup.h"

#include <algorithm>
#include <utility>

#include "apps/server/link_setup.h"
#include "control/config/net_address.h"
#include "crypto/agreement.h"
#include "dataplane/link/wide_config.h"

namespace garrison::server {

namespace {

// What windows are made for where the topology limits nothing.
constexpr std::uint64_t kUnlimitedBytesPerSecond = 12'500'000;
// Of a round trip whose length the topology does not say.
constexpr Duration kLongestRoundTrip = milliseconds(200);
constexpr std::uint64_t kBitsPerByte = 8;
// By how much servers of a site are apart in making the same link message, and verifying a part.
constexpr Duration kHubSkew = milliseconds(20);

// An equal share of what so many send.
std::uint64_t share_of(const std::optional<config::BitRate>& rate, std::size_t senders) {
  return rate.has_value() ? std::max<std::uint64_t>(rate->bits_per_s / kBitsPerByte / senders, 1) : 0;
}

// What one server of a site may send to all others. Over blink links one server may be all that sends.
std::uint64_t rate_of_server(const config::Topology& topology, const config::SiteSettings& site) {
  const bool alone = !over(config::LinkKind::blink, topology, site.id).empty();
  return share_of(topology.wan.rate, alone ? 1 : site.n());
}

Duration round_trip_of(const config::WanPair& pair) {
  return pair.delay > Duration() ? pair.delay * 2 : kLongestRoundTrip;
}

link::ChannelConfig channel_config(const config::Topology& topology, const config::SiteSettings& site,
                                   const config::WanPair& pair) {
  const bool alone = pair.kind == config::LinkKind::blink;
  const std::uint64_t rate = std::max(share_of(pair.rate, alone ? 1 : site.n()),
                                      share_of(topology.wan.rate, alone ? topology.sites.size() - 1 : site.n()));
  const Duration round_trip = round_trip_of(pair);
  return link::wide_channel_config({.bytes_per_s = rate == 0 ? kUnlimitedBytesPerSecond / (alone ? 1 : site.n()) : rate,
                                    .round_trip = round_trip,
                                    .jitter = round_trip / 4,
                                    .ip_bytes = topology.wan.link.ip_mtu,
                                    .lossy = topology.wan.link.lossy});
}

// Of a link on the hub. Where one way takes unknown time, it is taken for long.
WanSite::Hub hub_config(const config::Topology& topology, const config::SiteSettings& site,
                        const config::SiteSettings& other, ServerId self) {
  const config::WanPair& pair = topology.wan_pair(site.id, other.id);
  const Duration round_trip = round_trip_of(pair);
  const link::PartCode out = link_plan(topology, site, other).code();
  const link::PartCode in = link_plan(topology, other, site).code();
  WanSite::Hub hub;
  hub.sender = {.parts = out.n,
                .needed = out.k,
                .index = static_cast<std::uint8_t>(self.index()),
                .requests_needed = other.f + 1,
                .local_timeout = topology.wan.hub_timeout,
                .longest_timeout = topology.wan.longest_hub_timeout,
                .request_gap = round_trip + round_trip / 2};
  if (pair.kind != config::LinkKind::hub_optimistic) {
    hub.sender.local_timeout.reset();  // hub-minimum-parts
    hub.sender.longest_timeout.reset();
  }
  if (pair.kind == config::LinkKind::hub_immediate) hub.sender.local_timeout = Duration();
  hub.receiver = {.parts = in.n, .needed = in.k, .faulty = other.f};
  hub.receiver.request_after = hub_request_after(topology, pair);
  hub.receiver.max_request_after = std::max(hub.receiver.request_after, round_trip) * 4;
  for (const config::ServerSettings& server : other.servers) {
    hub.servers.push_back({.secret = {server.id, {}}, .address = config::net_address(*server.wan)});
  }
  return hub;
}

// Everything but the secrets.
std::vector<WanSite> sites_without_secrets(const config::Topology& topology, const config::SiteSettings& site,
                                           ServerId self) {
  std::vector<WanSite> sites;
  for (const config::SiteSettings& other : topology.sites) {
    if (other.id == site.id) continue;
    WanSite remote{
        .site = other.id, .channel = channel_config(topology, site, topology.wan_pair(site.id, other.id)), .peers = {}};
    const site::LinkPlan plan = link_plan(topology, site, other);
    const ServerSet peers = plan.peers(self);
    if (plan.on_hub()) remote.hub = hub_config(topology, site, other, self);
    for (const config::ServerSettings& peer : other.servers) {
      if (!peers.contains(peer.id)) continue;
      remote.peers.push_back({.secret = {peer.id, {}}, .address = config::net_address(*peer.wan)});
    }
    if (!remote.peers.empty()) sites.push_back(std::move(remote));
  }
  return sites;
}

}  // namespace

// Parts of one message come as far apart as paths and what waits at their senders vary; the second set's timeout allows
// for the latter, whether or not there is a second set that waits.
Duration hub_request_after(const config::Topology& topology, const config::WanPair& pair) {
  const Duration longest = topology.wan.longest_hub_timeout.value_or(topology.wan.hub_timeout);
  return longest + round_trip_of(pair) / 8 + kHubSkew;
}

Result<WanConfig> make_wan_config(const config::Topology& topology, const config::SiteSettings& site, ServerId self,
                                  Incarnation incarnation, bool udp_checksum, const crypto::KeyDirectory& directory,
                                  const crypto::SecretBytes& agreement) {
  const config::WanPortSettings& port = *site.servers[self.index()].wan;
  WanConfig config{.system = topology.system,
                   .site = site.id,
                   .self = self,
                   .incarnation = incarnation,
                   .address = config::net_address(port),
                   .pacing = {.bytes_per_s = rate_of_server(topology, site)},
                   .sites = sites_without_secrets(topology, site, self),
                   .udp_checksum = udp_checksum,
                   .adaptive_sets = topology.wan.adaptive_sets};
  for (WanSite& remote : config.sites) {
    std::vector<WanSite::Peer*> peers;
    for (WanSite::Peer& peer : remote.peers) peers.push_back(&peer);
    if (remote.hub.has_value()) {
      for (WanSite::Peer& peer : remote.hub->servers) peers.push_back(&peer);
    }
    for (WanSite::Peer* each : peers) {
      WanSite::Peer& peer = *each;
      if (port.gateway.has_value()) peer.address.mac = *port.gateway;
      const crypto::PublicKeys* keys = directory.find(crypto::Principal::server(remote.site, peer.secret.server));
      const std::string& name = topology.site(remote.site).servers[peer.secret.server.index()].name;
      if (keys == nullptr) {
        return Error{"no public key of server " + name + "; run: garrison check TOPOLOGY --keys DIR"};
      }
      Result<crypto::SecretBytes> shared = crypto::agree(agreement, keys->agreement);
      if (!shared) return Error{"agreement key of server " + name + ": " + shared.error().message};
      peer.secret.shared = std::move(shared).value();
    }
  }
  return config;
}

std::size_t wan_receive_slots(const config::Topology& topology, SiteId site, ServerId self) {
  if (topology.sites.size() == 1) return 0;
  const std::vector<WanSite> sites = sites_without_secrets(topology, topology.site(site), self);
  return sites.empty() ? 0 : slots_of(plan_wan_receive_slab(sites).classes);
}

}  // namespace garrison::server
