#include "control/config/port_device.h"

#include <gtest/gtest.h>

namespace garrison::config {
namespace {

PortSettings port(PortSettings::Port kind, std::string device) {
  PortSettings settings;
  settings.port = kind;
  settings.device = std::move(device);
  return settings;
}

TEST(PortDeviceTest, a_port_names_a_device_of_the_machine_or_none) {
  using Port = PortSettings::Port;
  using Kind = PortDevice::Kind;
  EXPECT_EQ(device_of(port(Port::inproc, "")), PortDevice{});
  EXPECT_EQ(device_of(port(Port::af_packet, "eth1")), (PortDevice{Kind::interface, "eth1"}));
  EXPECT_EQ(device_of(port(Port::dpdk, "0000:3b:00.0")), (PortDevice{Kind::pci, "0000:3b:00.0"}));
  EXPECT_EQ(device_of(port(Port::dpdk, "3B:00.0,rx_vec_en=1")), (PortDevice{Kind::pci, "0000:3b:00.0"}));
  EXPECT_EQ(device_of(port(Port::dpdk, "net_af_xdp0,iface=eth2,start_queue=1")), (PortDevice{Kind::interface, "eth2"}));
  EXPECT_EQ(device_of(port(Port::dpdk, "net_memif0,role=client")), PortDevice{});
}

}  // namespace
}  // namespace garrison::config
