// Measures the erasure link between two sites in one process: the code that servers run, from the bytes of a link
// message to the decoded ones, over in-process cables. `garrison bench link` prints what it finds.
//
// One thread is all 2n servers, one after the other, so that a figure is work and not waiting. What is measured beside
// it in turn: the same frames over the same kind of port with no more than a copy in and a copy out, and coding alone.
#pragma once

#include <cstddef>
#include <vector>

#include "dataplane/base/bounds.h"
#include "dataplane/base/instant.h"
#include "dataplane/base/result.h"

namespace garrison::link_bench {

struct LinkChannelsOptions {
  std::size_t f = 1;  // of both sites; 3f + 1 servers each
  std::size_t message_bytes = 1400;
  std::size_t path_ip_bytes = kDefaultPathIpBytes;
  Duration per_round = milliseconds(50);  // processor time, of each of the three measurements
  std::size_t rounds = 9;
};

// Medians over the rounds, in each of which link, bare port and coding come in turn.
struct LinkChannelsRow {
  std::size_t n = 0;
  std::size_t k = 0;
  std::size_t part_bytes = 0;          // as it crosses, header included
  double frames_per_part = 0;          // of senders; what is sent again included
  double tx_parts_per_s = 0;           // one sender: its row encoded, cut into frames, handed to the port; ACKs taken
  double rx_parts_per_s = 0;           // one receiver: frames taken, reassembled; parts collected, messages decoded
  double goodput_gbps = 0;             // message bits over all work of both sites
  double bare_port_ratio = 0;          // what a bare port takes for the same frames, over what the link takes
  double coding_only_parts_per_s = 0;  // all rows encoded, the message decoded
};

// After start_eal(). CHECKs 1 <= f <= kMaxFaults and a part that a channel carries.
[[nodiscard]] Result<LinkChannelsRow> run_link_channels(const LinkChannelsOptions& options);

}  // namespace garrison::link_bench
