// To whom the clients of a topology send.
#pragma once

#include "control/client/client_core.h"
#include "control/config/topology.h"

namespace garrison::client {

[[nodiscard]] inline Pattern pattern_of(const config::Topology& topology) {
  switch (topology.client.pattern) {
    case config::ClientPattern::one_server:
      return Pattern::one_server;
    case config::ClientPattern::f_plus_one:
      return Pattern::f_plus_1;
    case config::ClientPattern::all:
      return Pattern::all;
  }
  return Pattern::one_server;
}

}  // namespace garrison::client
