// Measures the stages of the hub link that carry and code parts, against the limit that the port and the code set:
// 1 / R = 1 / bare + 1 / coding, all three in turn, in one thread, on the same buffers. `garrison bench link --measure
// limit` prints what it finds.
//
// What is measured is what servers run: HubLinks behind a LanStage and a port, the code, the PartCollector. What stands
// in between in a server is left out: signatures (a part has none here, and every one that comes counts as verified)
// and the order of the receiving site.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "dataplane/base/instant.h"
#include "dataplane/base/result.h"

namespace garrison::link_bench {

struct LinkLimitOptions {
  std::string port = "inproc";  // or "net_ring"
  std::size_t n = 7;
  std::size_t k = 5;
  std::size_t message_bytes = 7000;
  std::size_t messages = 64;              // in flight at a time
  Duration per_slice = milliseconds(20);  // of each measurement, in each round
  std::size_t rounds = 9;
};

// Nanoseconds per part, medians over the rounds.
struct LinkLimitSide {
  double bare = 0;    // the payload written, carried by the port, read
  double coding = 0;  // sending: one row encoded; receiving: a message decoded, over k
  double link = 0;
  double of_limit = 0;  // (bare + coding) / link
  [[nodiscard]] double parts_per_s() const { return 1e9 / link; }
};

// Nanoseconds per frame of a stream of parts of the own site, all of which count and cancel what the second set sends.
struct OverhearCost {
  double rx_and_free = 0;
  double hub = 0;  // the same, overheard
  [[nodiscard]] double cost() const { return hub - rx_and_free; }
};

struct LinkLimitRow {
  std::size_t part_bytes = 0;
  std::size_t frame_bytes = 0;  // with the FCS
  std::size_t bytes_in_flight = 0;
  LinkLimitSide sending;
  LinkLimitSide receiving;
  std::optional<OverhearCost> overheard;  // of at most 1024 messages in flight
  std::size_t checked = 0;  // messages that were decoded and compared with what was sent, outside the clock
};

// After start_eal(). CHECKs a valid code of at most kMaxServersPerSite parts, and 32 messages in flight; says so when a
// part does not fit one frame.
[[nodiscard]] Result<LinkLimitRow> run_link_limit(const LinkLimitOptions& options);

}  // namespace garrison::link_bench
