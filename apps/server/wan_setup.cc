#include "apps/server/wan_setup.h"

#include <algorithm>
#include <utility>

#include "apps/server/link_setup.h"
#include "crypto/agreement.h"
#include "dataplane/link/wide_config.h"

namespace garrison::server {

namespace {

// What windows are made for where the topology limits nothing.
constexpr std::uint64_t kUnlimitedBytesPerSecond = 12'500'000;
// Of a round trip whose length the topology does not say.
constexpr Duration kLongestRoundTrip = milliseconds(200);
constexpr std::uint64_t kBitsPerByte = 8;

// What one server of a site may send: an equal share.
std::uint64_t share_of(const std::optional<config::BitRate>& rate, std::size_t servers) {
  return rate.has_value() ? std::max<std::uint64_t>(rate->bits_per_s / kBitsPerByte / servers, 1) : 0;
}

link::ChannelConfig channel_config(const config::Topology& topology, const config::SiteSettings& site,
                                   const config::WanPair& pair) {
  const std::uint64_t rate = std::max(share_of(pair.rate, site.n()), share_of(topology.wan.rate, site.n()));
  const Duration round_trip = pair.delay > Duration() ? pair.delay * 2 : kLongestRoundTrip;
  return link::wide_channel_config({.bytes_per_s = rate == 0 ? kUnlimitedBytesPerSecond / site.n() : rate,
                                    .round_trip = round_trip,
                                    .jitter = round_trip / 4,
                                    .ip_bytes = topology.wan.link.ip_mtu,
                                    .lossy = topology.wan.link.lossy});
}

// Everything but the secrets.
std::vector<WanSite> sites_without_secrets(const config::Topology& topology, const config::SiteSettings& site,
                                           ServerId self) {
  std::vector<WanSite> sites;
  for (const config::SiteSettings& other : topology.sites) {
    if (other.id == site.id) continue;
    WanSite remote{
        .site = other.id, .channel = channel_config(topology, site, topology.wan_pair(site.id, other.id)), .peers = {}};
    // Who sends to whom is the same in both directions.
    const std::vector<site::LinkPlan::Duty> duties = link_plan(topology, site, other).duties(self);
    for (const config::ServerSettings& peer : other.servers) {
      const bool talks = std::ranges::any_of(duties, [&](const auto& duty) { return duty.to == peer.id; });
      if (!talks) continue;
      remote.peers.push_back({.secret = {peer.id, {}}, .address = net_address(*peer.wan)});
    }
    if (!remote.peers.empty()) sites.push_back(std::move(remote));
  }
  return sites;
}

}  // namespace

Result<WanConfig> make_wan_config(const config::Topology& topology, const config::SiteSettings& site, ServerId self,
                                  Incarnation incarnation, bool udp_checksum, const crypto::KeyDirectory& directory,
                                  const crypto::SecretBytes& agreement) {
  const config::WanPortSettings& port = *site.servers[self.index()].wan;
  WanConfig config{.system = topology.system,
                   .site = site.id,
                   .self = self,
                   .incarnation = incarnation,
                   .address = net_address(port),
                   .pacing = {.bytes_per_s = share_of(topology.wan.rate, site.n())},
                   .sites = sites_without_secrets(topology, site, self),
                   .udp_checksum = udp_checksum};
  for (WanSite& remote : config.sites) {
    for (WanSite::Peer& peer : remote.peers) {
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
