#pragma once

#include "dataplane/base/ids.h"
#include "dataplane/wire/frame.h"

namespace garrison::link_bench {

// Of the servers of two sites.
[[nodiscard]] inline wire::NetAddress bench_address(SiteId site, ServerId server) {
  return {.mac = {2, 0, 0, 0, static_cast<std::uint8_t>(site.value()), static_cast<std::uint8_t>(server.value())},
          .ipv4 = 0x0a000001U + 256U * site.value() + server.value(),
          .udp_port = 7800};
}

}  // namespace garrison::link_bench
