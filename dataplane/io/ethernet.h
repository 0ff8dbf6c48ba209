// What a switch or router sees of a frame. No DPDK.
#pragma once

#include <algorithm>

#include "dataplane/base/bounds.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/traffic.h"
#include "dataplane/io/port.h"
#include "dataplane/wire/frame.h"

namespace garrison::io {

// Of a frame with a header.
[[nodiscard]] inline MacAddress destination_of(ByteView frame) {
  MacAddress mac;
  std::copy_n(frame.begin(), mac.size(), mac.begin());
  return mac;
}
[[nodiscard]] inline MacAddress source_of(ByteView frame) { return destination_of(frame.subspan(sizeof(MacAddress))); }
[[nodiscard]] constexpr bool is_group_address(const MacAddress& mac) { return (mac[0] & 1U) != 0; }

// By the DSCP in the second byte of the IPv4 header, two bits of ECN below it.
[[nodiscard]] inline TrafficClass class_of(ByteView frame) {
  constexpr std::size_t kTrafficByte = kEthernetHeaderBytes + 1;
  const bool expedited = frame.size() > kTrafficByte && frame[kTrafficByte] >> 2U == wire::kDscpExpedited;
  return expedited ? TrafficClass::timely : TrafficClass::bounded;
}

}  // namespace garrison::io
