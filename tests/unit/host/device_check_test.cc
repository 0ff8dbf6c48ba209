#include <gtest/gtest.h>

#include "tests/unit/host/sound_machine.h"

namespace garrison::host {
namespace {

using Commands = std::vector<std::string>;

TEST(DeviceCheckTest, a_port_that_is_not_there_is_the_topology_s_to_mend) {
  const SoundMachine machine;
  machine.tree.remove("/sys/class/net/eth1");
  machine.tree.write("/sys/class/net/lo/flags", "0x9");
  const Finding finding = only(machine.check());
  EXPECT_EQ(finding.text, "lan of A1: there is no such interface here; there are: eth0");
  EXPECT_EQ(finding.fix.advice, "correct port in lan of A1 of t.toml");
  EXPECT_TRUE(finding.fix.steps.empty());
}

TEST(DeviceCheckTest, a_pci_device_that_is_not_there_or_no_address_is_the_topology_s_to_mend) {
  SoundMachine machine;
  for (const char* address : {"0000:5e:00.0", "0000:3b:00", "..", "0000:3b:00.1/../0000:3b:00.1"}) {
    machine.needs.ports[1].device.name = address;
    EXPECT_TRUE(contains(only(machine.check()).text,
                         "there is no such PCI device here; network controllers are: 0000:02:00.0, 0000:3b:00.0, "
                         "0000:3b:00.1"))
        << address;
  }
}

TEST(DeviceCheckTest, the_nic_with_the_default_route_is_refused_and_nothing_of_it_is_mended) {
  SoundMachine machine;
  machine.tree.write("/sys/class/net/eth0/mtu", "500");
  machine.ethtool.pause_of["eth0"] = {true, true, true};
  machine.needs.ports[0].device.name = "eth0";
  machine.needs.ports[1].device.name = kManagement;
  const Report report = machine.check();
  ASSERT_EQ(report.findings.size(), 2U) << text_of(report);
  for (const Finding& finding : report.findings) {
    EXPECT_TRUE(contains(finding.text, "it carries the default route"));
    EXPECT_TRUE(finding.fix.steps.empty());
  }
}

TEST(DeviceCheckTest, a_driver_of_the_kernel_makes_room_for_vfio) {
  const SoundMachine machine;
  machine.nic(kWan, "ixgbe", "eth2", "02:00:00:00:01:01", "9");
  machine.tree.remove("/sys/bus/pci/drivers/vfio-pci");
  const Finding finding = only(machine.check());
  EXPECT_EQ(finding.text, "wan of A1: ixgbe has it; DPDK wants vfio-pci");
  EXPECT_EQ(commands(finding), (Commands{"modprobe vfio-pci", "ip link set dev eth2 down",
                                         "echo vfio-pci > /sys/bus/pci/devices/0000:3b:00.1/driver_override",
                                         "echo 0000:3b:00.1 > /sys/bus/pci/devices/0000:3b:00.1/driver/unbind",
                                         "echo 0000:3b:00.1 > /sys/bus/pci/drivers_probe"}));
  EXPECT_EQ(finding.fix.touches, (std::vector<std::string>{kWan}));
}

TEST(DeviceCheckTest, a_device_without_a_driver_gets_vfio) {
  const SoundMachine machine;
  machine.tree.remove(std::string("/sys/bus/pci/devices/") + kWan + "/driver");
  const Finding finding = only(machine.check());
  EXPECT_TRUE(contains(finding.text, "no driver has it"));
  EXPECT_EQ(commands(finding), (Commands{"echo vfio-pci > /sys/bus/pci/devices/0000:3b:00.1/driver_override",
                                         "echo 0000:3b:00.1 > /sys/bus/pci/drivers_probe"}));
}

TEST(DeviceCheckTest, a_driver_that_dpdk_works_beside_stays) {
  SoundMachine machine;
  machine.nic(kWan, "mlx5_core", "eth2", "02:00:00:00:01:01", "9");
  EXPECT_TRUE(machine.check().findings.empty());
  machine.ethtool.pause_of["eth2"] = {false, true, false};
  EXPECT_EQ(commands(only(machine.check())), (Commands{"ethtool -A eth2 autoneg off rx off tx off"}));
}

TEST(DeviceCheckTest, a_group_goes_to_dpdk_as_a_whole) {
  const SoundMachine machine;
  machine.nic(kLan, "ixgbe", "eth1", "02:00:00:00:00:01", "9");
  machine.tree.write("/sys/bus/pci/devices/0000:3a:00.0/class", "0x060400");  // a bridge does not count
  machine.tree.link("/sys/bus/pci/devices/0000:3a:00.0/driver", "../drivers/pcieport");
  machine.tree.link("/sys/kernel/iommu_groups/9/devices/0000:3a:00.0", "../../../../bus/pci/devices/0000:3a:00.0");
  const Finding finding = only(machine.check());
  EXPECT_EQ(finding.text,
            "wan of A1: its IOMMU group 9 holds 0000:3b:00.0 (ixgbe), and a group goes to DPDK as a whole");
}

TEST(DeviceCheckTest, an_interface_that_is_down_goes_up_and_one_without_link_needs_a_hand) {
  const SoundMachine machine;
  machine.tree.write("/sys/class/net/eth1/flags", "0x1002");
  EXPECT_EQ(commands(only(machine.check())), (Commands{"ip link set dev eth1 up"}));
  machine.tree.write("/sys/class/net/eth1/flags", "0x1003");
  machine.tree.write("/sys/class/net/eth1/carrier", "0");
  EXPECT_TRUE(contains(only(machine.check()).fix.advice, "ethtool eth1"));
}

TEST(DeviceCheckTest, promiscuous_mode_is_told_as_the_kernel_has_it) {
  const SoundMachine machine;
  machine.tree.write("/sys/class/net/eth1/flags", "0x1103");
  EXPECT_TRUE(contains(text_of(machine.check()), "link up, promiscuous on"));
}

TEST(DeviceCheckTest, what_a_device_takes_must_do_for_the_topology) {
  SoundMachine machine;
  machine.tree.write("/sys/class/net/eth1/mtu", "1399");
  EXPECT_EQ(commands(only(machine.check())), (Commands{"ip link set dev eth1 mtu 1400"}));
  machine.tree.write("/sys/class/net/eth1/mtu", "1400");
  machine.ethtool.rings_of["eth1"] = {512, 4096, 2048, 4096};
  EXPECT_EQ(commands(only(machine.check())), (Commands{"ethtool -G eth1 rx 1024 tx 2048"}));
  machine.ethtool.rings_of["eth1"] = {512, 512, 256, 512};
  EXPECT_EQ(commands(only(machine.check())), (Commands{"ethtool -G eth1 rx 512 tx 512"}));
  machine.ethtool.rings_of["eth1"] = {512, 512, 512, 512};  // all it has
  EXPECT_TRUE(machine.check().findings.empty());
  machine.ethtool.rings_of.clear();
  EXPECT_TRUE(contains(text_of(machine.check()), "rings not told"));
}

TEST(DeviceCheckTest, pause_frames_go_off) {
  SoundMachine machine;
  for (const PauseFrames pause : {PauseFrames{true, true, false}, PauseFrames{false, false, true}}) {
    machine.ethtool.pause_of["eth1"] = pause;
    EXPECT_EQ(commands(only(machine.check())), (Commands{"ethtool -A eth1 autoneg off rx off tx off"}));
  }
}

TEST(DeviceCheckTest, another_mac_than_the_topology_s_is_said) {
  const SoundMachine machine;
  machine.tree.write("/sys/class/net/eth1/address", "02:00:00:00:00:55");
  EXPECT_EQ(only(machine.check()).text,
            "lan of A1: it has the MAC 02:00:00:00:00:55, and the topology says 02:00:00:00:00:01");
}

TEST(DeviceCheckTest, an_arp_answer_that_differs_from_the_topology_is_pinned) {
  SoundMachine machine;
  machine.needs.addresses[1].mac = "02:00:00:00:00:66";
  const Finding finding = only(machine.check());
  EXPECT_EQ(finding.text,
            "lan of A2: the kernel has it at 02:00:00:00:00:02 on eth1, and the topology says 02:00:00:00:00:66");
  EXPECT_EQ(commands(finding), (Commands{"ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:66 nud permanent dev eth1"}));
  // Asked for and not answered yet.
  machine.needs.addresses[1] = {"lan of A3", "10.1.0.3", "02:00:00:00:00:03"};
  EXPECT_TRUE(machine.check().findings.empty());
}

TEST(DeviceCheckTest, the_router_behind_a_port_is_compared_as_well) {
  SoundMachine machine;
  machine.needs.ports[0].gateway = "02:00:00:00:00:fe";
  EXPECT_TRUE(machine.check().findings.empty());
  machine.tree.write("/proc/net/arp", "IP HW Flags HW Mask Device\n10.0.2.9 0x1 0x2 02:00:00:00:00:fd * eth1");
  const Finding finding = only(machine.check());
  EXPECT_TRUE(contains(finding.text, "gateway of the lan of A1: the kernel has it at 02:00:00:00:00:fd"));
}

TEST(DeviceCheckTest, names_of_devices_are_quoted_for_the_shell) {
  SoundMachine machine;
  const std::string name = "e;$(reboot)'x";
  machine.nic(kLan, "ixgbe", name, "02:00:00:00:00:01", "8");
  machine.tree.remove("/sys/class/net/eth1");
  machine.tree.write("/sys/class/net/" + name + "/flags", "0x1002");
  machine.needs.ports[0].device.name = name;
  EXPECT_EQ(commands(only(machine.check())), (Commands{"ip link set dev 'e;$(reboot)'\\''x' up"}));
}

}  // namespace
}  // namespace garrison::host
