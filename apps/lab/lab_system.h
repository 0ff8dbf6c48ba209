// Several sites in virtual time, joined by a modelled wide-area network: every server of every site is the Server that
// a node runs, on a modelled machine.
//
// Beside the checkers that each execution is held to (checkers.h, one common order for all sites), the servers of a
// correct site must close the same outgoing batches: else their site would say two things.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/adversary/false_witness.h"
#include "apps/lab/lab_forwarder.h"
#include "apps/lab/lab_site.h"
#include "apps/lab/link_checkers.h"

namespace garrison::lab {

struct LabSystemOptions {
  std::uint64_t seed = 1;
  Duration hop = microseconds(20);
  const CostTable* costs = nullptr;
  std::vector<const adversary::Attack*> attacks{};  // by site, on its servers; null or absent: all are correct
  // By ServerId, on cores of the protocol among sites: what the servers of a faulty site say alike, each by an attack
  // of its own made with the same seed. Empty: every site is correct.
  std::vector<const adversary::Attack*> attacks_on_sites{};
  std::function<bool(SiteId, ServerId)> is_liar{};
  std::function<adversary::SiteLiar*(SiteId, ServerId)> liar{};     // of those; as LabSiteOptions has it
  std::function<adversary::HubLiar*(SiteId, ServerId)> hub_liar{};  // likewise; they outlive it
  std::function<adversary::BlinkLiar*(SiteId, ServerId)> blink_liar{};
  bool fair_uplinks = false;  // each server has its share of its site's (egress.h)
  // Sites all of whose servers are false witnesses on their links, by number; they are faulty as wholes, too.
  ServerSet false_witnesses{};
  CoreWatcher* watcher = nullptr;  // of the cores among sites, at one correct server of each correct site; outlives it
};

class LabSystem {
 public:
  // Of a topology of several sites. Attacks are read here, and outlive it.
  LabSystem(EventQueue& events, std::shared_ptr<const LabKeys> keys, const LabSystemOptions& options);

  void start();
  void crash(SiteId site, ServerId server);

  [[nodiscard]] std::size_t size() const { return sites_.size(); }
  [[nodiscard]] LabSite& site(SiteId id) { return *sites_[id.index()]; }
  [[nodiscard]] Network& wan() { return wan_; }
  [[nodiscard]] StationId station(SiteId site, ServerId server) const {
    return StationId(static_cast<std::uint16_t>(first_station_[site.index()] + server.index()));
  }
  // Whose core among sites LabSystemOptions::watcher watches; none in a faulty site.
  [[nodiscard]] std::optional<ServerId> watched(SiteId site) const { return watched_[site.index()]; }
  // Of the blink links between correct sites, how often their next pair was elected.
  [[nodiscard]] std::uint64_t rotations();
  // What the hub links of all servers did.
  [[nodiscard]] server::HubCounts hub_counts() const;
  // Of a site, the primary first; none where no link goes over them.
  [[nodiscard]] std::vector<std::unique_ptr<LabForwarder>>& forwarders(SiteId site) {
    return forwarders_[site.index()];
  }
  [[nodiscard]] SiteId site_of(StationId station) const { return who_[station.index()].first; }
  [[nodiscard]] bool is_forwarder(StationId station) const {
    const auto& [site, place] = who_[station.index()];
    return place.index() >= sites_[site.index()]->size();
  }
  // The servers and forwarders of a site, on the wide-area network.
  [[nodiscard]] StationSet stations(SiteId site) const;

  [[nodiscard]] const LinkCheckers& links() const { return *links_; }
  // What the false witnesses did, by one server of each such site.
  [[nodiscard]] std::uint64_t false_witness_acts() const;
  // Decoding failed more often than it may at a correct server.
  [[nodiscard]] std::optional<std::string> too_many_failures() const;

  [[nodiscard]] std::optional<std::string> violation() const { return common_->violation; }
  [[nodiscard]] const CommonOrder& common() const { return *common_; }
  // Every correct server of a correct site has executed the whole common order.
  [[nodiscard]] bool caught_up() const;
  [[nodiscard]] std::optional<std::string> state_difference() const;
  [[nodiscard]] std::size_t completed() const;  // by clients
  [[nodiscard]] std::size_t wanted() const;

 private:
  void corrupt_links(LabSite& site);
  // A frame leaves its sender's wide-area port. Whether it goes on to the wide area.
  bool on_wan_port(StationId from, StationId to, ByteView frame);
  // On the hub of its sender's site, if it has one, all others there hear a frame.
  void hear(StationId from, ByteView frame);
  // A greedy server sends its largest frame so far as often as its site's uplink alone could.
  void fill_uplink(StationId from);
  [[nodiscard]] bool has_hub(SiteId site) const { return hubs_[site.index()]; }
  void add_forwarders(const config::SiteSettings& site);
  void set_delays();
  void on_closed(SiteId site, ServerId server, std::uint64_t number, const Digest& fingerprint);

  EventQueue& events_;
  std::shared_ptr<const LabKeys> keys_;
  std::shared_ptr<CommonOrder> common_ = std::make_shared<CommonOrder>();
  std::vector<std::size_t> first_station_;        // by SiteId
  std::vector<std::pair<SiteId, ServerId>> who_;  // by StationId; forwarders come after their site's servers
  ServerSet byzantine_;                           // sites
  std::vector<bool> hubs_;                        // by SiteId: its wide-area ports are on one
  std::map<StationId, adversary::HubLiar*> hub_liars_;
  struct Again {
    StationId to;
    Bytes frame;
  };
  std::map<StationId, Again> again_;  // by greedy server; without a frame when it is to end
  std::uint64_t uplink_bits_per_s_;   // of each site; 0: no limit
  Rng rng_;
  Network wan_;
  std::vector<std::unique_ptr<LabSite>> sites_;
  std::vector<std::vector<std::unique_ptr<LabForwarder>>> forwarders_;  // by site
  std::unique_ptr<LinkCheckers> links_;
  std::deque<adversary::FalseWitness> witnesses_;
  std::vector<std::optional<ServerId>> watched_;         // by site
  std::vector<std::map<std::uint64_t, Digest>> closed_;  // by site: batches, as its first correct server closed them
};

}  // namespace garrison::lab
