// SegmentStage: an in-process LAN switch with a static address table, for servers hosted in one process.
//
// Every frame is *copied* into an mbuf of the receiver's own pool. Sharing one mbuf between receivers would let one
// server's write show in another's frame, and one server's delay keep another's buffer.
//
// Accounting: counters().copies_due = counters().frames_out + counters().drops.total(), exactly; a unicast frame is
// due one copy, a broadcast or multicast frame one for every other port.
//
// Thread: the stage is polled by one worker (bind() its doorbell), each port by the worker of its server.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/drops.h"
#include "dataplane/io/port.h"
#include "dataplane/io/ring_port.h"
#include "dataplane/runtime/doorbell.h"
#include "dataplane/runtime/stage.h"

struct rte_mempool;

namespace garrison::io {

struct SegmentPort {
  std::string name{};
  MacAddress mac{};                // unicast, unique in the segment
  rte_mempool* rx_pool = nullptr;  // of the server on this port; outlives the segment
};

struct SegmentCounters {
  Counter frames_in;   // taken from the ports
  Counter copies_due;  // see above
  Counter frames_out;
  DropCounters drops;  // segment_unknown_mac, segment_rx_full, port_rx_no_mbuf, frame_truncated, frame_oversized
};

class SegmentStage final : public runtime::Stage {
 public:
  static constexpr std::size_t kBurst = 32;

  // `slots`: frames each port's ring holds in either direction.
  SegmentStage(std::string name, const std::vector<SegmentPort>& ports, std::size_t slots);
  ~SegmentStage() override;

  // The server's end of port `index`, in the order given. Lives as long as the segment.
  [[nodiscard]] RingPort& port(std::size_t index) { return ports_[index]->cable.far_end(); }
  // The doorbell of the worker that polls this segment. Before any worker starts; the servers set theirs by
  // port(i).set_receiver().
  void bind(runtime::Doorbell& switch_doorbell);

  std::size_t poll(Instant now) override;
  [[nodiscard]] Instant next_wakeup() const override;
  [[nodiscard]] std::string_view name() const override { return name_; }

  [[nodiscard]] const SegmentCounters& counters() const { return counters_; }

 private:
  struct PortState {
    PortState(const SegmentPort& config, std::size_t slots)
        : cable(config.name, config.mac, slots), rx_pool(config.rx_pool) {}
    RingCable cable;  // near end: the switch; far end: the server
    rte_mempool* rx_pool;
    std::array<rte_mbuf*, kBurst> staged{};  // copies on their way to this port's server
    std::size_t staged_count = 0;
  };

  void forward(std::size_t from, const rte_mbuf& frame);
  void copy_to(PortState& to, const rte_mbuf& frame);
  void flush(PortState& to);

  std::string name_;
  std::vector<std::unique_ptr<PortState>> ports_;
  std::map<MacAddress, std::size_t> port_of_;
  bool bound_ = false;
  Instant last_poll_;
  SegmentCounters counters_;
};

}  // namespace garrison::io
