// LiveTap: ports on the hubs of sites as taps. Such a port is opened without a transmit queue (EthdevOptions), answers
// no ARP and has no address: nothing can leave it. Only with an injector, in a laboratory, is the first port an
// ordinary one.
//
// One worker polls all ports; whoever looks at the account meanwhile holds the mutex.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "apps/node/own_ports.h"
#include "apps/tap/injector.h"
#include "apps/tap/pipeline.h"
#include "control/config/topology.h"
#include "dataplane/runtime/worker.h"
#include "dataplane/stages/lan_stage.h"

namespace garrison::tap {

class LiveTap {
 public:
  // Starts the EAL, which a process can do once. One or two ports, none inside a process. What it is given outlives it;
  // `injector` may be null.
  [[nodiscard]] static Result<std::unique_ptr<LiveTap>> start(const std::vector<config::PortSettings>& ports,
                                                              const config::CoreSettings& cores, Pipeline& pipeline,
                                                              std::mutex& mutex, Injector* injector);
  ~LiveTap();
  LiveTap(const LiveTap&) = delete;
  LiveTap& operator=(const LiveTap&) = delete;

  // What the ports hold by then is heard, and nothing after it. Idempotent.
  void stop();
  // Frames that no port had room for, as far as their drivers say; those that af_packet loses only sequences tell.
  [[nodiscard]] std::uint64_t missed() const;

 private:
  class End;
  struct Tap {
    std::unique_ptr<End> end;
    std::unique_ptr<stages::LanStage> stage;
  };
  LiveTap();

  node::OwnPorts ports_;
  std::vector<Tap> taps_;
  std::unique_ptr<runtime::Worker> worker_;
};

}  // namespace garrison::tap
