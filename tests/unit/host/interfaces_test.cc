#include "apps/host/interfaces.h"

#include <gtest/gtest.h>

#include "apps/host/ethtool.h"
#include "tests/unit/host/sound_machine.h"

namespace garrison::host {
namespace {

using Names = std::vector<std::string>;

TEST(InterfacesTest, the_default_route_is_on_all_that_carries_it) {
  const SoundMachine machine;
  machine.tree.write("/sys/class/net/br0/lower_bond0/flags", "0");
  machine.tree.write("/sys/class/net/bond0/lower_eth0/flags", "0");
  machine.tree.write("/proc/net/route",
                     "Iface Destination Gateway Flags RefCnt Use Metric Mask\n"
                     "br0 00000000 0101000A 0003 0 0 0 00000000");
  EXPECT_EQ(default_route_devices(machine.tree.files()), (Names{kManagement, "bond0", "br0", "eth0"}));
}

TEST(InterfacesTest, a_default_route_of_ipv6_counts) {
  const SoundMachine machine;
  machine.tree.remove("/proc/net/route");
  const std::string zero(32, '0');
  const std::string rest = " " + zero + " 00000400 00000001 00000000 ";
  machine.tree.write("/proc/net/ipv6_route",
                     zero + " 00 " + zero + " 00 fe800000000000000000000000000001 00000400 0 0 00000003 eth1\n" + zero +
                         " 00 " + zero + " 00" + rest + "00200200 lo\n" + "fe80000000000000000000000000000000 40 " +
                         zero + " 00" + rest + "00000001 eth0");
  EXPECT_EQ(default_route_devices(machine.tree.files()), (Names{kLan, "eth1"}));
}

TEST(InterfacesTest, routes_that_are_down_or_lead_elsewhere_or_are_cut_short_do_not_count) {
  const SoundMachine machine;
  for (const char* row : {"eth0 00000000 0101000A 0002 0 0 0 00000000", "eth0 00000000 0101000A 0003 0 0 0 000000FF",
                          "eth0 0000000A 0101000A 0003 0 0 0 00000000", "eth0 00000000 0101000A 0003", "",
                          "eth0 zero 0101000A 0003 0 0 0 zero"}) {
    machine.tree.write("/proc/net/route", std::string("Iface ...\n") + row);
    EXPECT_TRUE(default_route_devices(machine.tree.files()).empty()) << row;
  }
}

TEST(InterfacesTest, a_virtio_interface_is_on_the_pci_device_above_it) {
  const test::FakeTree tree;
  tree.write("/sys/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0/flags", "0x1003");
  tree.link("/sys/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0/device", "../../../virtio0");
  tree.link("/sys/class/net/eth0", "../../devices/pci0000:00/0000:00:03.0/virtio0/net/eth0");
  const auto found = read_interface(tree.files(), FakeEthtool(), "eth0");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->pci, "0000:00:03.0");
  tree.write("/proc/net/route", "Iface\neth0 00000000 0101000A 0003 0 0 0 00000000");
  EXPECT_EQ(default_route_devices(tree.files()), (Names{"0000:00:03.0", "eth0"}));
}

TEST(InterfacesTest, what_an_interface_does_not_tell_is_not_made_up) {
  const test::FakeTree tree;
  tree.write("/sys/class/net/eth5/flags", "up");
  tree.write("/sys/class/net/eth5/mtu", "large");
  tree.write("/sys/class/net/eth5/speed", "-1");
  const auto found = read_interface(tree.files(), FakeEthtool(), "eth5");
  ASSERT_TRUE(found.has_value());
  EXPECT_FALSE(found->up || found->promiscuous || found->carrier || found->mtu || found->speed_mbps || found->rings ||
               found->pause);
  EXPECT_EQ(found->driver + found->pci + found->mac, "");
  EXPECT_EQ(found->numa_node, -1);
  for (const char* name : {"", ".", "..", "../net/eth5", "eth6"}) {
    EXPECT_FALSE(read_interface(tree.files(), FakeEthtool(), name).has_value()) << name;
  }
}

TEST(InterfacesTest, addresses_and_neighbours_are_read_from_proc) {
  const SoundMachine machine;
  EXPECT_EQ(local_addresses(machine.tree.files()), Names{"10.0.1.7"});
  EXPECT_EQ(routers_over(machine.tree.files(), "eth1"), Names{"10.0.2.9"});
  ASSERT_EQ(read_neighbours(machine.tree.files()).size(), 2U);
  EXPECT_EQ(read_neighbours(machine.tree.files())[1].interface, "eth1");
  machine.tree.write("/proc/net/arp", "IP\n10.1.0.2 0x1\n\n10.1.0.2 0x1 yes 02:00:00:00:00:02 * eth1");
  EXPECT_TRUE(read_neighbours(machine.tree.files()).empty());
}

TEST(EthtoolTest, an_interface_that_is_not_there_tells_nothing) {
  const KernelEthtool ethtool;
  for (const char* name : {"garrison-none", "a_name_longer_than_any", ""}) {
    EXPECT_FALSE(ethtool.rings(name).has_value());
    EXPECT_FALSE(ethtool.pause(name).has_value());
  }
}

}  // namespace
}  // namespace garrison::host
