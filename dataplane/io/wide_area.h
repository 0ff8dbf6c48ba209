// WideAreaStage: the network between sites for servers hosted in one process. A switch with a static address table, as
// SegmentStage, whose ports belong to sites: a frame to a port of another site is held as long as wide_area_paths.h
// says. Frames are TIMELY by their DSCP, as a router would see them. Within a site, and to a group, it carries nothing;
// but where a site's ports are on a hub, each of them hears at once what another one sends, and whatever arrives there,
// whoever it is addressed to.
//
// Accounting: counters().copies_due = counters().frames_out + counters().drops.total() + held(), exactly, between two
// polls. Drops: those of SegmentStage, and port_tx_full where the sender's site has no room left.
//
// Thread: the stage is polled by one worker (bind() its doorbell), each port by the worker of its server.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/io/switch_port.h"
#include "dataplane/io/wide_area_paths.h"
#include "dataplane/runtime/doorbell.h"
#include "dataplane/runtime/stage.h"

namespace garrison::io {

struct WideAreaPort {
  SegmentPort port;
  SiteId site;
};

class WideAreaStage final : public runtime::Stage {
 public:
  // `slots`: frames each port's ring holds in either direction.
  WideAreaStage(std::string name, const std::vector<WideAreaPort>& ports, const WideAreaConfig& paths,
                std::size_t slots);
  ~WideAreaStage() override;

  // The server's end of port `index`, in the order given. Lives as long as the stage.
  [[nodiscard]] RingPort& port(std::size_t index) { return ports_[index]->server_end(); }
  // The doorbell of the worker that polls this stage. Before any worker starts; the servers set theirs by
  // port(i).set_receiver().
  void bind(runtime::Doorbell& doorbell);

  std::size_t poll(Instant now) override;
  [[nodiscard]] Instant next_wakeup() const override;
  [[nodiscard]] std::string_view name() const override { return name_; }

  [[nodiscard]] const SegmentCounters& counters() const { return counters_; }
  // The stage's thread, or when no worker runs.
  [[nodiscard]] std::size_t held() const { return paths_.held(); }

 private:
  void take(Instant now, std::size_t from, const rte_mbuf& frame);
  [[nodiscard]] SiteId site_of(std::size_t port) const { return sender_[port].site; }
  [[nodiscard]] bool on_hub(std::size_t port) const { return !hubs_.empty() && hubs_[site_of(port).index()]; }
  // To all ports of that one's site but `except`; copies beyond those that are due anyway are counted as due, too.
  void broadcast(std::size_t port, std::size_t except, ByteView frame);

  std::string name_;
  std::vector<std::unique_ptr<SwitchPort>> ports_;
  std::vector<Sender> sender_;  // by port: its site, and its place there
  std::vector<bool> hubs_;      // by site; empty: none
  std::map<MacAddress, std::size_t> port_of_;
  WideAreaPaths paths_;
  bool bound_ = false;
  Instant last_poll_;
  SegmentCounters counters_;
};

}  // namespace garrison::io
