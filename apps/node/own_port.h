// The one port of a process that hosts no server: DPDK's environment, buffers, the device.
#pragma once

#include <memory>
#include <string>

#include "control/config/topology.h"
#include "dataplane/io/ethdev_port.h"
#include "dataplane/io/pool.h"

namespace garrison::node {

class OwnPort {
 public:
  // Starts the EAL, which a process can do once. `name`, of whose port it is, at most 15 bytes. The port is none inside
  // a process. An error is one line for the operator.
  [[nodiscard]] static Result<OwnPort> open(const std::string& name, const config::PortSettings& settings,
                                            const config::CoreSettings& cores);

  [[nodiscard]] io::Port& port() const { return *port_; }
  [[nodiscard]] rte_mempool& pool() const { return *pool_; }

 private:
  io::Pool pool_;  // outlives the port
  std::unique_ptr<io::EthdevPort> port_;
};

}  // namespace garrison::node
