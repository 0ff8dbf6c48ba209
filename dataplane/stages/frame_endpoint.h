// FrameEndpoint: what stands behind a port, as whole Ethernet frames. The server's LAN part implements it; a stage
// drives it from a DPDK port, the lab from a modelled network. No rte_* here.
//
// One thread calls all of it: the worker that owns the stage. No call may block, allocate without bound or keep a
// view it was given.
#pragma once

#include <cstddef>

#include "dataplane/base/bytes.h"
#include "dataplane/base/instant.h"

namespace garrison::stages {

class FrameEndpoint {
 public:
  FrameEndpoint() = default;
  FrameEndpoint(const FrameEndpoint&) = delete;
  FrameEndpoint& operator=(const FrameEndpoint&) = delete;
  virtual ~FrameEndpoint() = default;

  // A frame as received, from the destination MAC on, without FCS. Valid during the call only.
  virtual void on_frame(Instant now, ByteView ethernet_frame) = 0;

  // Writes the next frame to transmit at the front of `out` (at least kMaxFrameBytes) and returns its size; 0 when
  // there is none to send now. Asked only when the port is likely to take the frame at once, so the endpoint decides
  // on priority at the last moment.
  virtual std::size_t next_frame(Instant now, MutableBytes out) = 0;

  // When poll() or next_frame() will have something to do although nothing was received.
  [[nodiscard]] virtual Instant next_wakeup() const { return Instant::never(); }

  // Once per pass, between reception and transmission: timers, and queues from other parts of the server.
  virtual void poll(Instant now) = 0;
};

}  // namespace garrison::stages
