// One site in virtual time, by itself or among others (lab_system.h): the same Server objects as a node runs, each on a
// modelled machine, joined by the modelled network, with modelled signatures and closed-loop clients.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/adversary/attack.h"
#include "apps/adversary/blink_liar.h"
#include "apps/adversary/hub_liar.h"
#include "apps/adversary/site_liar.h"
#include "apps/lab/checkers.h"
#include "apps/lab/clients.h"
#include "apps/lab/core_watch.h"
#include "apps/lab/event_queue.h"
#include "apps/lab/host.h"
#include "apps/lab/lab_keys.h"
#include "apps/lab/network.h"

namespace garrison::lab {

struct LabSiteOptions {
  std::uint64_t seed = 1;
  Duration hop = microseconds(20);            // between two passes of a server
  const CostTable* costs = nullptr;           // of every server; null: work takes no time. Outlives the site
  const adversary::Attack* attack = nullptr;  // whose servers are faulty, and held to nothing; null: none is. Read here
  CoreWatcher* watcher = nullptr;             // of correct servers' cores; outlives the site
  // Of a site among others.
  SiteId site{};
  std::shared_ptr<CommonOrder> common{};  // null: an order of its own
  Network* wan = nullptr;                 // outlives the site
  std::size_t first_station = 0;          // of its servers on the wide-area network
  // What is made of server's core of the protocol among sites; empty: nothing. Called while the site is made.
  std::function<std::unique_ptr<ordering::OrderingCore>(ServerId, std::unique_ptr<ordering::OrderingCore>)>
      wrap_global{};
  std::function<void(ServerId)> presented{};  // a server has something new for the forwarders
  bool byzantine = false;                     // the site as a whole: its servers are held to nothing
  // What a server does wrong for its site; null, or empty: nothing. Called while the site is made; outlives it.
  std::function<adversary::SiteLiar*(ServerId)> liar{};
  // The same on the hub, where there is one; and what happens at wide-area ports, as Host::Config has it.
  std::function<adversary::HubLiar*(ServerId)> hub_liar{};
  std::function<bool(StationId from, StationId to, ByteView frame)> on_wan_port{};
  std::function<adversary::BlinkLiar*(ServerId)> blink_liar{};  // and on blink links
};

class LabSite {
 public:
  LabSite(EventQueue& events, std::shared_ptr<const LabKeys> keys, const LabSiteOptions& options);

  // All servers but those in `late`, which look crashed until they join.
  void start(ServerSet late = {});
  void join(ServerId server);
  void crash(ServerId server);

  [[nodiscard]] Network& network() { return network_; }
  [[nodiscard]] const Network& network() const { return network_; }
  [[nodiscard]] Checkers& checkers() { return checkers_; }
  [[nodiscard]] Clients& clients() { return clients_; }
  [[nodiscard]] const Host& host(ServerId id) const { return *hosts_[id.index()]; }
  [[nodiscard]] server::Server& server(ServerId id) { return hosts_[id.index()]->server(); }
  [[nodiscard]] std::size_t size() const { return hosts_.size(); }
  [[nodiscard]] ServerSet faulty() const { return checkers_.faulty(); }
  // A frame of another site for server `id`.
  void on_wan_frame(ServerId id, ByteView frame) { hosts_[id.index()]->on_wan_frame(frame); }
  void wake(ServerId id) { hosts_[id.index()]->schedule_pass(events_.now()); }

  // Every correct server that has not crashed has executed the whole common order.
  [[nodiscard]] bool caught_up() const;
  // One line per server that is not the same as the first correct one; none when all correct states are equal.
  [[nodiscard]] std::optional<std::string> state_difference() const;
  // The state of its correct servers, which is one; none when there is no correct one.
  [[nodiscard]] std::optional<Digest> state() const;
  [[nodiscard]] SiteId id() const { return site_; }
  // A correct server that has another correct one on its blacklist; none while there is none.
  [[nodiscard]] std::optional<std::string> false_accusation() const;
  // None when every frame is accounted for, as the servers and the network count them.
  [[nodiscard]] std::optional<std::string> accounts_difference() const;

 private:
  [[nodiscard]] bool counts(std::size_t i) const {
    return !hosts_[i]->crashed() && !checkers_.faulty().contains(ServerId(static_cast<std::uint16_t>(i)));
  }
  [[nodiscard]] std::unique_ptr<Host> make_host(const crypto::PrivateBundle& bundle, const LabSiteOptions& options);

  EventQueue& events_;
  std::shared_ptr<const LabKeys> keys_;
  SiteId site_;
  Rng rng_;
  Network network_;
  Checkers checkers_;
  std::vector<std::unique_ptr<Host>> hosts_;
  Clients clients_;
};

}  // namespace garrison::lab
