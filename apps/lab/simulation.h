// One seeded run: a site under a plan of faults that follows from the seed, held to its checkers at every delivery
// and to liveness after the last fault.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "apps/adversary/attack.h"
#include "apps/lab/lab_site.h"

namespace garrison::lab {

struct SimulationOptions {
  std::uint64_t seed = 1;
  std::size_t f = 1;  // 3f + 1 servers
  std::size_t clients = 10;
  std::size_t faulty_clients = 0;     // of them, who get no answers that count
  std::size_t updates = 600;          // in all
  Duration faults_for = seconds(20);  // faults begin and end within this; the run goes on until it is quiet
  Duration calm_for = seconds(0);     // clients go on for so long after the last fault; BOUNDED-DELAY holds then
  Duration grace = seconds(60);       // after that: not done by then is a violation of liveness
  bool unseat_leaders = false;        // the network cuts off correct leaders, instead of partitions at random
  bool laggards = false;              // servers are away for long or start late; meant for keys with small_windows()
  adversary::AttackText attack;       // empty: every server is correct, until it crashes
  // Of clients: with Reads::site half of what they do is queries, and servers that are faulty lie in answers to them.
  client::Reads reads = client::Reads::ordered;
  Careless careless = Careless::no;
};

struct SimulationResult {
  std::uint64_t seed = 0;
  std::string violation;  // empty: none
  double virtual_s = 0;
  std::size_t updates = 0;
  NetworkCounts network;
  std::size_t partitions = 0;
  std::size_t crashes = 0;
  std::size_t late_starts = 0;
  std::size_t restores = 0;  // states taken over from others
  std::uint64_t client_timeouts = 0;
  std::uint64_t events = 0;
  std::string acted;           // what each adversary did
  std::uint64_t misdeeds = 0;  // of faulty clients
  client::QueryStats queries;
  std::uint64_t query_lies = 0;
  std::uint64_t held_to_bound = 0;  // PO-REQUESTs
  Duration slowest;                 // of them
  Duration bound;                   // beta
  std::uint64_t view_changes = 0;   // after the network healed
  Digest digest{};                  // of every delivery, the common order and the final states

  [[nodiscard]] bool ok() const { return violation.empty(); }
};

// CHECKs that options.attack can be made of this site.
[[nodiscard]] SimulationResult simulate(const SimulationOptions& options, std::shared_ptr<const LabKeys> keys);

}  // namespace garrison::lab
