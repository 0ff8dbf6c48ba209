// An experiment: series of runs that reproduce a figure, from one TOML file.
//
// The tables [run], [site], [network], [prime], [bft] and [workload] hold for every series, and, of several sites,
// [sites], [global] and [wan]; a [[series]] may have tables of the same names that change single keys of them. Faults
// are told as those of a topology, "FILE:LINE:COL: what; what to do". A cost table NAME is the file
// ../cost-tables/NAME.toml beside the experiment's directory.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/adversary/blink_liar.h"
#include "apps/adversary/hub_liar.h"
#include "apps/lab/clients.h"
#include "apps/lab/cost_table.h"
#include "apps/lab/network.h"
#include "control/config/topology.h"
#include "crypto/signature.h"
#include "dataplane/base/result.h"

namespace garrison::lab {

// One direction of one pair whose delay is not the network's.
struct PairDelay {
  ServerId from;
  ServerId to;
  Duration delay;
  Duration jitter;
};

// Several sites that order among themselves, each as [site], [network] and [prime] say.
struct SitesSetup {
  std::size_t count = 1;  // one is alone, and nothing below counts
  config::LinkKind link = config::LinkKind::erasure;
  crypto::ThresholdScheme signatures = crypto::ThresholdScheme::modelled_rsa2048;
  config::GlobalSettings global;
  Duration delay = milliseconds(50);    // one way, between any two
  std::uint64_t egress_bits_per_s = 0;  // of each site; 0: no limit
  bool fair_uplinks = false;            // each server has its share of that
  std::size_t ip_mtu = kDefaultPathIpBytes;
  bool adaptive_sets = true;                         // on hubs
  std::optional<Duration> longest_hub_timeout{};     // likewise
  std::optional<adversary::HubLie> hub_liars{};      // the last f servers of every site do this on its hub
  Duration hub_liars_period;                         // for half of it, and behave for the other; zero: always
  std::optional<adversary::BlinkLie> blink_liars{};  // the first f servers of every site do this on its blink links
};

// A run, but for the number of clients.
struct RunSetup {
  std::uint64_t seed = 1;
  Duration warmup = seconds(5);
  Duration measure = seconds(20);
  std::shared_ptr<const CostTable> costs;  // null: work takes no time

  std::size_t servers = 4;  // 3f + 1
  crypto::Scheme server_signatures = crypto::Scheme::modelled;
  crypto::Scheme client_signatures = crypto::Scheme::modelled;

  NetworkModel network;
  std::vector<PairDelay> pairs;
  EgressModel egress;
  EgressScope egress_scope = EgressScope::server;
  std::size_t ip_mtu = kDefaultPathIpBytes;

  config::PrimeSettings prime;
  config::BftSettings bft;
  SitesSetup sites;

  Workload workload;
  std::vector<std::size_t> clients;  // one run each

  [[nodiscard]] std::size_t faults() const { return (servers - 1) / 3; }
};

// What the paper says of one run; zero where it says nothing.
struct PaperPoint {
  std::size_t clients = 0;
  std::uint64_t updates_per_s = 0;
  std::uint64_t latency_ms = 0;
};

struct Series {
  std::string name;   // plain, for --series and rows of results
  std::string title;  // for the legend
  config::LocalProtocol protocol = config::LocalProtocol::prime;
  std::vector<std::string> adversary;  // "A1=delay-leader:by=5ms", one for each faulty server
  std::vector<PaperPoint> paper;
  RunSetup setup;
  std::optional<Error> unavailable;  // why this version cannot run it; one line with its place in the file
};

struct Experiment {
  std::string file;
  std::string name;  // of the file, without folder and ending
  std::string title;
  std::string source;  // what it reproduces
  std::vector<Series> series;
};

using LoadCostTable = std::function<Result<CostTable>(const std::string& name)>;
[[nodiscard]] Result<Experiment> parse_experiment(std::string_view text, const std::string& file,
                                                  const LoadCostTable& load_cost_table);
[[nodiscard]] Result<Experiment> load_experiment(const std::string& path);

// What no protocol can exceed in this setup: the network's egress if every update goes from one server to all others
// once, in full frames (design: N C / (8 (N-1) b o), b the update's payload, client signature and ids, o the Ethernet,
// IP and UDP headers and, between sites, what the link sends for each byte), or the processors if each checks every
// client's signature once, whichever is less. Zero: no limit.
[[nodiscard]] double limit_updates_per_s(const RunSetup& setup);

}  // namespace garrison::lab
