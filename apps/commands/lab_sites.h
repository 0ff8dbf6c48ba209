// `garrison lab sim --sites N`: several sites under seeded faults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apps/commands/seeds.h"
#include "control/client/query_core.h"
#include "control/config/topology.h"
#include "crypto/threshold/threshold.h"

namespace garrison::apps {

struct SitesRun {
  std::size_t sites = 1;
  std::size_t f = 1;  // of each site, which has 3f + 1 servers
  std::string link = "erasure";
  crypto::ThresholdScheme signatures = crypto::ThresholdScheme::modelled_rsa2048;  // of sites
  std::size_t clients = 8;
  std::size_t updates = 80;
  std::uint64_t seed = 1;
  std::uint64_t runs = 1;
  unsigned jobs = 0;
  bool json = false;
  bool check_digest = false;
  bool laggards = false;
  bool liars = false;
  bool site_liars = false;
  std::optional<config::BitRate> wan_rate;  // of what each site sends to all others; none: no limit
  std::string hub_liars;                    // as adversary::hub_lie() takes it; empty: none
  bool unpoliced = false;   // greedy ones take of their site's uplink what they can; else each server has its share
  std::string blink_liars;  // as adversary::blink_lie() takes it; empty: none
  bool forwarder_liars = false;
  std::string adversary;       // of f servers in every site, on the protocol of their site
  std::string site_adversary;  // of F sites, on the protocol among sites
  bool first_sites = false;    // the first ones
  RunLength length;
  std::optional<Duration> local_period;  // servers of a site keep to it; none: they say at once what is new
  client::Reads reads = client::Reads::ordered;
};

// What became of queries, for the end of a row; empty if there were none.
[[nodiscard]] std::string describe(const client::QueryStats& queries);

// Exit status.
[[nodiscard]] int simulate_sites(const SitesRun& run);

}  // namespace garrison::apps
