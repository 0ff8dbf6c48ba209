// Keys and topology of modelled sites. They follow from the principals alone, the same for every seed, and are no
// secrets, though they may be of real schemes. Immutable; shared between runs.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "control/config/topology.h"
#include "crypto/key_directory.h"
#include "crypto/key_store.h"

namespace garrison::lab {

struct LabKeys {
  config::Topology topology;
  crypto::KeyDirectory directory;
  std::vector<crypto::PrivateBundle> servers;       // by site, then server
  std::vector<crypto::PrivateBundle> clients;       // by client; whose site is whose, the topology says
  std::vector<crypto::PrivateBundle> forwarders{};  // by site, the primary first; none where no link goes over them

  [[nodiscard]] std::span<const crypto::PrivateBundle> servers_of(SiteId site) const;
};

struct LabTopology {
  std::size_t sites = 1;
  std::optional<std::size_t> f_global{};  // F of several sites; none: as many as there can be
  config::LinkKind link = config::LinkKind::erasure;
  bool backup_forwarders = false;             // where the links go over forwarders
  config::GlobalSettings global{};            // of several sites; its f is the one above
  std::optional<Duration> wan_delay{};        // one way, of every pair of sites; none: as a new topology has it
  std::optional<config::BitRate> wan_rate{};  // of what each site sends to all others; none: no limit
  std::size_t wan_ip_mtu = kDefaultPathIpBytes;
  bool adaptive_sets = true;  // on hubs
  std::optional<Duration> longest_hub_timeout{};
  std::size_t servers = 4;  // of each site: 3f + 1
  std::size_t clients = 1;
  bool lossy = false;
  config::ServiceKind service = config::ServiceKind::kv;
  std::size_t ip_mtu = kDefaultPathIpBytes;
  config::PrimeSettings prime{};
  config::BftSettings bft{};
  config::LocalProtocol protocol = config::LocalProtocol::prime;
  crypto::Scheme server_scheme = crypto::Scheme::modelled;  // modelled ones and Ed25519
  crypto::Scheme client_scheme = crypto::Scheme::modelled;
  crypto::ThresholdScheme site_scheme = crypto::ThresholdScheme::modelled_rsa2048;  // of several sites
};

// Servers that keep next to nothing for others: whoever misses a few sequences needs their state.
[[nodiscard]] config::PrimeSettings small_windows();
// The same in a site among others, which orders its clocks all the time, some hundred sequences in a second: whoever
// takes over a state must still be told what follows it, within retransmission periods.
[[nodiscard]] config::PrimeSettings small_windows_among_sites();
[[nodiscard]] config::BftSettings small_bft_windows();
// Servers that say what is new once per `period`, not at once: slower, with a fraction of the messages.
[[nodiscard]] config::PrimeSettings paced(config::PrimeSettings prime, Duration period);

[[nodiscard]] std::shared_ptr<const LabKeys> make_lab_keys(const LabTopology& wishes);

}  // namespace garrison::lab
