// One seeded run of several sites under a plan of faults that follows from the seed: faulty servers in every site,
// whole faulty sites, servers that crash, sites that are cut off, a bad wide-area network. Held to its checkers at
// every execution and to liveness after the last fault.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "apps/adversary/attack.h"
#include "apps/lab/lab_system.h"

namespace garrison::lab {

struct SystemSimulationOptions {
  std::uint64_t seed = 1;
  std::size_t clients = 8;  // of all sites; those of faulty sites do nothing
  std::size_t updates = 80;
  Duration faults_for = seconds(5);  // faults of the network begin and end within this
  Duration calm_for = seconds(5);    // clients go on for so long after the last one; GLOBAL-BOUNDED-DELAY holds then
  Duration grace = seconds(60);
  bool laggards = false;  // servers are away from their sites for long; meant for keys with small_windows_among_sites()
  bool liars = false;     // in every site f servers lie to their site: about parts, shares and time
  bool forwarder_liars = false;   // in every site one forwarder is compromised for a while, and then switched off
  std::string attack{};           // of those f servers on the protocol of their site, as adversary::AttackText::specs
  std::string attack_on_sites{};  // of F sites on the protocol among sites
  std::optional<adversary::HubLie> hub_liars{};  // in every site f servers do this on its hub; those of `liars` if any
  std::optional<adversary::BlinkLie> blink_liars{};  // likewise on its blink links; late ones are its first servers
  bool fair_uplinks = false;  // each server has its share of its site's, where the keys' topology limits it
  bool site_liars = false;    // F sites lie on their links: those that attack, or some that follow from the seed; and
                              // where servers lie, all of theirs do
  bool first_sites = false;   // those are the first ones, which lead first; else they follow from the seed
  // Of clients: with Reads::site half of what they do is queries, and servers that are faulty lie in answers to them.
  client::Reads reads = client::Reads::ordered;
};

struct SystemSimulationResult {
  std::uint64_t seed = 0;
  std::string violation;  // empty: none
  double virtual_s = 0;
  std::size_t updates = 0;
  NetworkCounts wan;
  std::size_t cut_offs = 0;  // of sites
  std::size_t crashes = 0;   // of servers
  std::size_t absences = 0;  // of servers from their site
  std::size_t restores = 0;  // machines of sites that were handed over
  std::uint64_t site_signatures = 0;
  std::uint64_t link_messages = 0;  // executed, by one server of each site
  std::uint64_t global_view = 0;
  std::uint64_t held_to_bound = 0;  // PO-REQUESTs of sites
  Duration slowest;                 // of them
  client::QueryStats queries;
  std::uint64_t query_lies = 0;
  std::size_t calm_updates = 0;  // of clients, after the last fault of the network
  Duration p50;                  // of their latencies
  Duration p99;
  Duration bound;                      // beta among sites
  std::size_t listed = 0;              // servers and sites on any blacklist
  std::uint64_t failed_decodings = 0;  // at one server of each site
  server::HubCounts hub;               // of all servers
  double parts_per_message = 0;        // on hubs
  std::uint64_t demotions = 0;         // there, as one server of each site counts
  std::uint64_t hub_lies = 0;
  std::uint64_t rotations = 0;  // of blink links
  std::string acted;            // what each adversary did
  Digest digest{};

  [[nodiscard]] bool ok() const { return violation.empty(); }
};

// CHECKs that the attacks can be made. `keys` of several sites of equal size.
[[nodiscard]] SystemSimulationResult simulate_system(const SystemSimulationOptions& options,
                                                     std::shared_ptr<const LabKeys> keys);

}  // namespace garrison::lab
