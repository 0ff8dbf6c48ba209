// The datagrams of a forwarder as Ethernet frames, for a port that is its own: no kernel is on their way. Whom a frame
// goes to the topology says; nothing is learned or asked. What is received counts by its MAC alone, which the WideEnd
// checks: anybody may write any address.
//
// Pure; one thread, that of the WideEnd.
#pragma once

#include <map>

#include "apps/forwarder/wide_transport.h"
#include "dataplane/base/drops.h"
#include "dataplane/forwarder/wide_end.h"
#include "dataplane/link/pacer.h"
#include "dataplane/stages/frame_endpoint.h"
#include "dataplane/wire/frame.h"

namespace garrison::forwarder {

struct WideFramesConfig {
  wire::NetAddress address;  // of the port
  // What a frame to each other forwarder is addressed to; behind a router the MAC is the router's.
  std::map<ForwarderId, wire::NetAddress> peers;
  link::Pacer::Config pacing{};  // of all that the site sends
  bool udp_checksum = true;      // off where no wire is crossed
};

class WideFrames final : public stages::FrameEndpoint {
 public:
  // `end` outlives it, and has no peer but these.
  WideFrames(const WideFramesConfig& config, WideEnd& end) : config_(config), end_(end), pacer_(config.pacing) {}

  void on_frame(Instant now, ByteView ethernet_frame) override;
  std::size_t next_frame(Instant now, MutableBytes out) override;
  [[nodiscard]] Instant next_wakeup() const override;
  void poll(Instant) override {}

  [[nodiscard]] const WideCounts& counts() const { return counts_; }
  [[nodiscard]] const DropCounters& drops() const { return drops_; }

 private:
  WideFramesConfig config_;
  WideEnd& end_;
  link::Pacer pacer_;
  bool held_back_ = false;  // by the pacer
  WideCounts counts_;
  DropCounters drops_;
};

}  // namespace garrison::forwarder
