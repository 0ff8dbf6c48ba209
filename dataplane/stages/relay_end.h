// One site's network, as the relay stands on it.
#pragma once

#include "dataplane/io/relay.h"
#include "dataplane/stages/frame_endpoint.h"

namespace garrison::stages {

class RelayEnd final : public FrameEndpoint {
 public:
  // `relay` outlives it. All ends of a relay have one thread.
  RelayEnd(io::Relay& relay, SiteId site) : relay_(relay), site_(site) {}

  void on_frame(Instant now, ByteView ethernet_frame) override { relay_.on_frame(now, site_, ethernet_frame); }
  std::size_t next_frame(Instant now, MutableBytes out) override { return relay_.next_frame(now, site_, out); }
  [[nodiscard]] Instant next_wakeup() const override { return relay_.next_wakeup(); }
  void poll(Instant) override {}

 private:
  io::Relay& relay_;
  SiteId site_;
};

}  // namespace garrison::stages
