// Runs one point of an experiment: a site or several of one series with so many clients, in virtual time, measured
// after a warm-up. Every server's output is held to the checkers all along. One thread; several points may run on
// several.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <optional>
#include <string>

#include "apps/lab/experiment.h"
#include "apps/lab/link_meter.h"
#include "apps/server/wan_part.h"

namespace garrison::lab {

struct Point {
  std::string series{};
  std::size_t clients = 0;
  double updates_per_s = 0;
  double latency_mean_ms = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double limit_updates_per_s = 0;                   // 0: none
  std::optional<std::uint64_t> paper{};             // updates per second that the paper has here
  double egress_bytes_per_update = 0;               // of all servers together
  std::map<std::string, double> egress_by{};        // of them, by message type
  std::map<std::string, double> inside_links_by{};  // of several sites: of link messages before they are coded
  double busiest_egress = 0;  // of the server, or site of several, that sent most: a share of the rate, if there is one
  double busiest_processor = 0;                  // share of the measured time
  std::map<std::string, double> processor_by{};  // of it, by operation
  std::uint64_t updates = 0;
  std::vector<std::uint64_t> updates_by_second{};  // since the start, the warm-up included
  server::HubCounts hub{};                         // of all servers, the warm-up included
  double parts_per_message = 0;                    // on hubs
  std::optional<LinkFigures> links{};              // of several sites
  std::uint64_t view = 0;  // the latest that a server is in at the end; 0: no leader was replaced
  std::uint64_t client_timeouts = 0;
  std::uint64_t frames_lost = 0;  // at a full egress buffer or receive ring, or on the way
  std::uint64_t events = 0;
  double simulation_s = 0;  // of one processor, to simulate it
  std::string acted{};      // what each adversary did; empty without any
  std::string violation{};  // empty: none
};

// Set and read by different threads.
struct RunControl {
  std::atomic<bool> stop{false};
  std::atomic<double> done{0};  // 0..1 of the virtual time
};

// None when it was stopped. A violation ends the run at once.
[[nodiscard]] std::optional<Point> run_point(const Series& series, std::size_t clients, RunControl& control);

}  // namespace garrison::lab
