// The ports of a node's servers, those of forwarders inside the process with them, and the networks inside the process
// that stand behind some of them: a segment for a site (dataplane/io/segment.h), the wide area between sites
// (wide_area.h). Any other port is a device of its own.
//
// Made and destroyed by the main thread, and outlives the workers; each port is used by the worker of its server.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/node/networks.h"
#include "dataplane/forwarder/datagrams.h"
#include "dataplane/io/ethdev_port.h"
#include "dataplane/io/pool.h"
#include "dataplane/io/segment.h"
#include "dataplane/io/wide_area.h"
#include "dataplane/runtime/doorbell.h"

namespace garrison::node {

// A port that is a device, with buffers of `pool`, which outlives it; `nth` tells the devices of a process apart.
// `listens_only` as io::EthdevOptions has it.
[[nodiscard]] Result<std::unique_ptr<io::EthdevPort>> open_device(const config::PortSettings& port, std::size_t nth,
                                                                  rte_mempool& pool, bool listens_only = false);

// Memory that the ports of one server take from the EAL.
inline constexpr std::size_t kPortMemoryMib = 24;
inline constexpr std::size_t kPoolBuffers = 8191;  // that is these, rounded up
inline constexpr std::size_t kOwnMemoryMib = 64;   // what DPDK keeps, beside that of the ports

class Ports {
 public:
  // Of the hosted servers, whose networks these are, each with the NUMA node that its buffers come from. After
  // start_eal().
  [[nodiscard]] static Result<std::unique_ptr<Ports>> open(const config::Topology& topology, const Networks& networks,
                                                           const std::map<SiteServer, int>& hosted);

  // Buffers of one server, for both of its ports.
  [[nodiscard]] rte_mempool& pool(SiteServer id) const { return *pools_.at(id); }
  // For the worker that rings when frames wait; before it starts.
  [[nodiscard]] io::Port& lan(SiteServer id, runtime::Doorbell& receiver) const { return bind(lans_.at(id), receiver); }
  // Of a server that talks to other sites.
  [[nodiscard]] io::Port& wan(SiteServer id, runtime::Doorbell& receiver) const { return bind(wans_.at(id), receiver); }

  // Of a forwarder whose port is inside this process.
  [[nodiscard]] rte_mempool& pool(forwarder::ForwarderId id) const { return *forwarder_pools_.at(id); }
  [[nodiscard]] io::Port& wan(forwarder::ForwarderId id, runtime::Doorbell& receiver) const {
    return bind(forwarders_.at(id), receiver);
  }

  // Of a site whose LAN is inside this process.
  [[nodiscard]] io::SegmentStage& segment(SiteId site) const { return *segments_.at(site); }
  // Null where the network between sites is not inside this process.
  [[nodiscard]] io::WideAreaStage* wide_area() const { return wide_area_.get(); }

 private:
  // One of the two.
  struct OnePort {
    io::RingPort* ring = nullptr;
    std::unique_ptr<io::EthdevPort> device{};
  };

  Ports() = default;
  Result<void> open_devices(const config::Topology& topology, const Networks& networks, SiteServer id);
  void make_segment(const config::SiteSettings& site);
  Result<void> make_wide_area(const config::Topology& topology);
  [[nodiscard]] static io::Port& bind(const OnePort& port, runtime::Doorbell& receiver);

  // Destroyed in reverse: the pools after whatever holds their buffers.
  std::map<SiteServer, io::Pool> pools_;
  std::map<forwarder::ForwarderId, io::Pool> forwarder_pools_;
  std::map<SiteId, std::unique_ptr<io::SegmentStage>> segments_;
  std::unique_ptr<io::WideAreaStage> wide_area_;
  std::map<SiteServer, OnePort> lans_;
  std::map<SiteServer, OnePort> wans_;
  std::map<forwarder::ForwarderId, OnePort> forwarders_;
  std::size_t devices_ = 0;
};

}  // namespace garrison::node
