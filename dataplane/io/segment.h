// SegmentStage: an in-process LAN switch with a static address table, for servers hosted in one process.
//
// Accounting: counters().copies_due = counters().frames_out + counters().drops.total(), exactly; a unicast frame is
// due one copy, a broadcast or multicast frame one for every other port. Drops: segment_unknown_mac, segment_rx_full,
// port_rx_no_mbuf, frame_truncated, frame_oversized.
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
#include "dataplane/runtime/doorbell.h"
#include "dataplane/runtime/stage.h"

namespace garrison::io {

class SegmentStage final : public runtime::Stage {
 public:
  // `slots`: frames each port's ring holds in either direction.
  SegmentStage(std::string name, const std::vector<SegmentPort>& ports, std::size_t slots);
  ~SegmentStage() override;

  // The server's end of port `index`, in the order given. Lives as long as the segment.
  [[nodiscard]] RingPort& port(std::size_t index) { return ports_[index]->server_end(); }
  // The doorbell of the worker that polls this segment. Before any worker starts; the servers set theirs by
  // port(i).set_receiver().
  void bind(runtime::Doorbell& switch_doorbell);

  std::size_t poll(Instant now) override;
  [[nodiscard]] Instant next_wakeup() const override;
  [[nodiscard]] std::string_view name() const override { return name_; }

  [[nodiscard]] const SegmentCounters& counters() const { return counters_; }

 private:
  void forward(std::size_t from, const rte_mbuf& frame);

  std::string name_;
  std::vector<std::unique_ptr<SwitchPort>> ports_;
  std::map<MacAddress, std::size_t> port_of_;
  bool bound_ = false;
  Instant last_poll_;
  SegmentCounters counters_;
};

}  // namespace garrison::io
