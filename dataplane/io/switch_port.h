// One port of an in-process switch: the cable to a server, and the copies on their way to it. What the LAN segment and
// the one between sites have in common.
//
// Every frame is *copied* into an mbuf of the receiver's own pool. Sharing one mbuf between receivers would let one
// server's write show in another's frame, and one server's delay keep another's buffer.
//
// Thread: the worker that polls the switch; the server's end of the cable is its own.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "dataplane/base/bytes.h"
#include "dataplane/base/drops.h"
#include "dataplane/base/instant.h"
#include "dataplane/io/ethernet.h"
#include "dataplane/io/port.h"
#include "dataplane/io/ring_port.h"

struct rte_mempool;

namespace garrison::io {

struct SegmentPort {
  std::string name{};
  MacAddress mac{};                // unicast, unique in the segment
  rte_mempool* rx_pool = nullptr;  // of the server on this port; outlives the segment
};

// One writer, the switch; any reader.
struct SegmentCounters {
  Counter frames_in;   // taken from the ports
  Counter copies_due;  // as the switch defines it
  Counter frames_out;
  DropCounters drops;
};

// While nobody rings for a switch it looks at its ports this often.
inline constexpr Duration kSwitchPollInterval = microseconds(200);

class SwitchPort {
 public:
  static constexpr std::size_t kBurst = 32;

  // `slots`: frames the ring holds in either direction.
  SwitchPort(const SegmentPort& config, std::size_t slots)
      : cable_(config.name, config.mac, slots), rx_pool_(*config.rx_pool) {}

  [[nodiscard]] RingPort& server_end() { return cable_.far_end(); }
  [[nodiscard]] RingPort& switch_end() { return cable_.near_end(); }
  // Copies a frame for the server; what it has no room for is counted as a drop. Sent with the next flush().
  void copy(ByteView frame, SegmentCounters& counters);
  void flush(SegmentCounters& counters);

 private:
  RingCable cable_;
  rte_mempool& rx_pool_;
  std::array<rte_mbuf*, kBurst> staged_{};
  std::size_t staged_count_ = 0;
};

// What a switch looks at: the bytes of a frame, or nothing where it is not in one piece or shorter than its header;
// that is counted as a drop.
[[nodiscard]] ByteView frame_bytes(const rte_mbuf& frame, SegmentCounters& counters);
}  // namespace garrison::io
