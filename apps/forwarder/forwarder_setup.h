// From the topology and a forwarder's key to all that it is configured by.
#pragma once

#include <optional>
#include <vector>

#include "apps/forwarder/wide_frames.h"
#include "control/config/topology.h"
#include "crypto/key_directory.h"
#include "crypto/key_store.h"
#include "dataplane/forwarder/presented_queue.h"
#include "dataplane/forwarder/wide_end.h"

namespace garrison::forwarder {

struct Limits {
  std::size_t threshold = 0;  // LOCAL-THRESHOLD; 0: f + 1
  std::size_t window = 64;    // WINDOW
  std::size_t queue = 64;     // messages of one site that wait for the servers
};

struct Setup {
  SystemId system;
  ForwarderId self;
  std::string name;
  Forwarder::Config forwarder;
  WideEnd::Config wide;
  std::vector<crypto::SecretBytes> servers;  // shared with each, by ServerId
  struct Address {
    ForwarderId id;
    config::Endpoint wan;
  };
  std::vector<Address> addresses;          // of wide.peers, in their order
  std::optional<WideFramesConfig> frames;  // of one that has a port of its own
  config::ForwarderSettings settings;
  std::uint64_t bytes_per_s = 0;  // that the site may send; 0: no limit
};

// `bundle` is the forwarder's own. An error is one line for the operator.
[[nodiscard]] Result<Setup> make_setup(const config::Topology& topology, const crypto::KeyDirectory& directory,
                                       const crypto::PrivateBundle& bundle, Incarnation incarnation,
                                       const Limits& limits);

}  // namespace garrison::forwarder
