// The ports of a process that hosts no server: DPDK's environment, buffers, the devices.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/config/topology.h"
#include "dataplane/io/ethdev_port.h"
#include "dataplane/io/pool.h"

namespace garrison::node {

class OwnPorts {
 public:
  struct Wish {
    config::PortSettings settings;
    bool listens_only = false;  // as io::EthdevOptions has it
  };
  // Starts the EAL, which a process can do once. `name`, of whose ports they are, at most 15 bytes. None of the ports
  // is inside a process. An error is one line for the operator.
  [[nodiscard]] static Result<OwnPorts> open(const std::string& name, const std::vector<Wish>& wishes,
                                             const config::CoreSettings& cores);

  // In the order of the wishes.
  [[nodiscard]] io::Port& port(std::size_t i) const { return *ports_.at(i); }
  [[nodiscard]] rte_mempool& pool() const { return *pool_; }

 private:
  io::Pool pool_;  // outlives the ports
  std::vector<std::unique_ptr<io::EthdevPort>> ports_;
};

}  // namespace garrison::node
