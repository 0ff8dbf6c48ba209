// What a Prime core is told once, and the bounds of everything it keeps.
#pragma once

#include <cstddef>
#include <cstdint>

#include "control/message/messages.h"
#include "control/ordering/quorum.h"
#include "dataplane/base/ids.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/result.h"
#include "dataplane/base/server_set.h"

namespace garrison::prime {

struct PrimeConfig {
  using NotState = void;
  message::Envelope envelope;  // of every message this server signs
  ServerId self;
  std::size_t n = 4;
  std::size_t f = 1;

  // Upper bounds: a server with something to say and nothing of that kind in flight says it at once. Without `eager`
  // every period is kept to the letter, as the papers' wide-area figures have it.
  bool eager = true;
  Duration po_period = milliseconds(2);          // PO-REQUEST, PO-ACK
  Duration summary_period = milliseconds(2);     // PO-SUMMARY
  Duration matrix_period = milliseconds(5);      // SUMMARY-MATRIX
  Duration preprepare_period = milliseconds(5);  // PRE-PREPARE
  Duration retransmit_period = milliseconds(200);
  // How long a RECON waits for its receiver to count the request after all; 0: the paper's rule to the letter.
  Duration recon_delay = milliseconds(5);

  // PRE-PREPARE flooding [PRIME] 5.2: whoever gets one sends it to all others. Or a vote says who holds it, and whoever
  // lacks it asks (docs/adr/0019). Equal on all servers.
  bool flood_on_request = false;

  // Suspect-Leader [PRIME] 5.4.3.
  std::int64_t k_lat = 2;                         // K_Lat: how variable latency may be
  Duration delta_pp = milliseconds(20);           // above the longest time between two PRE-PREPAREs of a correct leader
  Duration tat_measure_period = milliseconds(5);  // TAT-MEASURE while the turnaround grows
  Duration rtt_ping_period = milliseconds(100);   // RTT-PING
  // By how much the time that this core is told may lag behind: a site's clock moves a tick at a time. No leader pays
  // for it: round trips count as longer by so much, turnaround times as shorter.
  Duration clock_step;

  // Intake: CLIENT-OPs taken in and not yet introduced.
  std::size_t max_waiting_updates = 16384;
  std::size_t max_waiting_per_client = 1024;
  std::size_t max_waiting_bytes = std::size_t{64} << 20U;

  // One PO-REQUEST.
  std::size_t max_updates_per_request = kMaxUpdatesPerPoRequest;
  std::size_t max_request_bytes = 64 * 1024;  // of updates

  // What one introducer may have in flight. PO-ACK is withheld for what lies further than the ack window beyond what
  // that introducer has executed; as much again is held until the window has moved.
  std::size_t max_outstanding_requests = 128;  // introduced here, not yet executed
  std::size_t ack_window_requests = 256;
  std::size_t ack_window_bytes = std::size_t{8} << 20U;

  // Executed PO-REQUESTs of one introducer that are kept for servers that do not count them yet.
  std::size_t kept_requests = 1024;
  std::size_t kept_request_bytes = std::size_t{8} << 20U;

  // Global order.
  std::size_t global_window = 256;  // PRE-PREPAREs accepted beyond the last executed one
  // Own PRE-PREPAREs that are not known to be globally ordered. At 30 ms each this is four seconds: a leader that its
  // own bound silences is suspected, however fast the others are.
  std::size_t preprepare_pipeline = 128;
  std::size_t kept_sequences = 1024;  // executed ones kept for servers that lag

  // RECONs of one sender that are kept until their requests are executed.
  std::size_t recon_bytes = std::size_t{4} << 20U;

  // Sequences between two places where a server may be asked for its state. Equal on all servers.
  std::size_t checkpoint_interval = 64;

  // What one repair of one server may resend; one repair per server and retransmit_period.
  std::size_t repair_bytes = std::size_t{512} << 10U;

  [[nodiscard]] std::size_t quorum() const { return ordering::quorum(n, f); }
  // PC-SETs of one server: a prepare certificate for every sequence of the window, and a replay certificate.
  [[nodiscard]] std::size_t max_pc_sets() const { return global_window + 1; }
  [[nodiscard]] ServerId leader_of(View view) const { return ServerId(static_cast<std::uint16_t>(view.value() % n)); }
  [[nodiscard]] ServerSet everyone() const { return ServerSet::all(n); }
  [[nodiscard]] ServerSet others() const { return everyone().without(self); }
};

// Whether the numbers fit each other. Prime CHECKs it.
[[nodiscard]] Result<void> check(const PrimeConfig& config);

}  // namespace garrison::prime
