// `garrison bench order`: how many updates per second one site orders, executes and answers, closed loop.
//
// Every server runs in this process with keys, slabs, rings and verification of its own; the bound it is held
// against is what the machine could do if verifying each update's client signature once per server were all the work.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/adversary/attack.h"
#include "control/config/topology.h"
#include "crypto/signature.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/result.h"

namespace garrison::node {

struct OrderBenchOptions {
  config::LocalProtocol protocol = config::LocalProtocol::prime;
  std::size_t servers = 4;
  std::vector<std::size_t> clients;
  std::vector<std::size_t> payload_bytes;
  Duration duration = seconds(10);
  Duration warmup = seconds(3);
  crypto::Scheme server_scheme = crypto::Scheme::ed25519;
  crypto::Scheme client_scheme = crypto::Scheme::rsa2048;
  // Both come into force half way through the measurement; clients then ask f+1 servers at once throughout.
  adversary::AttackText attack;  // empty: no server is made faulty
  bool crash_leader = false;
};

// What the fault halves of a run differ in; of a run without a fault, the halves alone.
struct FaultReport {
  double before_per_s = 0;
  double after_per_s = 0;
  double longest_before_ms = 0;          // of the updates completed before the fault
  double longest_after_ms = 0;           // of those completed later: it spans the fault
  std::optional<double> view_change_ms;  // preinstalling to installing, the slowest correct server's last one
  std::uint64_t view = 0;                // at the end
};

struct OrderBenchRow {
  std::size_t servers = 0;
  std::size_t clients = 0;
  std::size_t payload_bytes = 0;
  double seconds = 0;  // measured; less than asked for when the updates signed beforehand ran out
  std::uint64_t updates = 0;
  double updates_per_s = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double client_verify_us = 0;  // one client signature, one thread, measured right before the run
  double crypto_bound_updates_per_s = 0;
  std::uint64_t resent = 0;
  std::string acted;  // what each adversary did; empty without an attack
  FaultReport fault;
  std::uint64_t bad_replies = 0;
  std::map<std::string, std::uint64_t> drops;  // of all servers, by reason
  double updates_per_signature = 0;            // of the servers' own signatures
  nlohmann::json status;      // of every server: what each would answer to `garrison status` when the run ended
  bool states_equal = false;  // after the run every server has the same state digest
};

// Cores the bound counts: those this process may use.
[[nodiscard]] std::size_t usable_cores();

// Runs one point. The EAL can be started once per process, so each point is a process of its own: the command starts
// itself again per row. `progress` gets one line at a time.
[[nodiscard]] Result<OrderBenchRow> run_order_bench(const OrderBenchOptions& options, std::size_t clients,
                                                    std::size_t payload_bytes,
                                                    const std::function<void(const std::string&)>& progress);

}  // namespace garrison::node
