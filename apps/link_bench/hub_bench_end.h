// One server's hub links behind a port, without the rest of the server: for measurements. One thread.
#pragma once

#include <vector>

#include "dataplane/link/hub_links.h"
#include "dataplane/stages/frame_endpoint.h"

namespace garrison::link_bench {

class HubBenchEnd final : public stages::FrameEndpoint {
 public:
  struct Config {
    SiteId site;
    ServerId self;
    SiteId other;
    std::size_t parts = 4;
    std::size_t needed = 3;
    std::size_t window = 64;
    std::size_t path_ip_bytes = 1500;
  };
  HubBenchEnd(const Config& config, link::HubLinks::OnHeard on_heard);

  void on_frame(Instant now, ByteView frame) override;
  std::size_t next_frame(Instant now, MutableBytes out) override;
  [[nodiscard]] Instant next_wakeup() const override { return links_.next_wakeup(); }
  void poll(Instant now) override;

  [[nodiscard]] link::HubLinks& links() { return links_; }
  [[nodiscard]] const DropCounters& drops() const { return drops_; }

 private:
  [[nodiscard]] static std::vector<link::HubLinks::Remote> remotes(const Config& config);

  Config config_;
  DropCounters drops_;
  Slab no_slab_;
  link::SharedPort port_;
  link::HubLinks links_;
};

}  // namespace garrison::link_bench
